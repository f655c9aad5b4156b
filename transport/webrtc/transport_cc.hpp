#pragma once
/// Transport-wide numbers, from both sides: what arrived and when (to be fed back), and what was sent (to be
/// compared with the feedback). Spec: draft-holmer-rmcat-transport-wide-cc-extensions-01.
#include <deque>
#include <map>

#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/sequence.hpp"

namespace conclave::webrtc {

/// Collects arrivals and makes feedback messages of them. Losses are told as they are: Chromium forgets a packet that is
/// reported as arrived, and then cannot repeat it.
class TransportCcReceiver {
 public:
  static constexpr std::size_t arrivals_max = 8192;
  static constexpr Duration interval{50'000};  ///< between messages: a share of a few percent on a slow link
  static constexpr Duration memory{500'000};   ///< how long a late packet's neighbours are remembered

  void hear(std::uint16_t number, TimePoint arrival);
  TimePoint deadline() const;
  /// What is due at `now`; several messages after a long silence, none when nothing came. `media` is any SSRC of
  /// the one who gets it: Chromium ignores feedback that names none of its own.
  std::vector<TransportFeedback> feedback(TimePoint now, std::uint32_t sender, std::uint32_t media);

 private:
  Unwrapper<std::uint16_t> unwrapper_;
  std::map<std::int64_t, TimePoint> arrivals_;
  std::optional<std::int64_t> next_;  ///< the first number not yet reported
  TimePoint last_sent_{};
  Byte count_ = 0;
};

/// One packet of ours, when feedback has told its fate.
struct PacketResult {
  TimePoint sent;
  std::optional<Duration> arrived;  ///< on the receiver's clock, of which only differences mean something
  std::size_t size = 0;
  std::uint32_t probe = 0;          ///< cluster of the prober, 0 for none
  std::uint64_t tag = 0;            ///< the sender's own word, as it was given with the packet
};

/// Numbers packets as they leave and remembers them until their feedback comes.
class TransportCcSender {
 public:
  static constexpr std::size_t history_max = 8192;  ///< 8 s at 1000 packets a second

  std::uint16_t send(std::size_t size, TimePoint now, std::uint32_t probe = 0, std::uint64_t tag = 0);
  /// The packet with this number leaves once more, as it is. Where only that came, the packet counts as lost, since
  /// redundancy is dosed by what the path loses; where nobody can tell which came, it does not count at all.
  void again(std::uint16_t number, TimePoint now);
  /// Results in sending order. A packet reported lost may be reported again as arrived.
  std::vector<PacketResult> hear(const TransportFeedback& feedback);
  /// Tags of packets whose fate nobody will tell, since the feedback before the last was lost; probes left out.
  const std::vector<std::uint64_t>& untold() const { return untold_; }
  std::size_t bytes_in_flight() const { return in_flight_; }

 private:
  struct Sent {
    TimePoint at;
    std::size_t size;
    std::uint32_t probe;
    std::uint64_t tag;
    bool acknowledged;
    std::optional<TimePoint> again{};  ///< when it first left once more
  };
  std::deque<Sent> history_;
  /// Receive times of a feedback's numbers, from `first` on.
  struct Arrivals {
    std::int64_t first;
    std::vector<std::optional<Duration>> at;
  };
  Arrivals read(const TransportFeedback& feedback);
  /// Of a packet that left more than once: whether its first copy came; nothing where that cannot be told.
  std::optional<bool> first_came(const Arrivals& arrivals, std::size_t which, TimePoint again) const;
  std::int64_t first_ = 0;  ///< number of the oldest in history
  std::size_t in_flight_ = 0;
  std::int64_t reference_ = 0;  ///< unwrapped reference time, in 64 ms
  bool referenced_ = false;
  std::int64_t acknowledged_to_ = 0;
  std::vector<std::uint64_t> untold_;
};

}  // namespace conclave::webrtc
