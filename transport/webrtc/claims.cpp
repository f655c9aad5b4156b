#include "transport/webrtc/claims.hpp"

#include "crypto/ensure.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t fixed_size = 42;
constexpr Byte client_flag = 1, channel_flag = 2;

/// 35…63 would make an RTCP packet type of a marked packet (RFC 5761), and 64…95 do.
bool usable(Byte payload_type) {
  return payload_type == 0 || (payload_type >= 35 && payload_type < 64) || (payload_type >= 96 && payload_type < 128);
}

}  // namespace

Bytes encode(const Claims& claims) {
  ensure(claims.proof.size() <= Claims::proof_max, "a proof fits");
  Bytes out{Claims::version, static_cast<Byte>((claims.page_is_dtls_client ? client_flag : 0) |
                                               (claims.data_channel ? channel_flag : 0))};
  append(out, claims.page);
  auto& types = claims.payload_types;
  for (auto type : {types.opus, types.vp8, types.vp8_rtx, types.vp9, types.vp9_rtx}) out.push_back(type);
  auto& ids = claims.extensions;
  out.push_back(static_cast<Byte>(ids.mid << 4 | ids.rid));
  out.push_back(static_cast<Byte>(ids.repaired_rid << 4 | ids.audio_level));
  out.push_back(static_cast<Byte>(ids.abs_send_time << 4 | ids.transport_cc));
  append(out, claims.proof);
  return out;
}

Result<Claims> decode_claims(ByteView bytes) {
  if (bytes.empty()) return fail(Errc::malformed);
  if (bytes[0] != Claims::version) return fail(Errc::unsupported);
  if (bytes.size() < fixed_size || bytes.size() > fixed_size + Claims::proof_max) return fail(Errc::malformed);
  if ((bytes[1] & ~(client_flag | channel_flag)) != 0) return fail(Errc::malformed);
  Claims out;
  out.page_is_dtls_client = (bytes[1] & client_flag) != 0;
  out.data_channel = (bytes[1] & channel_flag) != 0;
  std::copy_n(bytes.begin() + 2, 32, out.page.bytes.begin());
  for (auto type : bytes.subspan(34, 5)) {
    if (!usable(type)) return fail(Errc::malformed);
  }
  out.payload_types = {bytes[34], bytes[35], bytes[36], bytes[37], bytes[38]};
  auto high = [&](std::size_t at) { return static_cast<Byte>(bytes[at] >> 4); };
  auto low = [&](std::size_t at) { return static_cast<Byte>(bytes[at] & 15); };
  out.extensions = {high(39), low(39), high(40), low(40), high(41), low(41)};
  for (auto id : {high(39), low(39), high(40), low(40), high(41), low(41)}) {
    if (id == 15) return fail(Errc::malformed);  // reserved by RFC 8285
  }
  out.proof = copy(bytes.subspan(fixed_size));
  return out;
}

std::string to_ice_chars(ByteView bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (auto byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63];
  return out;
}

Result<Bytes> from_ice_chars(std::string_view text) {
  if (text.size() > 256) return fail(Errc::too_long);
  if (text.size() % 4 == 1) return fail(Errc::malformed);
  Bytes out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    auto value = alphabet.find(c);
    if (value == std::string_view::npos) return fail(Errc::malformed);
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<Byte>(bits >> count));
    }
  }
  // One text for one content: the bits left over are zero.
  if ((bits & ((1U << count) - 1)) != 0) return fail(Errc::malformed);
  return out;
}

}  // namespace conclave::webrtc
