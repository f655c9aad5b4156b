#pragma once
/// "Come into this conference": what a contact's device says on a stream `/conclave/ring/1`, which it ends then. Who is
/// no contact is not heard. docs/calls.md, section 9.
#include "crypto/keys.hpp"
#include "crypto/result.hpp"

#include <optional>
#include <string_view>

namespace conclave::node {

inline constexpr std::string_view ring_protocol = "/conclave/ring/1";
inline constexpr std::size_t ring_size_max = 128;

enum class RingKind : Byte {
  ring = 1,    ///< come into this conference
  stop = 2,    ///< no longer: the caller hung up, or was answered on another device
  decline = 3  ///< the answer to a ring: no
};

struct Ring {
  ConferenceKey conference;
  RingKind kind = RingKind::ring;
  std::optional<Secret<32>> invite;  ///< its seed lets the one who is rung for in without knocking
};

Bytes encode(const Ring& ring);
/// Fails with Errc of the codec, unsupported (another version), malformed or wrong_length.
Result<Ring> decode_ring(ByteView in);

}  // namespace conclave::node
