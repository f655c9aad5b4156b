#include "dht/table.hpp"

#include "crypto/ensure.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace conclave::dht {

namespace {

/// At least 1: zero is for entries that a restart brought back and nobody has spoken to since.
std::uint32_t seconds(TimePoint at) {
  auto since = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  return static_cast<std::uint32_t>(std::max<std::int64_t>(since, 1));
}

}  // namespace

std::size_t Table::start(int bucket) const {
  return std::accumulate(counts_.begin(), counts_.begin() + std::min<int>(bucket, buckets()), std::size_t{0});
}

std::span<const Table::Entry> Table::bucket(int index) const {
  if (index >= buckets()) return {};
  return std::span(entries_).subspan(start(index), counts_[static_cast<std::size_t>(index)]);
}

int Table::bucket_of(Handle peer) const {
  auto& directory = around_->directory;
  return std::min(distance(directory.position(self_), directory.position(peer)).common_bits(), 127);
}

Table::Entry* Table::find(Handle peer, int index) {
  auto here = bucket(index);
  for (auto& entry : here)
    if (entry.peer == peer) return entries_.data() + (&entry - entries_.data());
  return nullptr;
}

const Table::Entry* Table::find(Handle peer) const {
  return const_cast<Table*>(this)->find(peer, bucket_of(peer));
}

Table::Entry Table::make(Handle peer, Rtt rtt, TimePoint now) const {
  auto networks = around_->directory.networks(peer);
  return {peer,
          seconds(now),
          rtt,
          static_cast<std::uint16_t>(networks.near),
          static_cast<std::uint8_t>(networks.wide),
          0};
}

bool Table::crowded(Handle peer, int index, const Entry* leaving) const {
  auto& limits = around_->parameters;
  if (!limits.diversity) return false;
  auto networks = around_->directory.networks(peer);
  if (networks.near == 0) return false;
  unsigned near_here = 0, near_all = 0, wide_here = 0, wide_all = 0;
  const Entry* first = entries_.data() + start(index);
  const Entry* last = first + bucket(index).size();
  for (auto& entry : entries_) {
    if (&entry == leaving || entry.wide_tag != static_cast<std::uint8_t>(networks.wide)) continue;
    auto theirs = around_->directory.networks(entry.peer);
    if (theirs.wide != networks.wide) continue;
    const bool here = &entry >= first && &entry < last;
    ++wide_all;
    wide_here += here;
    if (theirs.near != networks.near) continue;
    ++near_all;
    near_here += here;
  }
  const auto wide_share =
      static_cast<unsigned>(limits.wide_table_share * static_cast<double>(entries_.size()));
  const auto wide_max = std::min(limits.wide_table_max, std::max(limits.near_table_max, wide_share));
  return near_here >= limits.near_bucket_max || near_all >= limits.near_table_max ||
         wide_here >= limits.wide_bucket_max || wide_all >= wide_max;
}

/// Who would give way to a node with this round-trip time: one that did not answer last time, else, of the
/// younger half, the slowest if it is at least twice as slow. Nobody of the older half: who wants a whole
/// bucket has to outlive it.
Table::Entry* Table::weakest(int index, Rtt rtt) {
  auto& rules = around_->parameters;
  auto count = bucket(index).size();
  Entry* first = entries_.data() + start(index);
  Entry* found = nullptr;
  for (Entry* entry = first; entry != first + count; ++entry)
    if (entry->failures > 0 && (!found || entry->failures > found->failures)) found = entry;
  if (found || !rtt.known()) return found;
  if (!rules.prefer_old) return first;
  if (!rules.prefer_near) return nullptr;
  for (Entry* entry = first + count / 2; entry != first + count; ++entry)
    if (entry->rtt.smoothed >= 2 * rtt.smoothed && (!found || entry->rtt.smoothed > found->rtt.smoothed))
      found = entry;
  return found;
}

void Table::insert(const Entry& entry, int index) {
  if (index >= buckets()) counts_.resize(static_cast<std::size_t>(index) + 1);
  // Growing by a few entries at a time instead of doubling: a million tables would waste gigabytes.
  if (entries_.size() == entries_.capacity()) entries_.reserve(entries_.size() + 32);
  entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(start(index + 1)), entry);
  ++counts_[static_cast<std::size_t>(index)];
}

void Table::erase(Entry* entry, int index) {
  entries_.erase(entries_.begin() + (entry - entries_.data()));
  --counts_[static_cast<std::size_t>(index)];
  while (!counts_.empty() && counts_.back() == 0) counts_.pop_back();
}

Table::Outcome Table::answered(Handle peer, Duration rtt, TimePoint now) {
  ensure(peer != self_, "a node is not in its own table");
  const int index = bucket_of(peer);
  if (Entry* entry = find(peer, index)) {
    entry->seen_s = seconds(now);
    entry->failures = 0;
    entry->rtt.sample(rtt);
    return Outcome::updated;
  }
  Rtt measured;
  measured.sample(rtt);
  if (bucket(index).size() < around_->parameters.k) {
    if (crowded(peer, index, nullptr)) return Outcome::crowded;
    insert(make(peer, measured, now), index);
    return Outcome::inserted;
  }
  Entry* leaving = weakest(index, measured);
  if (!leaving) return Outcome::full;
  if (crowded(peer, index, leaving)) return Outcome::crowded;
  erase(leaving, index);
  insert(make(peer, measured, now), index);
  return Outcome::replaced;
}

bool Table::failed(Handle peer) {
  const int index = bucket_of(peer);
  Entry* entry = find(peer, index);
  if (!entry) return false;
  if (++entry->failures < around_->parameters.failures_max) return false;
  erase(entry, index);
  return true;
}

void Table::doubt(Handle peer) {
  if (Entry* entry = find(peer, bucket_of(peer)); entry && entry->failures == 0) entry->failures = 1;
}

bool Table::wants(Handle peer) const {
  if (peer == self_) return false;
  auto& self = const_cast<Table&>(*this);
  const int index = bucket_of(peer);
  if (self.find(peer, index)) return false;
  const Entry* leaving = nullptr;
  if (bucket(index).size() >= around_->parameters.k) {
    leaving = self.weakest(index, Rtt{});
    if (!leaving) return false;
  }
  return !crowded(peer, index, leaving);
}

/// Distances to `target` grow bucket by bucket: those who share more bits with it than we do stand in one
/// bucket, then come all deeper ones (they share exactly as many as we do), then the shallower ones one after
/// the other.
template <class Out>
void Table::collect(const Key& target, std::size_t count, Handle except, bool tell, Out&& out) const {
  auto& directory = around_->directory;
  const int shared = std::min(distance(directory.position(self_), target).common_bits(), 127);
  std::size_t found = 0;
  std::vector<std::pair<Distance, Handle>> sorted;
  auto take = [&](std::size_t first, std::size_t last) {
    // What a restart brought back is tried, but told to nobody before it has answered.
    auto usable = [&](const Entry& entry) {
      return entry.failures == 0 && entry.peer != except && (entry.seen_s > 0 || !tell);
    };
    std::size_t group = 0;
    for (auto i = first; i < last; ++i) group += usable(entries_[i]);
    if (found + group <= count) {
      for (auto i = first; i < last; ++i)
        if (usable(entries_[i])) out(entries_[i].peer);
      found += group;
      return;
    }
    sorted.clear();
    for (auto i = first; i < last; ++i)
      if (usable(entries_[i]))
        sorted.emplace_back(distance(directory.position(entries_[i].peer), target), entries_[i].peer);
    auto wanted = static_cast<std::ptrdiff_t>(count - found);
    std::partial_sort(sorted.begin(), sorted.begin() + wanted, sorted.end());
    for (auto entry = sorted.begin(); entry != sorted.begin() + wanted; ++entry) out(entry->second);
    found = count;
  };
  auto from = start(shared), to = start(shared + 1);
  take(from, to);
  if (found < count) take(to, entries_.size());
  for (int index = std::min(shared, buckets()) - 1; index >= 0 && found < count; --index) {
    to = from;
    from -= counts_[static_cast<std::size_t>(index)];
    take(from, to);
  }
}

void Table::closest(const Key& target, std::size_t count, Handle except, std::vector<Handle>& out) const {
  collect(target, count, except, false, [&](Handle peer) { out.push_back(peer); });
}

void Table::closest(const Key& target, std::size_t count, Handle except, Contacted& out) const {
  collect(target, std::min<std::size_t>({count, around_->parameters.k, Contacted::max}), except, true,
          [&](Handle peer) { out.push(peer); });
}

double Table::radius_estimate() const {
  // The deepest buckets that are not full hold everybody who is there; the first full one from below holds a
  // part.
  std::size_t near = 0;
  int index = buckets() - 1;
  for (; index >= 0 && counts_[static_cast<std::size_t>(index)] < around_->parameters.k; --index)
    near += counts_[static_cast<std::size_t>(index)];
  const double k = around_->parameters.k;
  if (index < 0) return near == 0 ? 1 : std::min(1.0, k / static_cast<double>(near));
  // `near` others and we stand within a share of 2^-(index+1).
  return std::min(1.0, std::ldexp(k / (static_cast<double>(near) + 1), -(index + 1)));
}

const Table::Entry* Table::overdue(TimePoint near_before, TimePoint far_before) const {
  std::size_t near = 0;
  int index = buckets();
  while (index > 0 && near + bucket(index - 1).size() <= 2 * around_->parameters.k)
    near += bucket(--index).size();
  const Entry* first_near = entries_.data() + (entries_.size() - near);
  const Entry* found = nullptr;
  std::int64_t most = 0;
  for (auto& entry : entries_) {
    const std::int64_t by =
        std::int64_t{seconds(&entry >= first_near ? near_before : far_before)} - entry.seen_s;
    if (by > most) most = by, found = &entry;
  }
  return found;
}

const Table::Entry* Table::freshest() const {
  const Entry* found = nullptr;
  for (auto& entry : entries_)
    if (entry.failures == 0 && (!found || entry.seen_s > found->seen_s)) found = &entry;
  return found;
}

std::size_t Table::memory() const { return entries_.capacity() * sizeof(Entry) + counts_.capacity(); }

void Table::restore(Handle peer, Rtt rtt) {
  const int index = bucket_of(peer);
  if (peer == self_ || find(peer, index) || bucket(index).size() >= around_->parameters.k) return;
  if (crowded(peer, index, nullptr)) return;
  auto entry = make(peer, rtt, TimePoint{});
  entry.seen_s = 0;
  insert(entry, index);
}

}  // namespace conclave::dht
