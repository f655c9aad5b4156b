#include "transport/webrtc/prober.hpp"

#include <algorithm>

namespace conclave::webrtc {

void Prober::add(double rate) {
  if (clusters_.size() == clusters_max) return;
  auto bytes = static_cast<std::size_t>(rate * std::chrono::duration<double>(length).count() / 8);
  clusters_.push_back({++last_id_, rate, std::max(bytes, packets_min * packet_size), 0, 0, {}});
  last_rate_ = rate;
}

void Prober::start(double rate, TimePoint now) {
  add(3 * rate);
  add(6 * rate);
  last_at_ = now;
}

void Prober::found(double rate, double useful, TimePoint now) {
  if (!clusters_.empty() || rate < 0.7 * last_rate_ || rate >= useful) return;
  add(std::min(2 * rate, useful));
  last_at_ = now;
}

void Prober::consider(double estimate, double useful, bool using_it, bool congested, TimePoint now) {
  best_ = std::max(best_, estimate);
  if (congested) {
    if (estimate < 0.66 * best_) {
      pause_ = pause_after_drop;
      last_at_ = now;
    }
    best_ = estimate;
    return;
  }
  if (!clusters_.empty() || estimate >= useful) return;
  // A drop may have been somebody else's burst: look again after a while, then less and less often.
  if (now - last_at_ < pause_) return;
  pause_ = std::min(2 * pause_, pause);
  add(std::min((using_it ? 1.5 : 2) * estimate, useful));
  last_at_ = now;
}

/// Packets of a burst are spread over its length, so that the burst has the rate it claims.
TimePoint Prober::due(const Cluster& cluster) const {
  if (!cluster.began) return {};
  auto after = static_cast<double>(cluster.done) * 8 / cluster.rate;
  return *cluster.began + Duration(static_cast<std::int64_t>(after * 1e6));
}

std::optional<Prober::Probe> Prober::next(TimePoint now) {
  if (clusters_.empty() || now < due(clusters_.front())) return std::nullopt;
  auto& cluster = clusters_.front();
  return Probe{cluster.id, cluster.rate, cluster.bytes - cluster.done};
}

void Prober::sent(std::size_t size, TimePoint now) {
  if (clusters_.empty()) return;
  auto& cluster = clusters_.front();
  if (!cluster.began) cluster.began = now;
  cluster.done += std::min(size, cluster.bytes - cluster.done);
  ++cluster.packets;
  if (cluster.done == cluster.bytes && cluster.packets >= packets_min) clusters_.pop_front();
  else if (cluster.done == cluster.bytes) cluster.bytes += packet_size;
}

TimePoint Prober::deadline() const { return clusters_.empty() ? TimePoint::max() : due(clusters_.front()); }

}  // namespace conclave::webrtc
