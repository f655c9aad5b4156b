#include "dht/upkeep.hpp"

#include <algorithm>

namespace conclave::dht {

void Upkeep::hurry(TimePoint now) {
  if (credit_ > 0) next_ = std::min(next_, now + std::chrono::milliseconds(50));
}

void Upkeep::joined(const Parameters& rules, TimePoint now, Random& random) {
  // Soon again at first: others come in at the same time, and a first contact may have known nobody. Spread
  // out, so that nodes that started together do not search together for ever.
  pause_ = std::min(pause_ * 8, rules.neighbours_every);
  neighbours_ =
      now + pause_ * 3 / 4 +
      Duration(static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(pause_.count()) / 2)));
  if (settled_ == TimePoint{}) settled_ = now + std::chrono::minutes(1);
  next_ = std::min(next_, now);
}

void Upkeep::lost(Handle peer) {
  if (std::find(lost_.begin(), lost_.end(), peer) != lost_.end()) return;
  if (lost_.size() == lost_max) lost_.erase(lost_.begin());
  if (lost_.empty()) lost_.reserve(lost_max);
  lost_.push_back(peer);
}

void Upkeep::stranded(std::span<const Handle> guides) {
  stranded_ = true;
  for (Handle guide : guides) lost(guide);
}

bool Upkeep::found_again(Handle peer, TimePoint now) {
  if (std::erase(lost_, peer) == 0) return false;
  // One comes back every now and then. Several in a minute: whatever stood between us is gone.
  retry_ = now;
  returned_ = now - last_return_ < std::chrono::minutes(1) ? static_cast<std::uint8_t>(returned_ + 1) : 1;
  last_return_ = now;
  if (returned_ < 3 && !stranded_) return true;
  returned_ = 0;
  stranded_ = false;
  neighbours_ = std::min(neighbours_, now + std::chrono::seconds(1));
  pause_ = pause_first;
  settled_ = now + std::chrono::minutes(1);
  hurry(now);
  return true;
}

void Upkeep::publish(RecordPtr record, TimePoint due) {
  withdraw(record->publisher);
  published_.push_back({std::move(record), due});
  next_ = std::min(next_, due);
}

void Upkeep::withdraw(const SigningPublicKey& publisher) {
  std::erase_if(published_, [&](const Published& own) { return own.record->publisher == publisher; });
}

Upkeep::Task Upkeep::next(const Surroundings& around, Handle self, const Table& table, Newcomers& newcomers,
                          TimePoint last_answer, TimePoint now) {
  if (now < next_) return {};
  auto task = choose(around, self, table, newcomers, last_answer, now);
  const bool young = now < settled_;
  const auto gap = young ? around.parameters.upkeep_gap / 20 : around.parameters.upkeep_gap;
  if (task.kind == Task::Kind::meet && credit_ > 0) {
    --credit_;
    next_ = now + std::chrono::milliseconds(50);
  } else {
    credit_ = std::min<std::uint8_t>(burst_max, static_cast<std::uint8_t>(credit_ + 1));
    // With nothing to do, looking twice as seldom is soon enough, and a thousand times cheaper to simulate.
    next_ =
        now + (task.kind == Task::Kind::none ? std::max<Duration>(2 * gap, std::chrono::seconds(5)) : gap);
  }
  return task;
}

Upkeep::Task Upkeep::choose(const Surroundings& around, Handle self, const Table& table, Newcomers& newcomers,
                            TimePoint last_answer, TimePoint now) {
  auto& rules = around.parameters;
  for (auto& own : published_) {
    if (own.due > now) continue;
    own.due = now + rules.republish_every;
    return {Task::Kind::publish, no_handle, {}, own.record};
  }
  if (table.size() > 0 && neighbours_ <= now) {
    neighbours_ = now + rules.neighbours_every;
    return {Task::Kind::neighbours, no_handle, around.directory.position(self), nullptr};
  }
  Handle newcomer = newcomers.take([&](Handle peer) { return table.wants(peer); });
  if (newcomer != no_handle) return {Task::Kind::meet, newcomer, {}, nullptr};
  for (auto& entry : table.entries()) {
    if (entry.failures == 0) continue;
    // Is it gone, or are we cut off? After a silence somebody else is asked first.
    if (now - last_answer < line_checked) return {Task::Kind::probe, entry.peer, {}, nullptr};
    if (auto* fresh = table.freshest()) return {Task::Kind::probe, fresh->peer, {}, nullptr};
  }
  if (auto* entry = table.overdue(now - rules.probe_near_every, now - rules.probe_far_every))
    return {Task::Kind::probe, entry->peer, {}, nullptr};
  if (!lost_.empty() && retry_ <= now) {
    retry_ = now + (table.size() == 0 ? lost_every_alone : lost_every);
    std::rotate(lost_.begin(), lost_.begin() + 1, lost_.end());
    return {Task::Kind::meet, lost_.back(), {}, nullptr};
  }
  if (fill_ > now || table.size() == 0) return {};
  // One bucket with room: a node of it, or the nearest to it, knows more of that part of the key space.
  // Buckets deeper than the nearest neighbours are the business of the search for our own position.
  const int last = table.buckets() - 1;
  for (; bucket_ <= last; ++bucket_) {
    if (table.bucket(bucket_).size() >= rules.k) continue;
    Key target = random_at_prefix(around.directory.position(self), bucket_, around.random);
    std::vector<Handle> nearest;
    table.closest(target, 3, no_handle, nearest);
    ++bucket_;
    if (nearest.empty()) continue;
    return {Task::Kind::fill, nearest[around.random.below(nearest.size())], target, nullptr};
  }
  bucket_ = 0;
  fill_ = now + (now < settled_ ? std::chrono::seconds(5) : rules.bucket_every);
  return {};
}

}  // namespace conclave::dht
