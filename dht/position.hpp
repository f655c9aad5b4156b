#pragma once
/// Where a node stands in the key space, and the work it did for that place.
///
/// A node looks for a nonce such that SHA-256("conclave/dht/work/1" ‖ 0 ‖ node key ‖ nonce) starts with
/// `work_bits` zero bits; its position is SHA-256("conclave/dht/position/1" ‖ 0 ‖ node key ‖ nonce), the
/// nonce as 8 bytes big endian. Each try at a place costs 2^work_bits hashes on average. At 20 bits a place
/// next to a key among a million nodes costs 2^40 hashes: four minutes of a GPU that does 4·10^9 SHA-256 a
/// second. It is a brake, not a wall: what walls there are stand in the lookup and in the region rule.
#include "crypto/keys.hpp"
#include "dht/key.hpp"

#include <optional>

namespace conclave::dht {

/// Of the public network. Laboratories use less; all nodes of a network use the same.
inline constexpr int public_work_bits = 20;
inline constexpr int work_bits_max = 40;

Key position_of(const NodeKey& node, std::uint64_t nonce);
/// Whether that nonce is work of `work_bits` bits for that key.
bool worked(const NodeKey& node, std::uint64_t nonce, int work_bits);
/// Tries nonces from `from` on, `tries` of them: the first that is work, or nothing. About 10^6 tries are a
/// tenth of a second, so a node spreads them, or gives them to a worker.
std::optional<std::uint64_t> find_nonce(const NodeKey& node, int work_bits, std::uint64_t from,
                                        std::uint64_t tries);

}  // namespace conclave::dht
