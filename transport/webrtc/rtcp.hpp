#pragma once
/// RTCP (RFC 3550 section 6) with the feedback messages of RFC 4585 and RFC 5104 and transport-wide feedback
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01): the ones that browsers and we exchange.
#include <optional>
#include <string>
#include <variant>

#include "crypto/bytes.hpp"
#include "crypto/time.hpp"

namespace conclave::webrtc {

/// 64-bit NTP time: seconds since 1900 and their fraction. Only differences and equality matter to us.
struct NtpTime {
  std::uint64_t value = 0;
  /// The middle 32 bits, which reports carry.
  std::uint32_t middle() const { return static_cast<std::uint32_t>(value >> 16); }
  static NtpTime from(UnixTime wall);
  friend constexpr auto operator<=>(NtpTime, NtpTime) = default;
};

struct ReportBlock {
  std::uint32_t ssrc = 0;
  Byte fraction_lost = 0;             ///< of 256, since the last report
  std::int32_t lost = 0;              ///< in all; 24 bits, signed: duplicates count against it
  std::uint32_t highest_sequence = 0;  ///< with the count of wraps above
  std::uint32_t jitter = 0;           ///< in timestamp units
  std::uint32_t last_report = 0;      ///< NtpTime::middle() of the last sender report, 0 for none
  std::uint32_t delay = 0;            ///< since that report, in 1/65536 s
  bool operator==(const ReportBlock&) const = default;
};
struct SenderReport {
  std::uint32_t ssrc = 0;
  NtpTime ntp;
  std::uint32_t timestamp = 0, packets = 0, octets = 0;
  std::vector<ReportBlock> blocks;
  bool operator==(const SenderReport&) const = default;
};
struct ReceiverReport {
  std::uint32_t ssrc = 0;
  std::vector<ReportBlock> blocks;
  bool operator==(const ReceiverReport&) const = default;
};
struct SourceDescription {  ///< CNAME only
  std::uint32_t ssrc = 0;
  std::string cname;
  bool operator==(const SourceDescription&) const = default;
};
struct Goodbye {
  std::vector<std::uint32_t> ssrcs;
  bool operator==(const Goodbye&) const = default;
};
struct Nack {
  std::uint32_t sender = 0, media = 0;
  std::vector<std::uint16_t> lost;  ///< ascending on the circle
  bool operator==(const Nack&) const = default;
};
struct PictureLoss {
  std::uint32_t sender = 0, media = 0;
  bool operator==(const PictureLoss&) const = default;
};
struct FullIntraRequest {
  std::uint32_t sender = 0, media = 0;
  Byte number = 0;
  bool operator==(const FullIntraRequest&) const = default;
};
/// Which transport-wide numbers arrived, and when.
struct TransportFeedback {
  static constexpr std::size_t statuses_max = 4096;  ///< a run length lets few bytes claim many
  std::uint32_t sender = 0, media = 0;
  std::uint16_t base = 0;      ///< number of the first status
  Byte count = 0;              ///< of feedback messages, wraps
  std::uint32_t reference = 0;  ///< 24 bits, in 64 ms
  /// For each number from `base` on: nothing if it has not arrived, else the step from the previous arrival
  /// (from the reference time for the first) in 250 µs.
  std::vector<std::optional<std::int16_t>> statuses;
  bool operator==(const TransportFeedback&) const = default;
};

using Rtcp = std::variant<SenderReport, ReceiverReport, SourceDescription, Goodbye, Nack, PictureLoss,
                          FullIntraRequest, TransportFeedback>;

/// All messages of a compound packet that we know; others are skipped. Reduced-size packets (RFC 5506) are
/// welcome. Fails with Errc::malformed or Errc::too_long when any part does not parse.
Result<std::vector<Rtcp>> decode_rtcp(ByteView compound);
/// Appends one message. A list longer than its format carries is a bug of ours.
void encode_rtcp(const Rtcp& message, Bytes& to);

}  // namespace conclave::webrtc
