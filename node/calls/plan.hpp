#pragma once
/// Who forwards which stream to whom in a conference: the plan that the coordinator publishes and every member
/// checks before it acts on it.
///
/// A stream is one (source, layer). It flows along a tree over nodes, or along several, each carrying a part:
/// packets whose sequence number modulo `parts` is `part`. Splitting is what lets the plan reach the bound
/// r* = min(min C, ΣC / (n(n-1))) where uplinks are few times a stream's rate (docs/calls.md, "The plan").
#include <vector>

#include "crypto/keys.hpp"

namespace conclave::calls {

/// A node's place in the conference's list of nodes, sorted by node key: the same number for everyone.
using NodeIndex = std::uint16_t;
inline constexpr NodeIndex nobody = 0xffff;

/// Limits on what a plan may contain; they bound memory and the time that checking takes.
inline constexpr std::size_t nodes_max = 256;
inline constexpr std::size_t streams_max = 1024;
inline constexpr std::size_t parts_max = 16;

struct PlanNode {
  NodeKey key;
  std::uint64_t uplink_bps = 0;  ///< declared and measured, less what its own guests take
};

struct PlanStream {
  std::uint32_t id = 0;  ///< (source, layer) in the conference's numbering
  NodeIndex source = nobody;
  std::uint32_t rate_bps = 0;        ///< on the wire, all headers included
  std::vector<NodeIndex> receivers;  ///< ascending, without the source
  /// The smallest layer: it goes out once even where the declared uplink is less. What a node declares limits what it
  /// gives to others; who is not sent at all is not in the conference.
  bool smallest = false;
};

/// What the plan is made from. `rtt_us` is the full matrix, row by row; unknown pairs are `rtt_unknown_us`.
struct PlanInput {
  static constexpr std::uint32_t rtt_unknown_us = 200'000;
  std::vector<PlanNode> nodes;  ///< ascending by key
  std::vector<std::uint32_t> rtt_us;
  std::vector<PlanStream> streams;

  std::uint32_t rtt(NodeIndex a, NodeIndex b) const { return rtt_us[a * nodes.size() + b]; }
};

struct Hop {
  NodeIndex node = nobody;
  NodeIndex parent = nobody;  ///< who sends the part to `node`
  NodeIndex second = nobody;  ///< warm second parent: asked at once when `parent` falls silent
  bool operator==(const Hop&) const = default;
};

struct Tree {
  std::uint32_t stream = 0;
  Byte part = 0;
  Byte parts = 1;
  NodeIndex source = nobody;
  std::vector<Hop> hops;  ///< parents before their children
  bool operator==(const Tree&) const = default;
};

struct Plan {
  std::uint64_t version = 0;
  std::vector<Tree> trees;
  /// Subscriptions for which no uplink was left; the layer allocator must ask for less.
  std::vector<std::pair<std::uint32_t, NodeIndex>> unserved;
  bool operator==(const Plan&) const = default;
};

/// Bits per second that each node sends under the plan.
std::vector<std::uint64_t> uplink_used(const Plan& plan, const PlanInput& input);

/// The one place where a plan from a coordinator is believed or not: trees reach every receiver of every part
/// exactly once (but for `unserved`), parents come before children, nobody sends above its uplink (but for the
/// smallest layers of its own, once).
/// Fails with Errc::malformed (shape), Errc::refused (an uplink or a subscription is broken).
Result<> check_plan(const Plan& plan, const PlanInput& input);

/// Whether a plan for one will do for the other: the same nodes and subscriptions; rates, uplinks and round trips within a
/// tenth (round trips also within 10 ms).
bool does_for_both(const PlanInput& a, const PlanInput& b);

/// Delay along the tree from the source to each node of it, by half round trips; by NodeIndex, zero elsewhere.
std::vector<std::uint32_t> path_delay_us(const Tree& tree, const PlanInput& input);

/// Largest factor by which all rates could grow at all: every source must send each of its streams once, and
/// all uplinks together must carry every subscription once.
double rate_bound(const PlanInput& input);

}  // namespace conclave::calls
