#include "dht/meeting_store.hpp"

#include <algorithm>

namespace conclave::dht {

std::uint64_t record_tag(const SigningPublicKey& publisher, std::uint64_t sequence) {
  // Publisher keys are points that nobody can choose freely, and a reader's mistake costs one entry of a
  // stranger: no keyed hash is needed.
  std::uint64_t x = big_endian(publisher.bytes.data()) ^ (sequence * 0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  return x ^ (x >> 31);
}

void MeetingStore::count(Networks from, int change) {
  size_ += static_cast<std::size_t>(change);
  auto& total = wide_[from.wide];
  total += static_cast<std::size_t>(change);
  if (total == 0) wide_.erase(from.wide);
}

bool MeetingStore::room(const Surroundings& around, const std::vector<Held>& point, Networks from) const {
  auto& limits = around.parameters;
  if (point.size() >= limits.publishers_max) return false;
  if (size_ >= limits.records_max && !crowd(limits, from)) return false;
  if (!limits.diversity || from.near == 0) return true;
  auto neighbours = std::count_if(point.begin(), point.end(),
                                  [&](const Held& held) { return held.from.near == from.near; });
  auto wide = wide_.find(from.wide);
  return static_cast<std::size_t>(neighbours) < limits.publishers_near_max &&
         (wide == wide_.end() || wide->second < limits.records_wide_max);
}

std::optional<std::uint32_t> MeetingStore::crowd(const Parameters& rules, Networks from) const {
  if (!rules.diversity || !rules.fair_stores || from.near == 0) return std::nullopt;
  auto most =
      std::max_element(wide_.begin(), wide_.end(), [](auto& a, auto& b) { return a.second < b.second; });
  auto own = wide_.find(from.wide);
  if (most == wide_.end() || most->second < (own == wide_.end() ? 0 : own->second) + 2) return std::nullopt;
  return most->first;
}

void MeetingStore::evict_newest_of(std::uint32_t wide) {
  auto newest_point = points_.end();
  std::size_t place = 0;
  std::uint64_t newest = 0;
  for (auto point = points_.begin(); point != points_.end(); ++point) {
    for (std::size_t i = 0; i < point->second.size(); ++i) {
      auto& held = point->second[i];
      if (held.from.wide == wide && held.arrival > newest)
        newest_point = point, place = i, newest = held.arrival;
    }
  }
  if (newest_point == points_.end()) return;
  auto& point = newest_point->second;
  count(point[place].from, -1);
  point.erase(point.begin() + static_cast<std::ptrdiff_t>(place));
  if (point.empty()) points_.erase(newest_point);
}

PutStatus MeetingStore::put(const Surroundings& around, const RecordPtr& record, Networks from,
                            UnixTime now) {
  if (record->expires <= now || record->expires > now + around.parameters.life_max) return PutStatus::refused;
  auto point = points_.find(record->point);
  if (point != points_.end()) {
    for (Held& held : point->second) {
      if (held.record->publisher != record->publisher) continue;
      if (held.record->sequence > record->sequence) return PutStatus::stale;
      if (held.record->sequence == record->sequence) return PutStatus::stored;
      if (!around.trust.genuine(*record, now)) return PutStatus::refused;
      held.record = record;
      return PutStatus::stored;
    }
  }
  static const std::vector<Held> nobody;
  if (!room(around, point == points_.end() ? nobody : point->second, from)) {
    expire(now);
    point = points_.find(record->point);
    if (!room(around, point == points_.end() ? nobody : point->second, from)) return PutStatus::crowded;
  }
  if (!around.trust.genuine(*record, now)) return PutStatus::refused;
  if (size_ >= around.parameters.records_max)
    if (auto most = crowd(around.parameters, from)) evict_newest_of(*most);
  points_[record->point].push_back({record, from, ++arrivals_});
  count(from, +1);
  return PutStatus::stored;
}

std::uint16_t MeetingStore::get(const Key& point, std::span<const std::uint64_t> have, UnixTime now,
                                std::uint64_t secret, std::size_t size_max,
                                std::vector<RecordPtr>& out) const {
  auto found = points_.find(point);
  if (found == points_.end()) return 0;
  // Publishers whose network has but one entry here come first: filling a point from few networks does not
  // help to hide what others left.
  std::vector<std::tuple<std::size_t, std::uint64_t, const RecordPtr*>> order;
  for (const Held& held : found->second) {
    auto tag = record_tag(held.record->publisher, held.record->sequence);
    if (held.record->expires <= now || std::find(have.begin(), have.end(), tag) != have.end()) continue;
    auto neighbours = std::count_if(found->second.begin(), found->second.end(), [&](const Held& other) {
      return held.from.near != 0 && other.from.near == held.from.near;
    });
    order.emplace_back(neighbours, (tag ^ secret) * 0x9e3779b97f4a7c15, &held.record);
  }
  std::sort(order.begin(), order.end());
  std::uint16_t left_out = 0;
  for (auto& [neighbours, place, record] : order) {
    if ((*record)->size + 3u <= size_max) {  // with its msgpack header
      size_max -= (*record)->size + 3u;
      out.push_back(*record);
    } else {
      ++left_out;
    }
  }
  return left_out;
}

void MeetingStore::expire(UnixTime now) {
  for (auto point = points_.begin(); point != points_.end();) {
    std::erase_if(point->second, [&](const Held& held) {
      if (held.record->expires > now) return false;
      count(held.from, -1);
      return true;
    });
    point = point->second.empty() ? points_.erase(point) : std::next(point);
  }
}

std::size_t MeetingStore::publishers(const Key& point) const {
  auto found = points_.find(point);
  return found == points_.end() ? 0 : found->second.size();
}

bool MeetingStore::within_bounds(const Parameters& limits) const {
  std::size_t total = 0;
  for (auto& [key, point] : points_) {
    total += point.size();
    if (point.empty() || point.size() > limits.publishers_max) return false;
    if (!limits.diversity) continue;
    for (auto& held : point) {
      auto same = std::count_if(point.begin(), point.end(), [&](const Held& other) {
        return held.from.near != 0 && other.from.near == held.from.near;
      });
      if (static_cast<std::size_t>(same) > limits.publishers_near_max) return false;
    }
  }
  return total == size_ && total <= limits.records_max;
}

}  // namespace conclave::dht
