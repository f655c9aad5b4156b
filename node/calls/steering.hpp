#pragma once
/// Who makes the plan, and when: the coordinator's heartbeat, reports of the dead, and taking over. Sans-IO.
///
/// Every node computes the coordinator from the members it takes to be alive; whoever finds itself first
/// leads. Two leaders at once do no harm: plans carry (epoch, version, leader), the greatest is followed, and
/// every plan is checked by everyone. A dead node becomes alive again when it is heard.
#include "crypto/time.hpp"
#include "node/calls/planner.hpp"

#include <map>
#include <optional>
#include <set>
#include <variant>

namespace conclave::calls {

struct SteeringTimes {
  Duration announce = std::chrono::milliseconds(200);  ///< the leader's heartbeat to everyone
  Duration leader_silence = std::chrono::milliseconds(700);
  Duration gather = std::chrono::milliseconds(100);   ///< deaths come in groups: wait for the rest
  Duration between = std::chrono::milliseconds(500);  ///< two plans, where nobody died
};

class Steering {
 public:
  struct Announce {};  ///< tell everyone that we lead
  struct Report {      ///< tell the leader who is dead
    NodeKey to;
    std::vector<NodeKey> dead;
  };
  struct Replan {  ///< make a plan for these and publish it
    std::uint64_t version;
    std::vector<NodeKey> alive;
  };
  using Action = std::variant<Announce, Report, Replan>;

  Steering(const ConferenceKey& conference, const NodeKey& self, SteeringTimes times = {});

  /// The roster's nodes, ourselves included. A change asks for a new plan.
  void set_members(std::span<const Candidate> members, TimePoint now);
  /// Subscriptions, rates or measured uplinks changed enough to matter.
  void on_change(TimePoint now);
  /// We, or somebody who reports, take this node to be dead.
  void on_dead(const NodeKey& node, TimePoint now);
  void on_announce(const NodeKey& from, TimePoint now);
  void on_heard(const NodeKey& node, TimePoint now);
  /// The version of a plan we accepted: ours, if we ever lead, goes above it.
  void on_plan(std::uint64_t version) { version_ = std::max(version_, version); }

  std::optional<NodeKey> leader() const;
  bool leading() const { return leader() == self_; }
  std::vector<NodeKey> alive() const;

  std::optional<Action> next(TimePoint now);
  TimePoint deadline() const;

 private:
  void consider(TimePoint now);
  void plan_by(TimePoint when);

  ConferenceKey conference_;
  NodeKey self_;
  SteeringTimes times_;
  std::map<NodeKey, bool> members_;  ///< and whether an admin
  std::set<NodeKey> dead_;
  std::set<NodeKey> to_report_;
  std::uint64_t version_ = 0;
  TimePoint leader_heard_{};
  std::optional<NodeKey> followed_;
  std::optional<TimePoint> replan_at_;
  TimePoint replanned_{};
  TimePoint announce_at_{};
};

}  // namespace conclave::calls
