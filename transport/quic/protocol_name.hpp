#pragma once
/// The first bytes of every stream: which protocol it speaks. One byte of length, 1 to 64, then the name.
#include "crypto/bytes.hpp"

#include <optional>

namespace conclave::quic {

inline constexpr std::size_t protocol_name_max = 64;

/// `name` has 1 to `protocol_name_max` bytes.
Bytes encode_protocol_name(std::string_view name);

/// Reads a name that arrives in pieces.
class ProtocolNameReader {
 public:
  /// Takes from the front of `bytes` what belongs to the name. The name once it is whole; Errc::malformed for
  /// an empty or overlong one, or one that is not printable ASCII.
  Result<std::optional<std::string>> feed(ByteView& bytes);

 private:
  std::optional<std::size_t> size_;
  std::string name_;
};

}  // namespace conclave::quic
