#include "node/calls/active_speaker.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::calls {
namespace {

constexpr double rise_seconds = 0.15, fall_seconds = 0.6;

}  // namespace

double ActiveSpeaker::decayed(const Voice& voice, TimePoint now) {
  // A page that sends nothing (DTX) or has gone is silent.
  auto silent = std::chrono::duration<double>(now - voice.at).count() - 0.1;
  return silent <= 0 ? voice.loudness : voice.loudness * std::exp(-silent / fall_seconds);
}

void ActiveSpeaker::hear(const MemberId& member, Byte level, TimePoint now) {
  auto found = voices_.find(member);
  if (found == voices_.end()) {
    if (voices_.size() >= members_max) return;
    found = voices_.emplace(member, Voice{0, now, {}, false}).first;
  }
  auto& voice = found->second;
  auto sound = level < speech_level ? 127.0 - level : 0.0;
  auto before = decayed(voice, now);
  auto passed = std::clamp(std::chrono::duration<double>(now - voice.at).count(), 0.005, 0.2);
  auto weight = 1 - std::exp(-passed / (sound > before ? rise_seconds : fall_seconds));
  voice.loudness = before + weight * (sound - before);
  voice.at = now;
  if (sound > 0 && voice.loudness > 30) {
    voice.spoke = now;
    voice.ever = true;
  }
}

void ActiveSpeaker::forget(const MemberId& member) {
  voices_.erase(member);
  std::erase(order_, member);
}

double ActiveSpeaker::loudness(const MemberId& member, TimePoint now) const {
  auto found = voices_.find(member);
  return found == voices_.end() ? 0 : decayed(found->second, now);
}

std::span<const MemberId> ActiveSpeaker::order(TimePoint now) {
  std::erase_if(order_, [&](const MemberId& member) {
    auto found = voices_.find(member);
    return found == voices_.end() || now - found->second.spoke > memory;
  });
  for (auto& [member, voice] : voices_) {
    if (voice.ever && now - voice.spoke <= memory && std::ranges::find(order_, member) == order_.end())
      order_.push_back(member);
  }
  if (order_.empty()) return order_;
  // Behind the first, one pass of exchanges where the difference is clear: equal voices keep their places.
  auto loud = [&](const MemberId& member) { return loudness(member, now); };
  for (std::size_t i = 1; i + 1 < order_.size(); ++i) {
    for (auto j = order_.size() - 1; j > i; --j) {
      if (loud(order_[j]) > loud(order_[j - 1]) + margin) std::swap(order_[j], order_[j - 1]);
    }
  }
  auto best = std::ranges::max_element(order_, {}, loud);
  if (best == order_.begin() || loud(*best) < loud(order_.front()) + margin) {
    challenger_.reset();
  } else if (!challenger_ || *challenger_ != *best) {
    challenger_ = *best;
    challenged_ = now;
  } else if (now - challenged_ >= patience) {
    std::rotate(order_.begin(), best, best + 1);
    challenger_.reset();
  }
  return order_;
}

}  // namespace conclave::calls
