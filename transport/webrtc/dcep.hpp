#pragma once
/// Data channel establishment (RFC 8832): the two messages with which a peer opens a channel.
#include <optional>
#include <string>

#include "crypto/bytes.hpp"

namespace conclave::webrtc {

struct ChannelOpen {
  static constexpr std::size_t name_max = 256;  ///< bytes of label and of protocol
  Byte type = 0;                                ///< 0 is reliable and ordered
  std::uint16_t priority = 0;
  std::uint32_t reliability = 0;
  std::string label, protocol;
  bool operator==(const ChannelOpen&) const = default;
};

/// Payload protocol identifiers (RFC 8831 section 8). Empty messages have their own, as SCTP cannot carry them.
enum class Ppid : std::uint32_t { dcep = 50, text = 51, binary = 53, text_empty = 56, binary_empty = 57 };

/// Fails with Errc::malformed, Errc::too_long; Errc::unexpected_type for anything but an open.
Result<ChannelOpen> decode_channel_open(ByteView message);
Bytes encode(const ChannelOpen& open);
/// DATA_CHANNEL_ACK.
inline Bytes channel_ack() { return {2}; }

}  // namespace conclave::webrtc
