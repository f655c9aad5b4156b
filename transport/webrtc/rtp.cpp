#include "transport/webrtc/rtp.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::uint16_t one_byte_profile = 0xbede;
constexpr std::size_t name_max = 16;

bool two_byte_profile(std::uint16_t profile) { return (profile & 0xfff0) == 0x1000; }

void read_extension(RtpExtensions& out, const ExtensionIds& ids, Byte id, ByteView value) {
  if (id == ids.mid && value.size() <= name_max) out.mid = text(value);
  if (id == ids.rid && value.size() <= name_max) out.rid = text(value);
  if (id == ids.repaired_rid && value.size() <= name_max) out.repaired_rid = text(value);
  if (id == ids.audio_level && !value.empty()) {
    out.audio_level = AudioLevel{(value[0] & 0x80) != 0, static_cast<Byte>(value[0] & 0x7f)};
  }
  if (id == ids.abs_send_time && value.size() == 3) out.abs_send_time = be24(value.data());
  if (id == ids.transport_cc && value.size() == 2) out.transport_cc = be16(value.data());
}

}  // namespace

Result<std::size_t> rtp_header_size(ByteView packet) {
  if (packet.size() < 12 || packet[0] >> 6 != 2) return fail(Errc::malformed);
  std::size_t size = 12 + std::size_t{4} * (packet[0] & 0xf);
  if (packet[0] & 0x10) {
    if (packet.size() < size + 4) return fail(Errc::malformed);
    size += 4 + std::size_t{4} * be16(packet.data() + size + 2);
  }
  if (packet.size() < size) return fail(Errc::malformed);
  return size;
}

Result<RtpPacket> decode_rtp(ByteView packet) {
  if (packet.size() > rtp_size_max) return fail(Errc::too_long);
  TRY(auto header_size, rtp_header_size(packet));
  RtpPacket out;
  out.header = {(packet[1] & 0x80) != 0, static_cast<Byte>(packet[1] & 0x7f), be16(packet.data() + 2),
                be32(packet.data() + 4), be32(packet.data() + 8)};
  out.header_size = header_size;
  out.size = packet.size();
  if (packet[0] & 0x10) {
    std::size_t at = 12 + std::size_t{4} * (packet[0] & 0xf);
    out.extension_profile = be16(packet.data() + at);
    out.extension_words = packet.subspan(at + 4, header_size - at - 4);
  }
  out.payload = packet.subspan(header_size);
  if (packet[0] & 0x20) {
    if (out.payload.empty() || out.payload.back() == 0 || out.payload.back() > out.payload.size()) {
      return fail(Errc::malformed);
    }
    out.payload = out.payload.first(out.payload.size() - out.payload.back());
  }
  return out;
}

RtpExtensions RtpPacket::extensions(const ExtensionIds& ids) const {
  RtpExtensions out;
  bool short_form = extension_profile == one_byte_profile;
  if (!short_form && !two_byte_profile(extension_profile)) return out;
  auto rest = extension_words;
  while (!rest.empty()) {
    if (rest[0] == 0) {  // a byte of padding
      rest = rest.subspan(1);
      continue;
    }
    Byte id;
    std::size_t head, length;
    if (short_form) {
      id = rest[0] >> 4;
      if (id == 15) break;  // RFC 8285 section 4.2: stop reading
      head = 1;
      length = (rest[0] & 0xfU) + 1;
    } else {
      if (rest.size() < 2) break;
      id = rest[0];
      head = 2;
      length = rest[1];
    }
    if (rest.size() < head + length) break;
    if (id != 0) read_extension(out, ids, id, rest.subspan(head, length));
    rest = rest.subspan(head + length);
  }
  return out;
}

std::size_t write_rtp_header(MutableBytes into, const RtpHeader& header, const RtpExtensions& extensions,
                             const ExtensionIds& ids) {
  ensure(into.size() >= rtp_header_room, "room for an RTP header");
  auto* at = into.data();
  at[1] = static_cast<Byte>((header.marker ? 0x80 : 0) | header.payload_type);
  put16(at + 2, header.sequence);
  put32(at + 4, header.timestamp);
  put32(at + 8, header.ssrc);

  std::size_t end = 16;
  auto element = [&](Byte id, std::size_t size) {
    at[end] = static_cast<Byte>(id << 4 | (size - 1));
    end += 1 + size;
    return at + end - size;
  };
  auto name = [&](Byte id, std::string_view value) {
    if (id == 0 || value.empty()) return;
    ensure(value.size() <= name_max, "an RTP stream name fits");
    std::memcpy(element(id, value.size()), value.data(), value.size());
  };
  name(ids.mid, extensions.mid);
  name(ids.rid, extensions.rid);
  name(ids.repaired_rid, extensions.repaired_rid);
  if (ids.audio_level && extensions.audio_level) {
    *element(ids.audio_level, 1) = static_cast<Byte>((extensions.audio_level->voice ? 0x80 : 0) |
                                                     (extensions.audio_level->below_overload & 0x7f));
  }
  if (ids.abs_send_time && extensions.abs_send_time) put24(element(ids.abs_send_time, 3), *extensions.abs_send_time);
  if (ids.transport_cc && extensions.transport_cc) put16(element(ids.transport_cc, 2), *extensions.transport_cc);

  if (end == 16) {
    at[0] = 0x80;
    return 12;
  }
  while (end % 4 != 0) at[end++] = 0;
  at[0] = 0x90;
  put16(at + 12, one_byte_profile);
  put16(at + 14, (end - 16) / 4);
  return end;
}

void pad_rtp(MutableBytes packet, std::size_t size, std::size_t count) {
  ensure(count >= 1 && count <= 255 && packet.size() >= size + count, "room for RTP padding");
  std::fill_n(packet.begin() + static_cast<std::ptrdiff_t>(size), count - 1, Byte{0});
  packet[size + count - 1] = static_cast<Byte>(count);
  packet[0] |= 0x20;
}

}  // namespace conclave::webrtc
