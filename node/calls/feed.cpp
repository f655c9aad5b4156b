#include "node/calls/feed.hpp"

#include <algorithm>

#include "transport/webrtc/vp8.hpp"

namespace conclave::calls {

bool Feed::keep(const MediaUnit& unit, TimePoint now) {
  if (unit.payload.size() > payload_max) return false;
  if (slots_.empty()) {
    slots_.resize(capacity_);
    memory_.resize(capacity_ * payload_max);
  }
  const auto ahead = newest_ ? static_cast<std::int32_t>(unit.sequence - *newest_) : 1;
  const auto step = static_cast<std::int32_t>(restart_step);
  if (!newest_ || ahead > step || ahead < -step) {
    if (newest_) ++generation_;
    newest_ = first_ = unit.sequence;
    key_.reset();
    missing_.clear();
    by_part_ = {};
    for (auto& slot : slots_) slot.used = false;
  } else if (ahead <= 0) {
    auto& slot = slots_[index(unit.sequence)];
    if (static_cast<std::size_t>(-ahead) >= capacity_ || static_cast<std::int32_t>(unit.sequence - first_) < 0 ||
        (slot.used && slot.unit.sequence == unit.sequence))
      return false;
  }
  if (!local_ && name_.kind != MediaKind::audio) note_gap(unit, now);
  if (ahead > 0) newest_ = unit.sequence;
  auto at = index(unit.sequence);
  slots_[at] = {true, now, unit, static_cast<std::uint16_t>(unit.payload.size())};
  if (!unit.payload.empty()) std::memcpy(memory_.data() + at * payload_max, unit.payload.data(), unit.payload.size());
  constexpr Byte key_start = MediaUnit::key_frame | MediaUnit::frame_start;
  if ((unit.flags & key_start) == key_start && (!key_ || static_cast<std::int32_t>(unit.sequence - *key_) > 0)) {
    key_ = unit.sequence;
    key_at_ = now;
    key_frame.satisfied();
  }
  if (!arrival_ || now - *arrival_ > age_max) {
    // A stream that begins, or goes on after a silence, is measured from here.
    rate_since_ = now;
    rate_bytes_ = 0;
  }
  arrival_ = now;
  shunned_until_ = {};
  rate_bytes_ += unit.payload.size() + 40;
  if (name_.kind == MediaKind::audio && ahead > 0) level = unit.level;
  return true;
}

/// Gaps are found part by part, since the parts come along different paths.
void Feed::note_gap(const MediaUnit& unit, TimePoint now) {
  if (unit.part >= parts_max || unit.sequence % parts_ != unit.part) return;
  auto& newest = by_part_[unit.part].newest;
  if (missing_.erase(unit.sequence) > 0) ++repaired_;
  if (newest && static_cast<std::int32_t>(unit.sequence - *newest) <= 0) return;
  if (newest) {
    auto from = *newest + parts_;
    // Of a long gap the end is what still helps.
    const auto most = static_cast<std::uint32_t>(missing_max) * parts_;
    if (unit.sequence - from > most) from = unit.sequence - most;
    for (auto at = from; at != unit.sequence && missing_.size() < missing_max; at += parts_) {
      if (at % parts_ != unit.part) break;
      missing_.emplace(at, Missing{now + reorder, now, 0});
    }
  }
  newest = unit.sequence;
}

void Feed::set_parts(Byte parts) {
  if (parts == parts_ || parts == 0) return;
  parts_ = parts;
  by_part_ = {};
  missing_.clear();
}

/// Another parent may have what the one before it could not give.
void Feed::came_by(Byte part, LinkId link, TimePoint now) {
  auto& before = came_by_[part % parts_max];
  if (std::exchange(before, link) == link) return;
  for (auto& [sequence, missing] : missing_)
    if (sequence % parts_ == part) missing = {now, now, 0};
}

/// Whole frames of upper temporal layers are missing where the frames around them say so: TL0PICIDX counts the frames
/// of the base (RFC 7741 section 4.2).
bool Feed::can_do_without(std::uint32_t sequence) const {
  auto neighbour = [&](std::uint32_t step) -> std::optional<MediaUnit> {
    auto at = sequence;
    for (std::size_t i = 0; i < missing_max && at != *newest_ + 1 && at != first_ - 1; ++i) {
      at += step;
      if (auto unit = kept(at); unit && !unit->payload.empty()) return unit;
    }
    return std::nullopt;
  };
  auto before = neighbour(~std::uint32_t{0}), after = neighbour(1);
  if (!before || !after) return false;
  if ((before->flags & MediaUnit::frame_end) == 0 || (after->flags & MediaUnit::frame_start) == 0) return false;
  auto last = webrtc::decode_vp8(before->payload), next = webrtc::decode_vp8(after->payload);
  if (!last || !next || !last->tl0_index || !next->tl0_index) return false;
  auto base_frames = static_cast<Byte>(*next->tl0_index - *last->tl0_index);
  return base_frames == (next->temporal_id.value_or(0) == 0 ? 1 : 0);
}

void Feed::given_up(std::uint32_t sequence) {
  const bool since_key_frame = key_ && static_cast<std::int32_t>(sequence - *key_) > 0;
  if (since_key_frame && !can_do_without(sequence)) key_frame.want();
}

std::vector<Feed::Gap> Feed::gaps(TimePoint now, const std::function<Duration(LinkId)>& rtt) {
  std::vector<Gap> out;
  for (auto at = missing_.begin(); at != missing_.end();) {
    auto& [sequence, missing] = *at;
    if ((missing.asked == asks_max && now >= missing.ask_at) || now - missing.since > age_max) {
      given_up(sequence);
      at = missing_.erase(at);
      continue;
    }
    if (now >= missing.ask_at) {
      const auto part = static_cast<Byte>(sequence % parts_);
      auto gap = std::ranges::find(out, part, &Gap::part);
      if (gap == out.end()) gap = out.insert(out.end(), Gap{came_by_[part], part, {}});
      gap->sequences.push_back(sequence);
      auto round = rtt(gap->link);
      missing.ask_at = now + round + round / 4 + patience_more * (1 << missing.asked++);
    }
    ++at;
  }
  return out;
}

TimePoint Feed::gaps_deadline() const {
  auto out = TimePoint::max();
  for (auto& [sequence, missing] : missing_) out = std::min(out, missing.ask_at);
  return out;
}

std::optional<MediaUnit> Feed::find(std::uint32_t sequence, TimePoint now) const {
  if (slots_.empty() || now - slots_[index(sequence)].at > age_max) return std::nullopt;
  return kept(sequence);
}

std::optional<MediaUnit> Feed::kept(std::uint32_t sequence) const {
  if (slots_.empty()) return std::nullopt;
  auto at = index(sequence);
  auto& slot = slots_[at];
  if (!slot.used || slot.unit.sequence != sequence) return std::nullopt;
  auto out = slot.unit;
  out.payload = ByteView(memory_).subspan(at * payload_max, slot.size);
  return out;
}

std::optional<MediaUnit> Feed::find_low(std::uint16_t sequence, TimePoint now) const {
  if (!newest_) return std::nullopt;
  auto behind = static_cast<std::int16_t>(static_cast<std::uint16_t>(*newest_) - sequence);
  return find(*newest_ - static_cast<std::uint32_t>(static_cast<std::int32_t>(behind)), now);
}

std::optional<Feed::Run> Feed::key_run(TimePoint now) const {
  if (!key_ || now - key_at_ > age_max) return std::nullopt;
  for (auto at = *key_; static_cast<std::int32_t>(*newest_ - at) >= 0; ++at) {
    if (!find(at, now)) return std::nullopt;
  }
  return Run{*key_, key_at_};
}

void Feed::measure(TimePoint now) {
  auto passed = now - rate_since_;
  if (passed < rate_window || rate_bytes_ == 0) return;
  auto measured = static_cast<double>(rate_bytes_) * 8 / std::chrono::duration<double>(passed).count();
  // The first measure stands as it is; later ones are smoothed over key frames.
  rate_ = static_cast<std::uint32_t>(rate_ == 0 ? measured : 0.5 * rate_ + 0.5 * measured);
  windows_[windows_seen_++ % windows_.size()] = static_cast<std::uint32_t>(measured);
  rate_bytes_ = 0;
  rate_since_ = now;
}

std::uint32_t Feed::rate(TimePoint now) {
  measure(now);
  return rate_ > 0 ? rate_ : told_bps;
}

std::uint32_t Feed::usual_rate(TimePoint now) {
  measure(now);
  if (windows_seen_ == 0) return told_bps;
  auto sorted = windows_;
  const auto count = std::min(windows_seen_, windows_.size());
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  return sorted[(count - 1) / 2];
}

void Feed::want(bool wanted, TimePoint now) {
  if (!wanted) {
    wanted_since_.reset();
    return;
  }
  if (!wanted_since_) wanted_since_ = now;
  if (alive(now) || now - *wanted_since_ < patience) return;
  // There is nothing below the lowest: as long as another node says that it has it, it is waited for.
  if (!local_ && name_.layer == 0) return;
  shunned_until_ = now + shunned;
  wanted_since_.reset();
}

}  // namespace conclave::calls
