#include "transport/webrtc/transport_cc.hpp"

#include <algorithm>
#include <utility>

namespace conclave::webrtc {
namespace {

constexpr std::int64_t tick_us = 250, reference_us = 64'000;

}  // namespace

void TransportCcReceiver::hear(std::uint16_t number, TimePoint arrival) {
  auto at = unwrapper_.unwrap(number);
  if (!arrivals_.emplace(at, arrival).second) return;
  if (!next_ || at < *next_) next_ = at;
  if (arrivals_.size() > arrivals_max) {
    arrivals_.erase(arrivals_.begin());
    next_ = std::max(*next_, arrivals_.begin()->first);
  }
}

TimePoint TransportCcReceiver::deadline() const {
  return next_ && arrivals_.lower_bound(*next_) != arrivals_.end() ? last_sent_ + interval : TimePoint::max();
}

std::vector<TransportFeedback> TransportCcReceiver::feedback(TimePoint now, std::uint32_t sender,
                                                             std::uint32_t media) {
  std::vector<TransportFeedback> out;
  if (now < deadline()) return out;
  last_sent_ = now;
  for (auto at = arrivals_.lower_bound(*next_); at != arrivals_.end();) {
    TransportFeedback message{sender, media, static_cast<std::uint16_t>(*next_), count_++, 0, {}};
    auto previous = at->second.time_since_epoch().count() / reference_us * reference_us;
    message.reference = static_cast<std::uint32_t>(previous / reference_us) & 0xffffff;
    for (; at != arrivals_.end(); ++at) {
      auto gap = static_cast<std::size_t>(at->first - *next_);
      auto step = (at->second.time_since_epoch().count() - previous) / tick_us;
      // What does not fit this message (RTCP's size, a step's 16 bits) starts the next one.
      if (message.statuses.size() + gap + 1 > 500 && !message.statuses.empty()) break;
      if (gap > 500) {
        message.base = static_cast<std::uint16_t>(at->first);  // a jump: nobody waits for these any more
        gap = 0;
      }
      if (step < INT16_MIN || step > INT16_MAX) break;
      message.statuses.resize(message.statuses.size() + gap);
      message.statuses.emplace_back(static_cast<std::int16_t>(step));
      previous += step * tick_us;
      next_ = at->first + 1;
    }
    out.push_back(std::move(message));
  }
  while (!arrivals_.empty() && arrivals_.begin()->first < *next_ && arrivals_.begin()->second + memory < now) {
    arrivals_.erase(arrivals_.begin());
  }
  return out;
}

std::uint16_t TransportCcSender::send(std::size_t size, TimePoint now, std::uint32_t probe, std::uint64_t tag) {
  auto number = first_ + static_cast<std::int64_t>(history_.size());
  history_.push_back({now, size, probe, tag, false, std::nullopt});
  in_flight_ += size;
  if (history_.size() > history_max) {
    if (!history_.front().acknowledged) in_flight_ -= std::min(in_flight_, history_.front().size);
    history_.pop_front();
    ++first_;
  }
  return static_cast<std::uint16_t>(number);
}

void TransportCcSender::again(std::uint16_t number, TimePoint now) {
  auto last = first_ + static_cast<std::int64_t>(history_.size()) - 1;
  auto at = last + static_cast<std::int16_t>(number - static_cast<std::uint16_t>(last)) - first_;
  if (at < 0 || at >= static_cast<std::int64_t>(history_.size())) return;
  auto& sent = history_[static_cast<std::size_t>(at)];
  if (!sent.again) sent.again = now;
}

TransportCcSender::Arrivals TransportCcSender::read(const TransportFeedback& feedback) {
  // The reference time wraps every 12 days; the nearest turn is meant.
  auto step = static_cast<std::int32_t>((feedback.reference - static_cast<std::uint32_t>(reference_)) << 8) >> 8;
  reference_ = referenced_ ? reference_ + step : feedback.reference;
  referenced_ = true;
  auto clock = reference_ * reference_us;
  auto last = first_ + static_cast<std::int64_t>(history_.size()) - 1;
  Arrivals out{last + static_cast<std::int16_t>(feedback.base - static_cast<std::uint16_t>(last)), {}};
  for (auto& status : feedback.statuses) {
    if (status) clock += *status * tick_us;
    out.at.push_back(status ? std::optional(Duration(clock)) : std::nullopt);
  }
  return out;
}

/// By the next packet that left after the repeat: it comes at the same time as the repeat, and later than the first.
std::optional<bool> TransportCcSender::first_came(const Arrivals& arrivals, std::size_t which, TimePoint again) const {
  constexpr Duration apart{3'000};
  for (auto i = which + 1; i < arrivals.at.size(); ++i) {
    auto at = arrivals.first + static_cast<std::int64_t>(i) - first_;
    if (at >= static_cast<std::int64_t>(history_.size())) break;
    if (!arrivals.at[i] || at < 0 || history_[static_cast<std::size_t>(at)].at < again) continue;
    return *arrivals.at[i] - *arrivals.at[which] > apart;
  }
  return std::nullopt;
}

std::vector<PacketResult> TransportCcSender::hear(const TransportFeedback& feedback) {
  std::vector<PacketResult> out;
  untold_.clear();
  if (history_.empty()) return out;
  auto arrivals = read(feedback);
  for (std::size_t i = 0; i < arrivals.at.size(); ++i) {
    auto at = arrivals.first + static_cast<std::int64_t>(i) - first_;
    if (at < 0 || at >= static_cast<std::int64_t>(history_.size())) continue;
    auto& sent = history_[static_cast<std::size_t>(at)];
    if (sent.acknowledged) continue;
    auto arrived = arrivals.at[i];
    if (arrived) sent.acknowledged = true;
    if (arrived && sent.again) {
      auto came = first_came(arrivals, i, *sent.again);
      if (!came) continue;
      if (!*came) arrived.reset();
    }
    out.push_back({sent.at, arrived, sent.size, sent.probe, sent.tag});
  }
  // What lies before the newest acknowledged packet is no longer on its way, whatever became of it.
  auto end = std::min(arrivals.first + static_cast<std::int64_t>(arrivals.at.size()),
                      first_ + static_cast<std::int64_t>(history_.size()));
  for (; acknowledged_to_ < end; ++acknowledged_to_) {
    auto at = acknowledged_to_ - first_;
    if (at < 0) continue;
    auto& sent = history_[static_cast<std::size_t>(at)];
    in_flight_ -= std::min(in_flight_, sent.size);
    if (acknowledged_to_ < arrivals.first && !sent.acknowledged && sent.probe == 0) untold_.push_back(sent.tag);
  }
  return out;
}

}  // namespace conclave::webrtc
