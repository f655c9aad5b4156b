#pragma once
/// The 12-byte header of a yamux frame:
///
///     version(1)=0  type(1)  flags(2)  stream id(4)  length(4)      big-endian
///
/// Spec: libp2p/specs, yamux/README.md; hashicorp/yamux, spec.md. `length` counts the bytes that follow for data,
/// is the additional window for a window update, the opaque value of a ping, the reason of a go-away.
#include <array>
#include <cstdint>

#include "crypto/bytes.hpp"
#include "crypto/strong.hpp"

namespace conclave::tcp {

using YamuxId = Strong<struct YamuxIdTag, std::uint32_t>;

struct YamuxHeader {
  enum class Type : Byte { data = 0, window_update = 1, ping = 2, go_away = 3 };
  enum Flag : std::uint16_t { syn = 1, ack = 2, fin = 4, rst = 8 };
  enum Reason : std::uint32_t { normal = 0, protocol_error = 1, internal_error = 2 };
  static constexpr std::size_t size = 12;

  Type type = Type::data;
  std::uint16_t flags = 0;
  YamuxId stream;
  std::uint32_t length = 0;
  bool operator==(const YamuxHeader&) const = default;

  bool has(Flag flag) const { return (flags & flag) != 0; }
};

std::array<Byte, YamuxHeader::size> encode(const YamuxHeader& header);
/// Fails with Errc::unsupported for another version, Errc::malformed for an unknown type or flag, a ping or
/// go-away that names a stream, or data or a window update that names none; Errc::wrong_length.
Result<YamuxHeader> decode_yamux_header(ByteView in);

}  // namespace conclave::tcp
