#pragma once
/// Acknowledgements of the media link with receive times: both sides. docs/calls.md, section 7, unit type 2.
///
/// They overlap, so that a lost one costs nothing, and end as the same `PacketResult`s that a browser's feedback
/// makes: one estimator class for both.
#include <deque>
#include <optional>
#include <utility>

#include "node/calls/media_packet.hpp"
#include "transport/webrtc/sequence.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace conclave::calls {

/// What arrived, for the peer.
class ArrivalLog {
 public:
  static constexpr std::size_t remembered_max = 512;
  static constexpr std::size_t told_max = 200;
  static constexpr Duration told_span{120'000};  ///< four reports: three in a row may be lost
  static constexpr std::size_t body_max = 9 + 4 * told_max;

  void hear(std::uint64_t number, TimePoint arrival);
  /// Writes an acks unit's body; its size, 0 when nothing has come yet. What has never been told is told, however long
  /// ago it came: whoever had no processor for a while has lost nothing.
  std::size_t write(MutableBytes into);

 private:
  struct Arrival {
    std::uint64_t number;
    TimePoint at;
    bool told = false;
  };
  std::deque<Arrival> arrivals_;  ///< ascending by number
};

/// What was sent, until its fate is known.
class SentLog {
 public:
  static constexpr std::size_t history_max = 8192;
  static constexpr std::uint64_t reorder_max = 4;  ///< packets; further behind is lost

  void sent(std::uint64_t number, std::size_t size, std::uint32_t probe, TimePoint now);
  /// Results in sending order. Fails with Errc::malformed for what we never sent.
  Result<std::vector<webrtc::PacketResult>> hear(ByteView acks, TimePoint now);
  /// The least of the last seconds: an acknowledgement may have waited for its turn.
  Duration rtt() const { return std::min(rtt_now_, rtt_before_); }

 private:
  struct Sent {
    TimePoint at;
    std::size_t size = 0;
    std::uint32_t probe = 0;
    bool known = false;  ///< its fate has been told
    bool arrived = false;
  };
  void note_rtt(Duration sample, TimePoint now);
  std::deque<Sent> history_;
  std::uint64_t first_ = 0;    ///< number of the oldest in history
  std::uint64_t settled_ = 0;  ///< below this everything is known
  std::uint64_t highest_ = 0;
  bool any_ = false;
  webrtc::Unwrapper<std::uint32_t> clock_;
  Duration rtt_now_{200'000}, rtt_before_{200'000};
  TimePoint rtt_since_{};
};

}  // namespace conclave::calls
