#include "transport/tcp/yamux_frame.hpp"

namespace conclave::tcp {
namespace {

std::uint32_t big_endian(ByteView bytes) {
  std::uint32_t out = 0;
  for (Byte byte : bytes) out = out << 8 | byte;
  return out;
}

void put32(Byte* at, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<Byte>(value >> shift);
}

}  // namespace

std::array<Byte, YamuxHeader::size> encode(const YamuxHeader& header) {
  std::array<Byte, YamuxHeader::size> out{};
  out[1] = static_cast<Byte>(header.type);
  out[2] = static_cast<Byte>(header.flags >> 8);
  out[3] = static_cast<Byte>(header.flags);
  put32(out.data() + 4, header.stream.raw());
  put32(out.data() + 8, header.length);
  return out;
}

Result<YamuxHeader> decode_yamux_header(ByteView in) {
  if (in.size() != YamuxHeader::size) return fail(Errc::wrong_length);
  if (in[0] != 0) return fail(Errc::unsupported);
  if (in[1] > static_cast<Byte>(YamuxHeader::Type::go_away)) return fail(Errc::malformed);
  YamuxHeader out;
  out.type = static_cast<YamuxHeader::Type>(in[1]);
  out.flags = static_cast<std::uint16_t>(big_endian(in.subspan(2, 2)));
  out.stream = YamuxId(big_endian(in.subspan(4, 4)));
  out.length = big_endian(in.subspan(8, 4));
  constexpr unsigned known = YamuxHeader::syn | YamuxHeader::ack | YamuxHeader::fin | YamuxHeader::rst;
  if ((out.flags & ~known) != 0) return fail(Errc::malformed);
  bool names_stream = out.type == YamuxHeader::Type::data || out.type == YamuxHeader::Type::window_update;
  if (names_stream != (out.stream != YamuxId())) return fail(Errc::malformed);
  return out;
}

}  // namespace conclave::tcp
