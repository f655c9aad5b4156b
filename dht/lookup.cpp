#include "dht/lookup.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace conclave::dht {

Lookup::Lookup(const Surroundings& around, const Goal& goal, Handle self)
    : around_(&around), goal_(goal), self_(self), paths_(std::clamp(goal.paths, 1u, 8u)) {
  goal_.paths = paths_;
  if (goal.region > 0) region_ = Distance::of_share(goal.region);
  near_ = Distance::of_share(goal.radius);
  candidates_.reserve(128);
}

Lookup::Candidate* Lookup::find(Handle peer) {
  auto far = distance(around_->directory.position(peer), goal_.target);
  auto at = std::lower_bound(candidates_.begin(), candidates_.end(), far,
                             [](const Candidate& c, const Distance& d) { return c.distance < d; });
  for (; at != candidates_.end() && at->distance == far; ++at)
    if (at->peer == peer) return &*at;
  return nullptr;
}

bool Lookup::avoided(Handle peer) const {
  return peer == self_ ||
         (goal_.avoid_bits > 0 &&
          distance(around_->directory.position(peer), goal_.avoid).common_bits() >= goal_.avoid_bits);
}

void Lookup::hear(Handle peer, std::uint16_t told, std::uint8_t depth, Handle by) {
  if (avoided(peer)) return;
  auto far = distance(around_->directory.position(peer), goal_.target);
  auto at = std::lower_bound(candidates_.begin(), candidates_.end(), far,
                             [](const Candidate& c, const Distance& d) { return c.distance < d; });
  for (auto same = at; same != candidates_.end() && same->distance == far; ++same) {
    if (same->peer != peer) continue;
    same->told |= told;
    return;
  }
  if (candidates_.size() >= heard_max) {
    // The furthest goes; it mattered least. An open question stays, since its answer will come.
    if (at == candidates_.end() || candidates_.back().state == State::asked) return;
    auto index = at - candidates_.begin();
    candidates_.pop_back();
    at = candidates_.begin() + index;
  }
  Candidate fresh;
  fresh.distance = far;
  fresh.peer = peer;
  fresh.told = told;
  fresh.depth = depth;
  fresh.by = by;
  candidates_.insert(at, fresh);
}

void Lookup::start(std::span<const Handle> seeds) {
  // Nearest first, dealt out one to each path: no path starts from worse.
  std::vector<std::pair<Distance, Handle>> sorted;
  for (Handle peer : seeds)
    if (!avoided(peer)) sorted.emplace_back(distance(around_->directory.position(peer), goal_.target), peer);
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (auto& [far, peer] : sorted) seeds_.push_back(peer);
  // What is left over is for an escalation: its paths start where no path has been.
  const auto share = paths_ < around_->parameters.paths_max ? around_->parameters.k : seeds_.size();
  for (; seeds_used_ < std::min<std::size_t>(share, seeds_.size()); ++seeds_used_)
    hear(seeds_[seeds_used_], static_cast<std::uint16_t>(1u << (seeds_used_ % paths_)), 1, no_handle);
}

void Lookup::add(std::span<const Handle> peers) {
  for (Handle peer : peers) hear(peer, 1u << last_phase, 1, no_handle);
  if (phase_ == Phase::done && goal_.complete) phase_ = Phase::complete;
}

/// When to stop waiting for a slow one that is `rank`-th nearest.
TimePoint Lookup::hope(const Candidate& candidate, unsigned rank) const {
  if (goal_.wait == Wait::none) return candidate.patience;
  if (goal_.wait == Wait::all) return TimePoint::max();
  const auto patience = candidate.patience - candidate.asked;
  return candidate.asked + patience * (rank < around_->parameters.beta ? 30 : 19) / 10;
}

void Lookup::lose_patience(TimePoint now) {
  for (auto& candidate : candidates_) {
    if (candidate.state != State::asked || candidate.patience > now) continue;
    candidate.state = State::slow;
    --in_flight_[candidate.owner];
  }
}

/// How often the network of `peer` has been asked; nothing where it does not count.
unsigned* Lookup::asked_there(Handle peer) {
  if (!around_->parameters.diversity) return nullptr;
  auto network = around_->directory.networks(peer).near;
  if (network == 0) return nullptr;
  for (auto& [known, count] : networks_)
    if (known == network) return &count;
  return &networks_.emplace_back(network, 0).second;
}

bool Lookup::admit(Candidate& candidate) {
  auto* count = asked_there(candidate.peer);
  if (!count || *count < around_->parameters.near_lookup_max) return true;
  candidate.state = State::crowded;
  return false;
}

std::size_t Lookup::ask(std::size_t index, std::uint8_t owner) {
  auto& candidate = candidates_[index];
  if (auto* count = asked_there(candidate.peer)) ++*count;
  candidate.state = State::asked;
  candidate.owner = owner;
  ++in_flight_[owner];
  ++asks_;
  return index;
}

/// What one path wants: it counts those whom it asked itself, nearest first, and passes over who belongs to
/// another path.
Lookup::Next Lookup::follow(unsigned path, std::size_t& index) {
  auto& rules = around_->parameters;
  const auto bit = static_cast<std::uint16_t>(1u << path);
  const unsigned width = std::max(1u, (rules.alpha + paths_ - 1) / paths_);
  unsigned answered = 0;
  bool waiting = false;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    auto& candidate = candidates_[i];
    if (!(candidate.told & bit)) continue;
    if (candidate.state == State::heard) {
      if (in_flight_[path] >= width) return Next::wait;
      if (!admit(candidate)) continue;
      index = i;
      return Next::ask;
    }
    if (candidate.owner != path) continue;
    if (candidate.state == State::asked) waiting = true;
    if (candidate.state == State::answered && ++answered == rules.beta) break;
  }
  return waiting ? Next::wait : Next::end;
}

/// The last phase: the k nearest, and everybody in the region.
Lookup::Next Lookup::complete(std::size_t& index) {
  auto& rules = around_->parameters;
  unsigned under_way = 0;
  for (auto count : in_flight_) under_way += count;
  unsigned answered = 0, rank = 0;
  bool waiting = false;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    auto& candidate = candidates_[i];
    if (answered >= rules.k && candidate.distance > region_) break;
    switch (candidate.state) {
      case State::heard:
        // Each of them will be asked: no need to be as careful as while there is something to learn.
        if (under_way >= 2 * rules.alpha || asks_ >= asks_max) return under_way > 0 ? Next::wait : Next::end;
        if (!admit(candidate)) break;
        index = i;
        return Next::ask;
      case State::asked:
        waiting = true;
        break;
      case State::slow:
        waiting = waiting || now_ < hope(candidate, rank++);
        break;
      case State::answered:
        ++answered;
        ++rank;
        break;
      default:
        break;
    }
  }
  return waiting ? Next::wait : Next::end;
}

std::optional<std::size_t> Lookup::choose(TimePoint now) {
  now_ = now;
  lose_patience(now);
  std::size_t index = 0;
  while (phase_ == Phase::paths) {
    bool waiting = false;
    for (unsigned path = 0; path < paths_; ++path) {
      auto step = asks_ >= asks_max ? Next::end : follow(path, index);
      if (step == Next::ask) return ask(index, static_cast<std::uint8_t>(path));
      waiting = waiting || step == Next::wait;
    }
    if (waiting) {
      // Who stands within the radius will be asked in the end: there is no need to wait for the paths.
      if (goal_.complete && goal_.radius < 1 && complete(index) == Next::ask &&
          candidates_[index].distance <= near_)
        return ask(index, last_phase);
      return std::nullopt;
    }
    if (!(disagree() && escalate())) phase_ = goal_.complete ? Phase::complete : Phase::done;
  }
  while (phase_ == Phase::complete) {
    auto step = complete(index);
    if (step == Next::ask) return ask(index, last_phase);
    if (step == Next::wait) return std::nullopt;
    if (too_sparse() && escalate()) return choose(now);
    phase_ = Phase::done;
  }
  return std::nullopt;
}

TimePoint Lookup::wake() const {
  TimePoint first = TimePoint::max();
  unsigned rank = 0;
  for (auto& candidate : candidates_) {
    if (candidate.state == State::asked) first = std::min(first, candidate.patience);
    if (candidate.state != State::slow && candidate.state != State::answered) continue;
    const auto hoped = hope(candidate, rank++);
    if (candidate.state == State::slow && hoped > now_) first = std::min(first, hoped);
  }
  return first;
}

/// Far from the target an honest node knows a sample of those nearer than itself, and a sample is spread out:
/// of its contacts, half share one bit more with the target than they must, a quarter two, and so on. A list
/// of colluders next to the target is not such a sample.
bool Lookup::plausible(const Candidate& from, const Contacted& contacts) const {
  const int must = from.distance.common_bits() + 1;
  unsigned near = 0;  // chance of each: 1 in 16
  for (Handle peer : contacts)
    near += distance(around_->directory.position(peer), goal_.target).common_bits() >= must + 4;
  return near <= std::max<std::size_t>(4, contacts.size() * 2 / 5);
}

void Lookup::on_response(Handle from, const Contacted& contacts) {
  Candidate* sender = find(from);
  if (!sender || (sender->state != State::asked && sender->state != State::slow)) return;
  if (sender->state == State::asked) --in_flight_[sender->owner];
  auto& rules = around_->parameters;
  const int must = sender->distance.common_bits() + 1;
  // Where the part of the key space that the sender has a bucket for holds few nodes, it may well know them
  // all.
  const bool sampled =
      rules.leap_bits_max > 0 && goal_.radius < 1 && std::ldexp(1.0, -must) > 4 * goal_.radius;
  if (sampled && !plausible(*sender, contacts)) {
    sender->state = State::lying;
    return;
  }
  sender->state = State::answered;
  const auto told = static_cast<std::uint16_t>(1u << sender->owner);
  const auto depth = static_cast<std::uint8_t>(std::min(254, sender->depth + 1));
  const int leap = sampled ? must + rules.leap_bits_max : 128;
  for (Handle peer : contacts)
    if (distance(around_->directory.position(peer), goal_.target).common_bits() <= leap)
      hear(peer, told, depth, from);
}

void Lookup::on_failure(Handle from) {
  Candidate* sender = find(from);
  if (!sender) return;
  if (sender->state == State::asked) --in_flight_[sender->owner];
  if (sender->state == State::asked || sender->state == State::slow) sender->state = State::failed;
}

std::vector<Handle> Lookup::closest(std::size_t count) const {
  std::vector<Handle> out;
  for (auto& candidate : candidates_) {
    if (out.size() == count) break;
    if (candidate.state == State::answered) out.push_back(candidate.peer);
  }
  return out;
}

std::size_t Lookup::within(Distance radius) const {
  std::size_t count = 0;
  for (auto& candidate : candidates_) {
    if (candidate.distance > radius) break;
    count += candidate.state != State::failed && candidate.state != State::lying;
  }
  return count;
}

std::optional<Distance> Lookup::kth() const {
  unsigned answered = 0;
  for (auto& candidate : candidates_)
    if (candidate.state == State::answered && ++answered == around_->parameters.k) return candidate.distance;
  return std::nullopt;
}

std::optional<int> Lookup::rim() const {
  if (phase_ == Phase::paths || !goal_.complete || !around_->parameters.rim) return std::nullopt;
  unsigned answered = 0, gone = 0;
  std::optional<int> bit;
  for (auto& candidate : candidates_) {
    gone += candidate.state == State::slow || candidate.state == State::failed;
    if (candidate.state != State::answered) continue;
    bit = candidate.distance.common_bits();
    if (++answered == around_->parameters.k) break;
  }
  return gone >= 2 && answered >= around_->parameters.k / 2 ? bit : std::nullopt;
}

/// The k nearest that answered stand so far out that nearer ones must have been hidden.
bool Lookup::too_sparse() const {
  auto& rules = around_->parameters;
  if (rules.sparse_max == 0 || goal_.radius >= 1) return false;
  auto far = kth();
  return !far || far->share() > rules.sparse_max * goal_.radius;
}

/// Fewer than half of the paths were told of the nearest that answered, or what they found is too sparse.
bool Lookup::disagree() const {
  constexpr unsigned judged = 4;
  unsigned seen = 0;
  std::array<unsigned, 8> knows{};
  for (auto& candidate : candidates_) {
    if (candidate.state != State::answered) continue;
    for (unsigned path = 0; path < paths_; ++path) knows[path] += candidate.told >> path & 1;
    if (++seen == judged) break;
  }
  unsigned agreeing = 0;
  for (unsigned path = 0; path < paths_; ++path) agreeing += knows[path] * 2 > seen;
  return seen == 0 || agreeing * 2 < paths_;
}

bool Lookup::escalate() {
  const unsigned wanted = std::clamp(around_->parameters.paths_max, paths_, 8u);
  if (wanted == paths_ || seeds_used_ >= seeds_.size()) return false;
  const unsigned first = paths_;
  paths_ = wanted;
  for (unsigned path = first; seeds_used_ < seeds_.size(); ++seeds_used_) {
    hear(seeds_[seeds_used_], static_cast<std::uint16_t>(1u << path), 1, no_handle);
    if (++path == paths_) path = first;
  }
  phase_ = Phase::paths;
  return true;
}

unsigned Lookup::hops() const {
  for (auto& candidate : candidates_)
    if (candidate.state == State::answered) return candidate.depth;
  return 0;
}

}  // namespace conclave::dht
