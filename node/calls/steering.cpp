#include "node/calls/steering.hpp"

namespace conclave::calls {

Steering::Steering(const ConferenceKey& conference, const NodeKey& self, SteeringTimes times)
    : conference_(conference), self_(self), times_(times) {}

void Steering::set_members(std::span<const Candidate> members, TimePoint now) {
  std::map<NodeKey, bool> fresh;
  for (const auto& member : members) fresh[member.key] = member.admin;
  if (fresh == members_) return;
  members_ = std::move(fresh);
  std::erase_if(dead_, [&](const NodeKey& node) { return !members_.contains(node); });
  on_change(now);
}

void Steering::on_change(TimePoint now) {
  consider(now);
  if (leading()) plan_by(std::max(now + times_.gather, replanned_ + times_.between));
}

void Steering::plan_by(TimePoint when) { replan_at_ = std::min(when, replan_at_.value_or(when)); }

void Steering::on_dead(const NodeKey& node, TimePoint now) {
  if (node == self_ || !members_.contains(node) || !dead_.insert(node).second) return;
  to_report_.insert(node);
  consider(now);
  if (leading()) plan_by(now + times_.gather);
}

void Steering::on_announce(const NodeKey& from, TimePoint now) {
  on_heard(from, now);
  if (leader() == from) leader_heard_ = now;
}

void Steering::on_heard(const NodeKey& node, TimePoint now) {
  if (dead_.erase(node) == 0) return;
  to_report_.erase(node);
  on_change(now);
}

std::vector<NodeKey> Steering::alive() const {
  std::vector<NodeKey> out;
  for (const auto& [node, admin] : members_)
    if (!dead_.contains(node)) out.push_back(node);
  return out;
}

std::optional<NodeKey> Steering::leader() const {
  std::vector<Candidate> candidates;
  for (const auto& [node, admin] : members_)
    if (!dead_.contains(node)) candidates.push_back({node, admin});
  return coordinator(conference_, 0, candidates);
}

/// A new leader gets the full silence before we doubt it too, and hears of all the dead we know.
void Steering::consider(TimePoint now) {
  auto leads = leader();
  if (leads == followed_) return;
  followed_ = leads;
  leader_heard_ = now;
  to_report_ = dead_;
  if (leads == self_) {
    announce_at_ = now;
    replan_at_ = now + times_.gather;
  } else {
    replan_at_.reset();
  }
}

std::optional<Steering::Action> Steering::next(TimePoint now) {
  if (!leading() && followed_ && now - leader_heard_ >= times_.leader_silence) on_dead(*followed_, now);
  if (leading()) {
    to_report_.clear();
    if (now >= announce_at_) {
      announce_at_ = now + times_.announce;
      return Announce{};
    }
    if (replan_at_ && now >= *replan_at_) {
      replan_at_.reset();
      replanned_ = now;
      return Replan{++version_, alive()};
    }
  } else if (!to_report_.empty() && followed_) {
    Report report{*followed_, {to_report_.begin(), to_report_.end()}};
    to_report_.clear();
    return report;
  }
  return std::nullopt;
}

TimePoint Steering::deadline() const {
  if (members_.empty()) return TimePoint::max();
  if (leading()) return replan_at_ ? std::min(*replan_at_, announce_at_) : announce_at_;
  return to_report_.empty() ? leader_heard_ + times_.leader_silence : TimePoint::min();
}

}  // namespace conclave::calls
