#pragma once
/// How much a path takes. One class for the way to a browser (fed by its transport-wide feedback) and for the way
/// to another node (fed by our own acknowledgements): both end as `PacketResult`s. Exactly one of it stands over
/// a path, and nothing else controls its rate.
///
/// Three sources: growing delay (DelayGradient) cuts at once and then waits until the queue is gone; loss cuts
/// only as far as it exceeds what the path always loses, since a lossy radio link is not a full one; probes raise
/// at once to what they found. In between the rate creeps up as long as it is used.
#include "transport/webrtc/delay_gradient.hpp"

namespace conclave::webrtc {

struct BandwidthLimits {
  double start = 500'000, min = 60'000, max = 50'000'000;  ///< bits per second
};

/// What has come back of one probe so far. Packets of other kinds that left in its midst are part of the load.
struct ProbeBurst {
  std::uint32_t id = 0;
  int sent = 0, arrived = 0;
  std::size_t bytes = 0, first_size = 0, last_size = 0;
  std::size_t between = 0;  ///< bytes that arrived since its newest packet
  TimePoint first_sent{}, last_sent{};
  Duration first_arrived{}, last_arrived{};
};

class BandwidthEstimator {
 public:
  explicit BandwidthEstimator(BandwidthLimits limits = {});

  /// All results of one feedback message, in sending order.
  void hear(std::span<const PacketResult> results, TimePoint now);
  void set_rtt(Duration rtt) { rtt_ = rtt; }

  /// What to send at, in all, in bits per second.
  double target() const { return target_; }
  /// What arrived in the last half second.
  double delivered() const { return delivered_; }
  double loss() const { return loss_; }
  Duration queue() const { return gradient_.queue(); }
  bool congested() const { return congested_; }
  /// The rate that the last completed probe found, once.
  std::optional<double> take_probe_result() { return std::exchange(probe_result_, std::nullopt); }

 private:
  struct Arrival {
    Duration at;
    std::size_t size;
  };
  struct Window {
    TimePoint at;
    double loss;
  };
  void count_delivered(const PacketResult& result);
  void count_loss(std::span<const PacketResult> results, TimePoint now);
  void count_probe(const PacketResult& result);
  void finish_probe();
  void count_in_burst(const PacketResult& result);
  void follow_delay(TimePoint now);
  void follow_loss(TimePoint now);
  void grow(TimePoint now);
  double usual_loss(TimePoint now) const;
  double mean_loss() const;

  BandwidthLimits limits_;
  DelayGradient gradient_;
  double target_;
  Duration rtt_{100'000};
  std::deque<Arrival> arrivals_;
  std::size_t arrived_bytes_ = 0;
  double delivered_ = 0;
  int lost_ = 0, reported_ = 0;
  TimePoint loss_since_{};
  double loss_ = 0;
  int loss_packets_ = 0;  ///< it was taken of
  bool loss_fresh_ = false;
  std::deque<Window> windows_;
  bool congested_ = false;
  TimePoint cut_at_{}, grown_at_{}, probed_at_{}, peak_at_{};
  double before_cut_ = 0;
  Duration peak_{0};  ///< the longest queue since the cut
  double capacity_ = 0;  ///< what went through when delay grew: near it, growth is careful
  std::optional<ProbeBurst> burst_;
  std::optional<double> probe_result_;
};

}  // namespace conclave::webrtc
