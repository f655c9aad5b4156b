#pragma once
/// Unsigned varint: 7 bits a byte, least significant first, the high bit says "more".
///
/// Spec: multiformats/unsigned-varint. At most 9 bytes (63 bits), and only the shortest form is read, so that one
/// number has one encoding.
#include <optional>

#include "crypto/bytes.hpp"

namespace conclave::codec {

inline constexpr std::size_t varint_size_max = 9;
inline constexpr std::uint64_t varint_max = (std::uint64_t{1} << 63) - 1;

/// `value` is at most `varint_max`.
void append_varint(Bytes& to, std::uint64_t value);
Bytes varint(std::uint64_t value);

struct Varint {
  std::uint64_t value = 0;
  std::size_t size = 0;  ///< bytes read
};
/// The number at the start of `in`. Nothing where more bytes are needed, so that a stream can be cut anywhere;
/// fails with Errc::malformed for a number of more than 9 bytes or in a form that is not the shortest.
Result<std::optional<Varint>> read_varint(ByteView in);

/// Takes a number from the front of `in`. Fails with Errc::malformed, also where bytes are missing.
Result<std::uint64_t> take_varint(ByteView& in);

}  // namespace conclave::codec
