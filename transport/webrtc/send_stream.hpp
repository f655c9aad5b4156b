#pragma once
/// One RTP stream that goes out to one receiver: its numbers, what it has sent, what it sends again, its sender
/// reports (RFC 3550 section 6.4.1) and what the receiver says of it. Payloads stay with their source
/// (PacketRing); here is only which of them stands behind each number.
#include "transport/webrtc/rewriter.hpp"

namespace conclave::webrtc {

struct SendStreamConfig {
  std::uint32_t ssrc = 0, rtx_ssrc = 0;        ///< rtx_ssrc 0: no retransmission (audio)
  Byte payload_type = 0, rtx_payload_type = 0;  ///< in the receiver's numbering
  std::uint32_t clock_rate = 90000;
};

class SendStream {
 public:
  static constexpr std::size_t history = 1024;  ///< numbers; a second of 10 Mbit/s
  static constexpr int resends_max = 10;

  SendStream(const SendStreamConfig& config, Rewriter rewriter);

  Rewriter& rewriter() { return rewriter_; }
  const SendStreamConfig& config() const { return config_; }

  /// The header of a packet that was placed; remembers that it stands for `source`'s packet.
  RtpHeader send(const Rewriter::Place& place, const RtpHeader& original, std::uint32_t source, std::size_t size,
                 TimePoint now);

  struct Again {
    std::uint32_t source = 0;
    std::uint16_t source_sequence = 0;
    Rewriter::Place place;
    bool marker = false;
    int copy = 0;  ///< 1 for the first repeat
  };
  /// Which packet the receiver misses; nothing when it is unknown, too old, or was sent again less than one `rtt`
  /// ago (browsers ask twice).
  std::optional<Again> lost(std::uint16_t sequence, TimePoint now, Duration rtt);
  /// Copy `copy` (0: the first) of a packet did not arrive: the packet, unless a later copy is on its way already.
  std::optional<Again> gone(std::uint16_t sequence, int copy, TimePoint now);
  /// The newest packet sent, as filling for probes.
  std::optional<Again> newest() const;
  /// Header and two-byte head (RFC 4588) of a retransmission.
  std::pair<RtpHeader, std::array<Byte, 2>> retransmission(const Again& again);

  /// Header of a packet that is padding alone: a probe where nothing has been sent yet.
  RtpHeader padding() {
    return {false, config_.rtx_payload_type, rtx_sequence_++, newest_timestamp_, config_.rtx_ssrc};
  }

  /// Nothing before the first packet.
  std::optional<SenderReport> report(TimePoint now, UnixTime wall) const;
  /// The receiver's words about this stream.
  void hear(const ReportBlock& block, NtpTime now);
  Duration rtt() const { return rtt_; }
  double fraction_lost() const { return fraction_lost_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t resent() const { return resent_; }

 private:
  struct Sent {
    bool used = false;
    bool marker = false;
    int resent = 0;
    std::uint32_t source = 0;
    std::uint16_t source_sequence = 0;
    Rewriter::Place place;
    TimePoint at{};
  };
  Sent* find(std::uint16_t sequence);
  Again repeat(Sent& sent, TimePoint now);
  SendStreamConfig config_;
  Rewriter rewriter_;
  std::vector<Sent> sent_;
  std::optional<std::uint16_t> newest_;
  std::uint16_t rtx_sequence_ = 1;
  std::uint64_t packets_ = 0, octets_ = 0, resent_ = 0;
  std::uint32_t newest_timestamp_ = 0;
  TimePoint newest_at_{};
  Duration rtt_{100'000};
  double fraction_lost_ = 0;
};

}  // namespace conclave::webrtc
