#include "dht/position.hpp"

#include "crypto/hash.hpp"

namespace conclave::dht {

namespace {

crypto::Digest digest(std::string_view domain, const NodeKey& node, std::uint64_t nonce) {
  constexpr Byte zero[1] = {0};
  std::array<Byte, 8> number;
  for (int i = 0; i < 8; ++i) number[static_cast<std::size_t>(i)] = static_cast<Byte>(nonce >> (56 - 8 * i));
  return crypto::sha256({view(domain), zero, node.view(), number});
}

}  // namespace

Key position_of(const NodeKey& node, std::uint64_t nonce) {
  return {digest("conclave/dht/position/1", node, nonce).bytes};
}

bool worked(const NodeKey& node, std::uint64_t nonce, int work_bits) {
  if (work_bits == 0) return true;
  auto hash = digest("conclave/dht/work/1", node, nonce);
  return big_endian(hash.bytes.data()) >> (64 - work_bits) == 0;
}

std::optional<std::uint64_t> find_nonce(const NodeKey& node, int work_bits, std::uint64_t from,
                                        std::uint64_t tries) {
  for (auto nonce = from; nonce - from < tries; ++nonce)
    if (worked(node, nonce, work_bits)) return nonce;
  return std::nullopt;
}

}  // namespace conclave::dht
