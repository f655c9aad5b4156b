#pragma once
/// Whether a queue on the path is growing, from how arrivals spread against departures.
///
/// After draft-ietf-rmcat-gcc-02 sections 4 and 5 with the trend line of later practice: packets sent within 5 ms
/// are one group; the slope of accumulated delay over the last groups, scaled by their number, is compared with a
/// threshold that follows it slowly, so that a competing flow does not starve us.
#include <deque>
#include <utility>
#include <optional>

#include "transport/webrtc/transport_cc.hpp"

namespace conclave::webrtc {

class DelayGradient {
 public:
  enum class Signal : Byte { normal, overuse, underuse };

  /// Results in sending order; lost packets say nothing here.
  void hear(const PacketResult& result);
  Signal signal() const { return signal_; }
  /// How much longer than the fastest lately even the quickest of the newest packets took: what stands in queues
  /// (RFC 8289 section 4.2). A receiver that had no processor for a while reads all that waited at once, the last of
  /// it without delay: that is no queue.
  Duration queue() const;
  /// Whether it is going away by itself: each of the newest packets took less than the one before it. So do packets
  /// that a receiver reads after it was away, however few of them a report has.
  bool draining() const;
  /// The way is longer than it was, and that is no queue: what packets take from now on is the empty path.
  void forget_least();

 private:
  struct Group {
    TimePoint first_sent, last_sent;
    Duration first_arrived, last_arrived;
  };
  struct Point {
    double at_ms, delay_ms;
  };
  void complete(const Group& group);
  double slope() const;
  void compare(double trend, double at_ms, double span_ms);

  static constexpr std::size_t points_max = 20;
  std::optional<Group> current_, previous_;
  std::deque<Point> points_;
  std::optional<double> began_ms_;
  double accumulated_ms_ = 0, smoothed_ms_ = 0;
  int groups_ = 0;
  double threshold_ = 12.5, previous_trend_ = 0, over_ms_ = 0;
  double last_ms_ = 0;
  Signal signal_ = Signal::normal;

  /// One-way delays (on two clocks): the least of the last ten seconds is the empty path.
  struct Least {
    TimePoint at;
    Duration delay;
  };
  std::deque<Least> least_;
  struct Delay {
    Duration arrived, delay;
  };
  std::deque<Delay> newest_;
};

}  // namespace conclave::webrtc
