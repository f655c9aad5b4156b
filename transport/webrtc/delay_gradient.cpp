#include "transport/webrtc/delay_gradient.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::webrtc {
namespace {

constexpr Duration group_span{5'000};
constexpr Duration least_memory{10'000'000};
/// The newest packets are those of this span, but never fewer than a few: one may be late by itself.
constexpr Duration newest_span{40'000};
constexpr std::size_t newest_min = 3;
constexpr Duration drain_min{10'000};
constexpr double smoothing = 0.9, gain = 4, over_time_ms = 10;
constexpr double threshold_up = 0.0087, threshold_down = 0.039;  // per ms of distance

double to_ms(Duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

}  // namespace

void DelayGradient::hear(const PacketResult& result) {
  if (!result.arrived) return;
  auto arrived = *result.arrived;
  auto delay = arrived - result.sent.time_since_epoch();
  newest_.push_back({arrived, delay});
  while (newest_.size() > newest_min && arrived - newest_.front().arrived > newest_span) newest_.pop_front();
  while (!least_.empty() && least_.back().delay >= delay) least_.pop_back();
  least_.push_back({result.sent, delay});
  while (least_.front().at + least_memory < result.sent) least_.pop_front();

  if (!current_) {
    current_ = Group{result.sent, result.sent, arrived, arrived};
    return;
  }
  if (result.sent < current_->first_sent) return;
  // A group is what was sent at once; what then comes out of a queue in one burst belongs to it as well.
  bool same = result.sent - current_->first_sent <= group_span ||
              (arrived - current_->last_arrived <= group_span &&
               arrived - current_->last_arrived < result.sent - current_->last_sent &&
               arrived - current_->first_arrived < Duration(100'000));
  if (same) {
    current_->last_sent = std::max(current_->last_sent, result.sent);
    current_->last_arrived = std::max(current_->last_arrived, arrived);
    return;
  }
  complete(*current_);
  current_ = Group{result.sent, result.sent, arrived, arrived};
}

void DelayGradient::complete(const Group& group) {
  if (previous_) {
    auto sent_ms = to_ms(group.last_sent - previous_->last_sent);
    auto arrived_ms = to_ms(group.last_arrived - previous_->last_arrived);
    if (arrived_ms >= 0 && arrived_ms < 3000) {
      accumulated_ms_ += arrived_ms - sent_ms;
      smoothed_ms_ = smoothing * smoothed_ms_ + (1 - smoothing) * accumulated_ms_;
      auto at_ms = to_ms(group.last_arrived);
      if (!began_ms_) began_ms_ = at_ms;
      points_.push_back({at_ms - *began_ms_, smoothed_ms_});
      if (points_.size() > points_max) points_.pop_front();
      groups_ = std::min(groups_ + 1, 60);
      auto trend = points_.size() == points_max ? slope() : previous_trend_;
      compare(trend, at_ms, sent_ms);
    }
  }
  previous_ = group;
}

/// Least squares.
double DelayGradient::slope() const {
  double mean_x = 0, mean_y = 0;
  for (auto& point : points_) {
    mean_x += point.at_ms;
    mean_y += point.delay_ms;
  }
  mean_x /= static_cast<double>(points_.size());
  mean_y /= static_cast<double>(points_.size());
  double above = 0, below = 0;
  for (auto& point : points_) {
    above += (point.at_ms - mean_x) * (point.delay_ms - mean_y);
    below += (point.at_ms - mean_x) * (point.at_ms - mean_x);
  }
  return below > 0 ? above / below : 0;
}

void DelayGradient::compare(double trend, double at_ms, double span_ms) {
  auto scaled = groups_ * trend * gain;
  if (scaled > threshold_) {
    over_ms_ += std::min(span_ms, over_time_ms);
    if (over_ms_ >= over_time_ms && trend >= previous_trend_) {
      over_ms_ = 0;
      signal_ = Signal::overuse;
    }
  } else {
    over_ms_ = 0;
    signal_ = scaled < -threshold_ ? Signal::underuse : Signal::normal;
  }
  previous_trend_ = trend;

  auto passed = std::min(at_ms - std::exchange(last_ms_, at_ms), 100.0);
  // A spike (a change of route) does not move the threshold.
  if (std::abs(scaled) > threshold_ + 15) return;
  auto rate = std::abs(scaled) < threshold_ ? threshold_down : threshold_up;
  threshold_ = std::clamp(threshold_ + rate * (std::abs(scaled) - threshold_) * passed, 6.0, 600.0);
}

Duration DelayGradient::queue() const {
  if (least_.empty()) return Duration(0);
  return std::ranges::min_element(newest_, {}, &Delay::delay)->delay - least_.front().delay;
}

void DelayGradient::forget_least() {
  least_.clear();
  newest_.clear();
}

bool DelayGradient::draining() const {
  return !newest_.empty() && newest_.back().delay + drain_min < newest_.front().delay;
}

}  // namespace conclave::webrtc
