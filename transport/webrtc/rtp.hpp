#pragma once
/// RTP packets (RFC 3550 section 5.1) and their header extensions (RFC 8285), read and written in place: a
/// packet is forwarded a hundred thousand times a second, so nothing here allocates.
#include <optional>
#include <string_view>

#include "crypto/bytes.hpp"

namespace conclave::webrtc {

struct RtpHeader {
  bool marker = false;
  Byte payload_type = 0;  ///< 7 bits
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  bool operator==(const RtpHeader&) const = default;
};

/// Which local identifier (1…14; 0 = absent) a peer gave to each extension that we use.
struct ExtensionIds {
  Byte mid = 0;              ///< RFC 9143: urn:ietf:params:rtp-hdrext:sdes:mid
  Byte rid = 0;              ///< RFC 8852: …:sdes:rtp-stream-id
  Byte repaired_rid = 0;     ///< RFC 8852: …:sdes:repaired-rtp-stream-id
  Byte audio_level = 0;      ///< RFC 6464: urn:ietf:params:rtp-hdrext:ssrc-audio-level
  Byte abs_send_time = 0;    ///< http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
  Byte transport_cc = 0;     ///< draft-holmer-rmcat-transport-wide-cc-extensions-01
  bool operator==(const ExtensionIds&) const = default;
};

struct AudioLevel {
  bool voice = false;
  Byte below_overload = 127;  ///< −dBov: 0 is loudest, 127 silence
  bool operator==(const AudioLevel&) const = default;
};

/// What the extensions of one packet say. Names are at most 16 bytes (RFC 8285 one-byte form).
struct RtpExtensions {
  std::string_view mid, rid, repaired_rid;
  std::optional<AudioLevel> audio_level;
  std::optional<std::uint32_t> abs_send_time;  ///< 24 bits: seconds × 2^18
  std::optional<std::uint16_t> transport_cc;
  bool operator==(const RtpExtensions&) const = default;
};

/// A packet in clear. Views point into the buffer it was decoded from.
struct RtpPacket {
  RtpHeader header;
  std::size_t header_size = 0;
  ByteView payload;  ///< without padding; empty for a padding-only probe
  ByteView extension_words;
  std::uint16_t extension_profile = 0;
  std::size_t size = 0;  ///< of the whole packet, with header and padding

  RtpExtensions extensions(const ExtensionIds& ids) const;
};

/// Above this nothing fits a datagram that we would forward.
inline constexpr std::size_t rtp_size_max = 1500;
/// Fixed header plus the largest extension block that `write_rtp_header` makes.
inline constexpr std::size_t rtp_header_room = 12 + 4 + 4 * 17 + 2 + 4 + 3 + 3;

/// The length of the part that SRTP leaves in clear. Fails with Errc::malformed.
Result<std::size_t> rtp_header_size(ByteView packet);
/// Fails with Errc::malformed, Errc::too_long.
Result<RtpPacket> decode_rtp(ByteView packet);

/// Writes a header with the extensions that have an id and a value; returns its size. `into` has at least
/// `rtp_header_room` bytes. Names over 16 bytes are a bug of ours.
std::size_t write_rtp_header(MutableBytes into, const RtpHeader& header, const RtpExtensions& extensions,
                             const ExtensionIds& ids);
/// Appends padding of `count` bytes (1…255) behind a packet of `size` bytes and sets its P bit.
void pad_rtp(MutableBytes packet, std::size_t size, std::size_t count);

/// RFC 5761 section 4: RTCP packet types take the place of payload types 64…95 with the marker bit.
inline bool is_rtcp(ByteView packet) { return packet.size() > 1 && packet[1] >= 192 && packet[1] <= 223; }

}  // namespace conclave::webrtc
