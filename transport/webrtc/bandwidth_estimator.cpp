#include "transport/webrtc/bandwidth_estimator.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::webrtc {
namespace {

constexpr Duration delivered_span{500'000};
constexpr Duration loss_span{500'000}, loss_memory{15'000'000};
constexpr int loss_packets_min = 20;
/// A probe whose packets are further apart than this has ended.
constexpr Duration probe_gap_max{60'000};
/// A queue of ours is shorter after this time of sending less.
constexpr Duration drain_time{600'000};
/// A queue this long is drained before anything else; this short is none.
constexpr Duration queue_long{50'000}, queue_short{15'000};

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

BandwidthEstimator::BandwidthEstimator(BandwidthLimits limits) : limits_(limits), target_(limits.start) {}

void BandwidthEstimator::hear(std::span<const PacketResult> results, TimePoint now) {
  if (results.empty()) return;
  for (auto& result : results) {
    gradient_.hear(result);
    count_delivered(result);
    count_probe(result);
    if (result.probe != 0) probed_at_ = now;
  }
  count_loss(results, now);
  follow_delay(now);
  follow_loss(now);
  if (!congested_) grow(now);
  target_ = std::clamp(target_, limits_.min, limits_.max);
}

void BandwidthEstimator::count_delivered(const PacketResult& result) {
  if (!result.arrived) return;
  arrivals_.push_back({*result.arrived, result.size});
  arrived_bytes_ += result.size;
  while (arrivals_.front().at + delivered_span < *result.arrived) {
    arrived_bytes_ -= arrivals_.front().size;
    arrivals_.pop_front();
  }
  auto span = std::max(arrivals_.back().at - arrivals_.front().at, Duration(150'000));
  delivered_ = static_cast<double>(arrived_bytes_) * 8 / seconds(span);
}

void BandwidthEstimator::count_loss(std::span<const PacketResult> results, TimePoint now) {
  for (auto& result : results) {
    ++reported_;
    lost_ += !result.arrived;
  }
  if (now - loss_since_ < loss_span || reported_ < loss_packets_min) return;
  loss_ = static_cast<double>(lost_) / reported_;
  loss_packets_ = reported_;
  loss_fresh_ = true;
  lost_ = reported_ = 0;
  loss_since_ = now;
  windows_.push_back({now, loss_});
  while (windows_.front().at + loss_memory < now) windows_.pop_front();
}

/// What the path loses anyway: the second smallest of the last windows, since the smallest is luck.
double BandwidthEstimator::usual_loss(TimePoint) const {
  double least = 1, second = 1;
  for (auto& window : windows_) {
    if (window.loss < least) second = std::exchange(least, window.loss);
    else second = std::min(second, window.loss);
  }
  return windows_.size() < 3 ? 0 : second;
}

double BandwidthEstimator::mean_loss() const {
  double sum = 0;
  for (auto& window : windows_) sum += window.loss;
  return windows_.empty() ? 0 : sum / static_cast<double>(windows_.size());
}

void BandwidthEstimator::count_probe(const PacketResult& result) {
  bool other = burst_ && ((result.probe != 0 && result.probe != burst_->id) ||
                          result.sent > burst_->last_sent + probe_gap_max);
  if (other) finish_probe();
  if (result.probe != 0) {
    if (!burst_) {
      burst_.emplace().id = result.probe;
      burst_->first_sent = result.sent;
    }
    count_in_burst(result);
  } else if (burst_ && result.arrived) {
    burst_->between += result.size;
  }
}

void BandwidthEstimator::count_in_burst(const PacketResult& result) {
  auto& burst = *burst_;
  ++burst.sent;
  burst.last_sent = result.sent;
  if (!result.arrived) return;
  if (burst.arrived++ == 0) {
    burst.first_sent = result.sent;
    burst.first_arrived = burst.last_arrived = *result.arrived;
    burst.first_size = result.size;
  } else {
    burst.bytes += burst.between;
  }
  burst.between = 0;
  burst.bytes += result.size;
  burst.last_size = result.size;
  burst.last_arrived = std::max(burst.last_arrived, *result.arrived);
}

/// The rate of a burst: the lower of the one it left with and the one it came with. A path that made it wait for
/// nothing may have more, one that slowed it has no more.
void BandwidthEstimator::finish_probe() {
  auto burst = *std::exchange(burst_, std::nullopt);
  if (burst.arrived < 4 || burst.arrived * 5 < burst.sent * 4) return;
  auto sent_span = seconds(burst.last_sent - burst.first_sent);
  auto arrived_span = seconds(burst.last_arrived - burst.first_arrived);
  if (sent_span <= 0 || arrived_span <= 0) return;
  auto left = static_cast<double>(burst.bytes - burst.last_size) * 8 / sent_span;
  auto came = static_cast<double>(burst.bytes - burst.first_size) * 8 / arrived_span;
  auto rate = std::min(left, came);
  if (came < 0.9 * left) rate *= 0.9;
  probe_result_ = rate;
  if (rate > target_ && !congested_) {
    target_ = rate;
    if (rate > capacity_) capacity_ = 0;
  }
}

void BandwidthEstimator::follow_delay(TimePoint now) {
  auto queue = gradient_.queue();
  if (congested_) {
    // Below what goes through, so that the queue empties within a few hundred milliseconds; then just below it.
    if (queue <= queue_short || now - cut_at_ > std::chrono::seconds(2)) {
      congested_ = false;
      target_ = std::max(target_, 0.9 * capacity_);
      grown_at_ = now;
      return;
    }
    if (queue > peak_ + Duration(5'000)) {
      peak_ = queue;
      peak_at_ = now;
    }
    if (now - peak_at_ > drain_time + 2 * rtt_ && queue > peak_ * 3 / 4) {
      // It was no queue of ours: the way has become longer, or others fill it.
      gradient_.forget_least();
      congested_ = false;
      target_ = std::max(target_, 0.9 * (queue < queue_long ? before_cut_ : capacity_));
      grown_at_ = now;
      return;
    }
    // The longer the queue, the less goes in: one of 400 ms leaves a tenth.
    auto share = std::clamp(0.9 - 2 * seconds(queue), 0.1, 0.85);
    if (delivered_ > 0 && now - cut_at_ > rtt_) capacity_ = std::min(capacity_, std::max(delivered_, 0.5 * capacity_));
    target_ = share * capacity_;
    return;
  }
  // A trend without a queue behind it is noise, and a probe makes a short queue on purpose.
  bool growing = gradient_.signal() == DelayGradient::Signal::overuse && queue > queue_short;
  if (now - probed_at_ < rtt_ + Duration(200'000)) growing = growing && queue > queue_long;
  bool full = growing || queue > 2 * queue_long;
  if (!full || delivered_ <= 0 || gradient_.draining()) return;
  if (!growing && now - cut_at_ < 2 * rtt_) return;
  congested_ = true;
  cut_at_ = now;
  peak_ = queue;
  peak_at_ = now;
  before_cut_ = target_;
  capacity_ = std::min(delivered_, target_);
  target_ = std::min(target_, (queue > queue_long ? 0.7 : 0.85) * capacity_);
}

void BandwidthEstimator::follow_loss(TimePoint now) {
  if (!std::exchange(loss_fresh_, false) || delivered_ <= 0) return;
  auto excess = loss_ - usual_loss(now);
  // A few packets more or less are luck: two standard deviations of as many packets are not.
  auto mean = mean_loss();
  auto luck = 2 * std::sqrt(mean * (1 - mean) / loss_packets_);
  if (excess < std::max(0.05, std::min(luck, 0.3)) || loss_ < 0.1) return;
  // A full path without a queue (a policer) delivers what it can: that is the rate, whatever we sent.
  capacity_ = std::min(target_, delivered_);
  target_ = std::min(target_, std::max(0.95 * delivered_, (1 - 0.5 * excess) * target_));
  cut_at_ = grown_at_ = now;
}

void BandwidthEstimator::grow(TimePoint now) {
  auto passed = std::clamp(seconds(now - grown_at_), 0.0, 1.0);
  grown_at_ = now;
  if (gradient_.signal() != DelayGradient::Signal::normal || gradient_.queue() > queue_long) return;
  // Nobody knows whether more would go through while less is sent.
  if (target_ > 1.5 * delivered_ + 10'000) return;
  bool near = capacity_ > 0 && target_ > 0.85 * capacity_ && target_ < 1.15 * capacity_;
  if (near) {
    // One packet per round trip, or 3 % a second where that is nothing.
    target_ += passed * std::max(1200 * 8 / (seconds(rtt_) + 0.1), 0.03 * target_);
  } else {
    target_ *= std::pow(1.08, passed);
    if (capacity_ > 0 && target_ > 1.15 * capacity_) capacity_ = 0;
  }
}

}  // namespace conclave::webrtc
