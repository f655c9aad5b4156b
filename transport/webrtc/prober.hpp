#pragma once
/// Short bursts above the present rate that find out whether the path has more to give: at the start, after a
/// drop, and now and then while the application sends less than it may, when nothing else would tell.
#include <deque>
#include <optional>

#include "crypto/time.hpp"

namespace conclave::webrtc {

class Prober {
 public:
  static constexpr Duration length{15'000};      ///< of a burst: long enough to see a trend, short enough to hide
  static constexpr int packets_min = 5;          ///< fewer say nothing about a rate
  static constexpr Duration pause{5'000'000};    ///< between probes of a path
  static constexpr Duration pause_after_drop{1'000'000};  ///< the first; each is twice as long, up to `pause`
  static constexpr std::size_t clusters_max = 4;
  static constexpr std::size_t packet_size = 1200;

  struct Probe {
    std::uint32_t cluster;  ///< goes to TransportCcSender::send
    double rate;            ///< bits per second at which to send
    std::size_t bytes;      ///< still wanted
  };

  /// The first probes of a path, whose rate nobody knows: three and six times `rate`.
  void start(double rate, TimePoint now);
  /// After a result: where a probe found its rate, the next one goes twice as far, up to `useful`.
  void found(double rate, double useful, TimePoint now);
  /// To be called with every change of the estimate. `using_it`: the application sends nearly as much as it may.
  void consider(double estimate, double useful, bool using_it, bool congested, TimePoint now);

  /// What to send at `now`, if anything: as many packets as `bytes` says, the first at once.
  std::optional<Probe> next(TimePoint now);
  /// A packet of `size` bytes went out for the current probe.
  void sent(std::size_t size, TimePoint now);
  TimePoint deadline() const;

 private:
  struct Cluster {
    std::uint32_t id;
    double rate;
    std::size_t bytes, done = 0;
    int packets = 0;
    std::optional<TimePoint> began;
  };
  void add(double rate);
  TimePoint due(const Cluster& cluster) const;
  std::deque<Cluster> clusters_;
  std::uint32_t last_id_ = 0;
  double last_rate_ = 0, best_ = 0;
  TimePoint last_at_{};
  Duration pause_ = pause;
};

}  // namespace conclave::webrtc
