#pragma once
/// One RTP stream that comes in: what has arrived, what is missing and worth asking for again, and what to report
/// (RFC 3550 section 6.4.1, RFC 4585 section 6.2.1). It keeps no media: no jitter buffer, a forwarder passes on.
#include <map>
#include <utility>

#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/rtp.hpp"
#include "transport/webrtc/sequence.hpp"

namespace conclave::webrtc {

/// The retransmission format (RFC 4588): the payload starts with the sequence number it had.
struct Retransmission {
  std::uint16_t sequence = 0;
  ByteView payload;
};
/// Fails with Errc::malformed; an empty payload is a probe's padding (Chromium sends thousands), not an error of
/// the peer.
Result<Retransmission> unwrap_rtx(ByteView payload);

class ReceiveStream {
 public:
  static constexpr std::size_t missing_max = 512;    ///< beyond that a key frame is the better question
  static constexpr int asks_max = 6;
  static constexpr Duration reorder{2'000};          ///< before a gap counts as a loss worth asking for
  static constexpr Duration give_up{1'000'000};      ///< nobody would show it any more
  static constexpr std::uint16_t jump_max = 3000;    ///< a larger step is a new start of the sender

  enum class Verdict : Byte { fresh, late, duplicate };
  /// `late` fills a gap (a retransmission or reordering): forward it, too.
  Verdict hear(const RtpHeader& header, std::size_t size, TimePoint arrival, bool retransmitted = false);
  void hear(const SenderReport& report, TimePoint arrival);

  /// `clock_rate` is 48000 for Opus, 90000 for video; `with_nack` is off for audio, which has no retransmission.
  ReceiveStream(std::uint32_t ssrc, std::uint32_t clock_rate, bool with_nack);

  /// Numbers to ask for at `now`; each is asked for again after `rtt`, `asks_max` times.
  std::vector<std::uint16_t> nack(TimePoint now, Duration rtt);
  TimePoint nack_deadline() const;
  struct GivenUp {
    bool all = false;  ///< more than can be counted: only a key frame helps
    std::vector<std::uint16_t> numbers;
  };
  /// What nobody asks for any more, once.
  GivenUp take_given_up() { return std::exchange(given_up_, {}); }
  /// True once after anything was given up.
  bool take_broken() {
    auto what = take_given_up();
    return what.all || !what.numbers.empty();
  }

  /// For the next receiver report; starts a new interval for `fraction_lost`.
  ReportBlock report(TimePoint now);
  /// The timestamp that stood for the wall time `ntp` at the sender, once a report has come.
  struct Mapping {
    NtpTime ntp;
    std::uint32_t timestamp;
  };
  std::optional<Mapping> mapping() const { return mapping_; }

  std::uint32_t ssrc() const { return ssrc_; }
  std::uint32_t clock_rate() const { return clock_rate_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Over the last second or so.
  std::uint64_t bitrate(TimePoint now);
  std::optional<TimePoint> last_arrival() const { return last_arrival_; }
  std::int64_t lost() const;

 private:
  struct Missing {
    TimePoint since, ask_at;
    int asked = 0;
  };
  void restart(std::uint16_t sequence);
  void note_gap(std::int64_t from, std::int64_t to, TimePoint now);
  void note_jitter(const RtpHeader& header, TimePoint arrival);

  std::uint32_t ssrc_, clock_rate_;
  bool with_nack_;
  Unwrapper<std::uint16_t> unwrapper_;
  std::map<std::int64_t, Missing> missing_;
  std::int64_t first_ = 0, highest_ = 0;
  bool started_ = false;
  GivenUp given_up_;
  std::uint64_t packets_ = 0, bytes_ = 0, unique_ = 0;
  std::int64_t expected_reported_ = 0, received_reported_ = 0;
  double jitter_ = 0;
  std::optional<std::int64_t> transit_;
  std::optional<Mapping> mapping_;
  TimePoint mapped_at_{};
  std::optional<TimePoint> last_arrival_;
  TimePoint rate_since_{};
  std::uint64_t rate_bytes_ = 0, rate_ = 0;
};

}  // namespace conclave::webrtc
