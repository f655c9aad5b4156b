#include "dht/operation.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::dht {

Operation::Operation(const Surroundings& around, OperationId id, Kind kind, Lookup::Goal goal, Handle self,
                     RecordPtr record, TimePoint now)
    : around_(&around),
      id_(id),
      kind_(kind),
      self_(self),
      record_(std::move(record)),
      started_(now),
      lookup_(around, goal, self) {}

Operation::Holder& Operation::holder(Handle peer) {
  for (auto& known : holders_)
    if (known.peer == peer) return known;
  holders_.emplace_back().peer = peer;
  return holders_.back();
}

Operation::Ask Operation::question(Handle to, Part part) {
  Ask ask{to, {}, part};
  auto& goal = part == 0 || part > sides_.size() ? lookup_.goal() : sides_[part - 1u].goal();
  ask.request.target = goal.target;
  if (kind_ == Kind::get) {
    ask.request.kind = Kind::get;
    ask.request.page = part == page_part;
    ask.request.point = lookup_.goal().target;
    // What this node has told already, and the first entries that anybody told: those that came first are
    // hardly junk, and a list of everything would be as long as an attacker likes.
    ask.request.have = holder(to).told;
    for (std::size_t i = 0; i < std::min(records_.size(), Request::have_max - Holder::told_max); ++i)
      ask.request.have.push_back(record_tag(records_[i]->publisher, records_[i]->sequence));
  } else {
    ask.request.kind = Kind::find;
  }
  return ask;
}

/// Once, when the nearest turn out to be partly dead: those nearest to the rim are asked about it. They are
/// asked while everybody waits for the dead, so it costs no time.
std::optional<Operation::Ask> Operation::rim_question() {
  if (!rimmed_) {
    auto bit = lookup_.rim();
    if (!bit) return std::nullopt;
    rimmed_ = true;
    for (auto [turned, count] : {std::pair(*bit, 3u), std::pair(*bit + 1, 2u)}) {
      Key aside = with_flipped_bit(lookup_.goal().target, turned);
      std::vector<std::pair<Distance, Handle>> nearest;
      lookup_.each_answered([&](const Lookup::Candidate& candidate) {
        nearest.emplace_back(distance(around_->directory.position(candidate.peer), aside), candidate.peer);
      });
      std::sort(nearest.begin(), nearest.end());
      for (std::size_t i = 0; i < std::min<std::size_t>(count, nearest.size()); ++i)
        rim_.emplace_back(nearest[i].second, aside);
    }
  }
  if (rim_.empty()) return std::nullopt;
  auto [to, aside] = rim_.back();
  rim_.pop_back();
  auto ask = question(to, rim_part);
  ask.request.target = aside;
  ++extra_asks_;
  ++extra_under_way_;
  return ask;
}

/// Puts and further pages, beside the questions of the searches.
std::optional<Operation::Ask> Operation::extra() {
  if (auto ask = rim_question()) return ask;
  if (!puts_.empty() && extra_under_way_ < 2 * around_->parameters.k) {
    auto& to = holder(puts_.back());
    puts_.pop_back();
    Ask ask{to.peer, {}, put_part};
    ask.request.kind = Kind::put;
    ask.request.token = to.token;
    ask.request.record = record_;
    ++extra_asks_;
    ++extra_under_way_;
    return ask;
  }
  if (kind_ != Kind::get || pages_ >= pages_total_max) return std::nullopt;
  // Who has been asked least first: the junk of one holder does not keep us from the next. More than a page
  // each only when all holders are known, or those nearest, who may stand there on purpose, would use it all
  // up.
  const unsigned pages_now = sided_ && sides_.empty() && lookup_.done() ? pages_max : 1;
  Holder* least = nullptr;
  for (auto& from : holders_)
    if (from.more && !from.asked && from.pages < pages_now && (!least || from.pages < least->pages))
      least = &from;
  if (!least) return std::nullopt;
  least->asked = true;
  least->more = false;
  ++least->pages;
  ++pages_;
  ++extra_asks_;
  ++extra_under_way_;
  return question(least->peer, page_part);
}

/// The searches have nothing more to ask: what comes next? False when there is only waiting, or the end.
bool Operation::advance() {
  if (done_ || !lookup_.done()) return false;
  for (auto& side : sides_)
    if (!side.done()) return false;
  if (!sided_) {
    sided_ = true;
    search_sides();
    if (!sides_.empty()) return true;
  } else if (!sides_.empty()) {
    std::vector<Handle> more;
    for (auto& side : sides_)
      side.each_answered([&](const Lookup::Candidate& candidate) { more.push_back(candidate.peer); });
    for (auto& side : sides_) extra_asks_ += static_cast<unsigned>(side.asks());
    sides_.clear();
    lookup_.add(more);
    return true;
  }
  if (kind_ == Kind::put && !puts_queued_) {
    puts_queued_ = true;
    queue_puts();
    if (!puts_.empty()) return true;
  }
  done_ = extra_under_way_ == 0;
  return false;
}

/// The region is the keys that share at least b bits with the target. A crowd next to the target fills every
/// answer about the target itself; the rest of the region is three keys that differ in bit b, b+1 and b+2,
/// around which the crowd does not stand.
void Operation::search_sides() {
  auto& rules = around_->parameters;
  auto goal = lookup_.goal();
  if (!rules.region || kind_ == Kind::find || goal.radius >= 1 || goal.region <= 0) return;
  // More than chance explains within the radius, or k of them much nearer than k should stand: a crowd that
  // lies tells of no more than the k nearest of its own.
  auto kth = lookup_.kth();
  crowd_ = lookup_.within(Distance::of_share(goal.radius)) > rules.k * 8 / 5 ||
           (kth && kth->share() < goal.radius / 3);
  if (!crowd_) return;
  // Where the crowd is all that was found, what is left of our own table leads around it.
  std::vector<Handle> seeds(lookup_.seeds().begin(), lookup_.seeds().end());
  for (auto& candidate : lookup_.candidates())
    if (candidate.state == Lookup::State::answered || candidate.state == Lookup::State::heard)
      seeds.push_back(candidate.peer);
  const int first = static_cast<int>(std::floor(-std::log2(goal.region)));
  for (int bit = first; bit < first + 3; ++bit) {
    auto aside = goal;
    aside.target = with_flipped_bit(goal.target, bit);
    aside.region = 0;
    aside.paths = 2;
    // The crowd is nearer to this key, too, than nearly everybody: it must not lead the search.
    aside.avoid = goal.target;
    aside.avoid_bits = first + 3;
    auto& side = sides_.emplace_back(*around_, aside, self_);
    side.start(seeds);
  }
}

void Operation::queue_puts() {
  auto& rules = around_->parameters;
  const auto region = Distance::of_share(lookup_.goal().region);
  unsigned rank = 0;
  lookup_.each_answered([&](const Lookup::Candidate& candidate) {
    if (rank++ >= rules.k && candidate.distance > region) return;
    auto& to = holder(candidate.peer);
    if (to.asked) return;
    to.asked = true;
    puts_.push_back(candidate.peer);
  });
  std::reverse(puts_.begin(), puts_.end());
}

TimePoint Operation::wake() const {
  TimePoint first = lookup_.wake();
  for (auto& side : sides_) first = std::min(first, side.wake());
  return first;
}

void Operation::take(const std::vector<RecordPtr>& records, UnixTime wall, std::vector<RecordPtr>& found) {
  for (auto& record : records) {
    if (record->point != lookup_.goal().target || record->expires <= wall) continue;
    auto same = std::find_if(records_.begin(), records_.end(),
                             [&](const RecordPtr& known) { return known->publisher == record->publisher; });
    if (same != records_.end() && (*same)->sequence >= record->sequence) continue;
    if (!around_->trust.genuine(*record, wall)) continue;
    if (same != records_.end()) {
      *same = record;
    } else if (records_.size() < 8 * around_->parameters.publishers_max) {
      records_.push_back(record);
    } else {
      continue;
    }
    found.push_back(record);
  }
}

void Operation::on_response(Handle from, Part part, const Response& response, Now now,
                            std::vector<RecordPtr>& found) {
  if (part == put_part) {
    --extra_under_way_;
    if (response.status == PutStatus::stored && ++stored_ == around_->parameters.k / 2)
      first_ = now.at - started_;
    return;
  }
  if (part == rim_part) {
    --extra_under_way_;
    lookup_.add({response.contacts.begin(), response.contacts.end()});
  } else if (part == page_part) {
    --extra_under_way_;
    holder(from).asked = false;
  } else if (part == 0) {
    lookup_.on_response(from, response.contacts);
  } else if (part <= sides_.size()) {
    sides_[part - 1u].on_response(from, response.contacts);
  }
  if (kind_ == Kind::get) {
    auto before = found.size();
    take(response.records, now.wall, found);
    if (found.size() > before && first_ == Duration{}) first_ = now.at - started_;
    auto& by = holder(from);
    for (auto& record : response.records)
      if (by.told.size() < Holder::told_max)
        by.told.push_back(record_tag(record->publisher, record->sequence));
    if (response.more > 0) by.more = true;
  } else if (kind_ == Kind::put) {
    auto& to = holder(from);
    to.token = response.token;
    // Who answers from well inside the region will be chosen in the end: it need not wait for the rest.
    auto& goal = lookup_.goal();
    if (!to.asked && goal.radius < 1 &&
        distance(around_->directory.position(from), goal.target) <= Distance::of_share(goal.radius * 0.7)) {
      to.asked = true;
      puts_.push_back(from);
    }
  }
}

void Operation::on_failure(Handle from, Part part, TimePoint) {
  if (part >= rim_part) {
    --extra_under_way_;
  } else if (part == 0) {
    lookup_.on_failure(from);
  } else if (part <= sides_.size()) {
    sides_[part - 1u].on_failure(from);
  }
}

Outcome Operation::outcome(TimePoint now) const {
  Outcome out;
  out.id = id_;
  out.kind = kind_;
  out.target = lookup_.goal().target;
  out.closest = lookup_.closest(around_->parameters.k);
  out.records = records_;
  out.stored = stored_;
  out.asks = static_cast<unsigned>(lookup_.asks()) + extra_asks_;
  for (auto& side : sides_) out.asks += static_cast<unsigned>(side.asks());
  out.hops = lookup_.hops();
  out.escalated = lookup_.escalated();
  out.crowd = crowd_;
  out.took = now - started_;
  out.first = first_;
  out.kth = lookup_.kth().value_or(Distance{~0ull, ~0ull});
  out.internal = internal;
  return out;
}

}  // namespace conclave::dht
