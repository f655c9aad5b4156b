#pragma once
/// What one node does about the plan: from whom it takes each tree, to whom it passes it on, and where it
/// turns when a parent falls silent. Sans-IO; the packet plane reads `children()`.
///
/// Trees are pulled: a node subscribes at its parent, the parent forwards from then on, beginning behind the
/// last packet the child has (both keep a second of packets). A new plan is made before the old one is
/// broken: the old parent is let go only when the new one has accepted. When a parent dies nobody is asked:
/// the child subscribes at its second parent, then at the source, then goes round until a new plan comes.
///
/// A node that is silent for a moment may only be slow: it is no parent then, but it stays a child, since it
/// need not know that we missed it and would never ask again. Children go when they say so, when their link
/// is gone, and when a plan does not have them in the tree. And who gets nothing of a tree from a parent that
/// lives asks once more.
///
/// Node numbers here are the owner's own and stay while the node runs; a plan is translated before `apply`.
#include "crypto/time.hpp"
#include "node/calls/plan.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>

namespace conclave::calls {

struct TreeId {
  std::uint32_t stream = 0;
  Byte part = 0;
  friend constexpr auto operator<=>(TreeId, TreeId) = default;
};

struct RouteTimes {
  /// A parent sends at least a heartbeat this often.
  Duration heartbeat = std::chrono::milliseconds(100);
  /// Three heartbeats and some jitter: then it is dead, for us.
  Duration silence_max = std::chrono::milliseconds(350);
  /// An asked parent answers within a round trip, or the next one is asked.
  Duration answer_max = std::chrono::milliseconds(400);
  /// A tree that brings nothing from a parent that lives is asked for again after this, then after twice as
  /// long and so on, up to `stall_max`: most often its source has nothing to send.
  Duration stall = std::chrono::milliseconds(500);
  Duration stall_max = std::chrono::seconds(30);
};

class Routes {
 public:
  /// Ask `to` to forward `tree`, beginning behind sequence `after`.
  struct Subscribe {
    NodeIndex to;
    TreeId tree;
    std::uint32_t after;
  };
  struct Unsubscribe {
    NodeIndex to;
    TreeId tree;
  };
  using Action = std::variant<Subscribe, Unsubscribe>;

  /// Children of one tree at one node: a coordinator gone mad must not make us a firehose.
  static constexpr std::size_t children_max = nodes_max;

  explicit Routes(NodeIndex self, RouteTimes times = {}) : self_(self), times_(times) {}

  /// Acts on a plan that `check_plan` has passed.
  void apply(const Plan& plan, TimePoint now);

  /// Any authenticated packet from `from`, a heartbeat too.
  void on_heard(NodeIndex from, TimePoint now);
  /// A media packet; true if it is new to us and must go to `children()`, false for a copy.
  bool on_packet(TreeId tree, std::uint32_t sequence, NodeIndex from, TimePoint now);
  /// The answer to a `Subscribe`. An accepted parent owes us heartbeats from now on.
  void on_answer(NodeIndex from, TreeId tree, bool accepted, TimePoint now);
  /// A child asks; the answer goes back to it. Fails with Errc::not_found if we carry no such tree,
  /// Errc::limit_reached.
  Result<> on_subscribe(NodeIndex from, TreeId tree);
  void on_unsubscribe(NodeIndex from, TreeId tree);
  /// The link is gone for sure: no need to wait for the silence.
  void on_down(NodeIndex node, TimePoint now);

  /// Who gets what we have of this tree; empty for trees we do not carry.
  const std::vector<NodeIndex>& children(TreeId tree) const;
  /// Every tree that the plan has us in.
  std::vector<TreeId> carried() const;
  /// Nodes that expect a heartbeat of ours.
  std::set<NodeIndex> listeners() const;
  /// Nodes that we take to be dead; the coordinator wants to know.
  const std::set<NodeIndex>& silent() const { return silent_; }

  /// `Subscribe` cannot be sent: there is no link to that node. The next one is asked at once if it may be
  /// alive, else after `answer_max`: asking nobody over and over would never end.
  void on_unreachable(NodeIndex to, TreeId tree, TimePoint now);

  /// What to do next; call until nothing comes.
  std::optional<Action> next(TimePoint now);
  /// When `next` should be asked again.
  TimePoint deadline() const;

 private:
  struct Feed {
    std::vector<NodeIndex> sources;  ///< in order of preference: parent, second, the tree's source
    std::size_t at = 0;              ///< which of them we turned to last
    NodeIndex from = nobody;         ///< who forwards to us
    bool asked = false;
    TimePoint asked_until{};
    std::uint32_t newest = 0;
    std::uint64_t window = 0;  ///< which of the 64 packets up to `newest` we have
    bool any = false;
    TimePoint stalled_at{};  ///< when to ask again if nothing comes
    Duration stall{};
    std::vector<NodeIndex> children;
  };
  void turn_to(TreeId id, Feed& feed, std::size_t at, TimePoint now);
  void turn_away(TreeId id, Feed& feed, TimePoint now);
  void on_silent(NodeIndex node, TimePoint now);
  bool depends_on(NodeIndex node) const;
  static bool is_new(Feed& feed, std::uint32_t sequence);

  NodeIndex self_;
  RouteTimes times_;
  std::map<TreeId, Feed> feeds_;
  std::map<NodeIndex, TimePoint> heard_;  ///< of those we take something from
  std::set<NodeIndex> silent_;
  std::deque<Action> actions_;
};

}  // namespace conclave::calls
