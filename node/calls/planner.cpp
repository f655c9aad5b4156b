#include "node/calls/planner.hpp"

#include <sodium.h>

#include <limits>
#include <numeric>
#include <optional>

#include "crypto/ensure.hpp"

namespace conclave::calls {
namespace {

/// Uplink that is given away, and what must be kept for streams not planned yet.
class Budget {
 public:
  Budget(const PlanInput& input, double share)
      : input_(input), share_(share), used_(input.nodes.size()), own_(input.nodes.size()) {
    for (const auto& stream : input.streams)
      if (!stream.receivers.empty()) own_[stream.source] += stream.rate_bps;
  }

  /// A source must be able to send each of its own streams once; that much is never lent to others.
  std::uint64_t spare(NodeIndex node) const {
    auto taken = used_[node] + own_[node];
    auto uplink = static_cast<std::uint64_t>(static_cast<double>(input_.nodes[node].uplink_bps) * share_);
    return uplink > taken ? uplink - taken : 0;
  }
  void take(NodeIndex node, std::uint64_t bps) { used_[node] += bps; }
  void give_back(NodeIndex node, std::uint64_t bps) { used_[node] -= bps; }
  /// What the source of the stream at hand must still keep for parts that come later.
  void keep_own(NodeIndex source, std::uint64_t bps) { own_[source] += bps; }
  void release_own(NodeIndex source, std::uint64_t bps) { own_[source] -= bps; }
  std::uint64_t used(NodeIndex node) const { return used_[node]; }

 private:
  const PlanInput& input_;
  double share_;
  std::vector<std::uint64_t> used_;
  std::vector<std::uint64_t> own_;
};

/// One tree while it grows.
class Growth {
 public:
  Growth(const PlanInput& input, const Budget& budget, const PlanStream& stream, std::uint64_t rate,
         unsigned depth_max)
      : input_(input), depth_max_(depth_max), places_(input.nodes.size()) {
    for (NodeIndex i = 0; i < places_.size(); ++i) places_[i].slots = budget.spare(i) / rate;
    tree_.source = stream.source;
    members_.push_back(stream.source);
  }

  std::uint64_t slots(NodeIndex node) const { return places_[node].slots; }
  void allow_once(NodeIndex node) { places_[node].slots = std::max<std::uint64_t>(places_[node].slots, 1); }

  /// Puts `node` under the parent that gives it the shortest path. False if nobody has an uplink left for it.
  bool attach(NodeIndex node) {
    NodeIndex best = nobody;
    std::uint64_t best_delay = std::numeric_limits<std::uint64_t>::max();
    for (NodeIndex parent : members_) {
      const auto& place = places_[parent];
      if (place.slots == 0 || place.depth >= depth_max_) continue;
      // A relay costs a hop's queueing beside the wire: ties and near ties go to the shallower parent.
      std::uint64_t delay = place.delay_us + input_.rtt(parent, node) / 2 + hop_cost_us * place.depth;
      if (delay < best_delay) {
        best = parent;
        best_delay = delay;
      }
    }
    if (best == nobody) return false;
    --places_[best].slots;
    auto& place = places_[node];
    place.depth = places_[best].depth + 1;
    place.delay_us = places_[best].delay_us + input_.rtt(best, node) / 2;
    members_.push_back(node);
    tree_.hops.push_back({node, best, nobody});
    return true;
  }
  Tree& tree() { return tree_; }

 private:
  static constexpr std::uint64_t hop_cost_us = 5000;
  struct Place {
    std::uint64_t slots = 0;
    std::uint64_t delay_us = 0;
    unsigned depth = 0;
  };
  const PlanInput& input_;
  unsigned depth_max_;
  std::vector<Place> places_;
  std::vector<NodeIndex> members_;
  Tree tree_;
};

/// Strongest first: who can pass the stream on must sit near the root. Among equals, near the source first.
std::vector<NodeIndex> by_strength(std::vector<NodeIndex> nodes, const Growth& growth, const PlanInput& input,
                                   NodeIndex source) {
  std::sort(nodes.begin(), nodes.end(), [&](NodeIndex a, NodeIndex b) {
    if (growth.slots(a) != growth.slots(b)) return growth.slots(a) > growth.slots(b);
    if (input.rtt(source, a) != input.rtt(source, b)) return input.rtt(source, a) < input.rtt(source, b);
    return a < b;
  });
  return nodes;
}

/// A tree of at most `depth_max` that reaches all receivers, or nothing.
std::optional<Tree> grow(const PlanInput& input, const Budget& budget, const PlanStream& stream,
                         std::uint64_t rate, unsigned depth_max, bool helpers_allowed) {
  Growth growth(input, budget, stream, rate, depth_max);
  auto receivers = by_strength(stream.receivers, growth, input, stream.source);
  std::uint64_t supply = growth.slots(stream.source);
  for (NodeIndex receiver : receivers) supply += growth.slots(receiver);

  // Nodes that do not watch the stream may carry it all the same, at the price of one more copy.
  if (helpers_allowed && supply < receivers.size()) {
    std::vector<NodeIndex> others;
    for (NodeIndex i = 0; i < input.nodes.size(); ++i)
      if (i != stream.source && !std::binary_search(stream.receivers.begin(), stream.receivers.end(), i))
        others.push_back(i);
    for (NodeIndex helper : by_strength(std::move(others), growth, input, stream.source)) {
      if (supply >= receivers.size() || growth.slots(helper) < 2) break;
      supply += growth.slots(helper) - 1;
      receivers.insert(receivers.begin(), helper);
    }
    std::stable_sort(receivers.begin(), receivers.end(),
                     [&](NodeIndex a, NodeIndex b) { return growth.slots(a) > growth.slots(b); });
  }
  if (supply < receivers.size()) return std::nullopt;
  for (NodeIndex receiver : receivers)
    if (!growth.attach(receiver)) return std::nullopt;
  return std::move(growth.tree());
}

/// Leaves trade places while that shortens their ways: growing strongest first gave the source's few slots to
/// those who pass much on, and some who live next door to it came to hang far away.
void shorten(const PlanInput& input, Tree& tree) {
  auto delay = path_delay_us(tree, input);
  std::vector<bool> passes_on(input.nodes.size());
  for (const auto& hop : tree.hops) passes_on[hop.parent] = true;
  // Squared, because two moderate detours are better than one long one; 5 ms so that neighbours do not rule.
  auto cost = [&](NodeIndex parent, NodeIndex node) {
    double way = delay[parent] + input.rtt(parent, node) / 2.0;
    double ratio = (way + 5000) / (input.rtt(tree.source, node) / 2.0 + 5000);
    return ratio * ratio;
  };
  for (int round = 0; round < 4; ++round) {
    bool better = false;
    for (auto& a : tree.hops) {
      if (passes_on[a.node]) continue;
      for (auto& b : tree.hops) {
        if (passes_on[b.node] || a.parent == b.parent) continue;
        double before = cost(a.parent, a.node) + cost(b.parent, b.node);
        if (cost(b.parent, a.node) + cost(a.parent, b.node) >= before * 0.999) continue;
        std::swap(a.parent, b.parent);
        better = true;
      }
    }
    if (!better) break;
  }
  // A leaf may now stand before its parent: order by depth again.
  std::vector<unsigned> depth(input.nodes.size());
  std::vector<Hop> ordered;
  for (std::size_t left = tree.hops.size(); ordered.size() < left;)
    for (const auto& hop : tree.hops)
      if (depth[hop.node] == 0 && (hop.parent == tree.source || depth[hop.parent] > 0)) {
        depth[hop.node] = 1;
        ordered.push_back(hop);
      }
  tree.hops = std::move(ordered);
}

void charge(Budget& budget, const Tree& tree, std::uint64_t rate) {
  for (const auto& hop : tree.hops) budget.take(hop.parent, rate);
}

constexpr unsigned depth_limit = 6;
constexpr std::size_t full_mesh_nodes_max = 4;

/// The tree for one part, as shallow as the uplinks allow.
std::optional<Tree> shallowest(const PlanInput& input, const Budget& budget, const PlanStream& stream,
                               std::uint64_t rate) {
  // Small conferences are a full mesh: nobody's end touches the others. Larger ones may take a short cut over
  // a relay even where the source could reach everyone, because that spares the source.
  const unsigned shallow = input.nodes.size() <= full_mesh_nodes_max ? 1 : 2;
  for (bool helpers : {false, true})
    for (unsigned depth = shallow; depth <= depth_limit; ++depth)
      if (auto tree = grow(input, budget, stream, rate, depth, helpers)) return tree;
  return std::nullopt;
}

/// All parts of one stream, or nothing; the budget is charged only for what is returned.
std::vector<Tree> plan_stream(const PlanInput& input, Budget& budget, const PlanStream& stream) {
  for (unsigned parts = 1; parts <= parts_max; parts *= 2) {
    std::uint64_t rate = (stream.rate_bps + parts - 1) / parts;
    std::vector<Tree> trees;
    for (unsigned part = 0; part < parts; ++part) {
      const auto later = rate * (parts - 1 - part);
      budget.keep_own(stream.source, later);
      auto tree = shallowest(input, budget, stream, rate);
      budget.release_own(stream.source, later);
      if (!tree) break;
      shorten(input, *tree);
      tree->stream = stream.id;
      tree->part = static_cast<Byte>(part);
      tree->parts = static_cast<Byte>(parts);
      charge(budget, *tree, rate);
      trees.push_back(std::move(*tree));
    }
    if (trees.size() == parts) return trees;
    for (const auto& tree : trees)
      for (const auto& hop : tree.hops) budget.give_back(hop.parent, rate);
  }
  return {};
}

/// Serves as many receivers as the uplinks allow, nearest to the source first.
Tree serve_some(const PlanInput& input, Budget& budget, const PlanStream& stream, Plan& plan) {
  Growth growth(input, budget, stream, stream.rate_bps, depth_limit);
  if (stream.smallest) growth.allow_once(stream.source);
  for (NodeIndex receiver : by_strength(stream.receivers, growth, input, stream.source))
    if (!growth.attach(receiver)) plan.unserved.emplace_back(stream.id, receiver);
  auto tree = std::move(growth.tree());
  tree.stream = stream.id;
  charge(budget, tree, stream.rate_bps);
  return tree;
}

/// Warm second parents: outside the primary parent's subtree, so that one death never strands both; the one
/// whose uplink the takeover would strain least.
void add_seconds(const PlanInput& input, const Budget& budget, Tree& tree, std::uint64_t rate,
                 std::vector<std::uint64_t>& promised) {
  std::vector<NodeIndex> parent_of(input.nodes.size(), nobody);
  for (const auto& hop : tree.hops) parent_of[hop.node] = hop.parent;
  auto under = [&](NodeIndex node, NodeIndex above) {
    for (; node != nobody; node = parent_of[node])
      if (node == above) return true;
    return false;
  };
  for (auto& hop : tree.hops) {
    bool at_source = hop.parent == tree.source;
    double best = std::numeric_limits<double>::infinity();
    auto consider = [&](NodeIndex node) {
      if (node == hop.parent || under(node, at_source ? hop.node : hop.parent)) return;
      double uplink = static_cast<double>(input.nodes[node].uplink_bps) + 1;
      double strain = static_cast<double>(budget.used(node) + promised[node] + rate) / uplink;
      // Beyond a full uplink strain decides; below it, a short way counts as well.
      double cost = strain * (strain > 1 ? 1e3 : 1) + input.rtt(node, hop.node) * 1e-6;
      if (cost < best) {
        best = cost;
        hop.second = node;
      }
    };
    consider(tree.source);
    for (const auto& other : tree.hops) consider(other.node);
    if (hop.second != nobody) promised[hop.second] += rate / 4;  // not all parents die at once
  }
}

/// The plan that fills no uplink beyond `share` of what it declares.
std::optional<Plan> plan_within(const PlanInput& input, std::uint64_t version, double share) {
  Plan plan;
  plan.version = version;
  Budget budget(input, share);
  std::vector<const PlanStream*> order;
  for (const auto& stream : input.streams)
    if (!stream.receivers.empty() && stream.rate_bps > 0) order.push_back(&stream);
  std::sort(order.begin(), order.end(), [](const PlanStream* a, const PlanStream* b) {
    return std::pair(b->rate_bps, a->id) < std::pair(a->rate_bps, b->id);
  });
  for (const auto* stream : order) {
    budget.release_own(stream->source, stream->rate_bps);
    auto trees = plan_stream(input, budget, *stream);
    if (trees.empty() && share < 1) return std::nullopt;
    if (trees.empty()) trees.push_back(serve_some(input, budget, *stream, plan));
    for (auto& tree : trees) plan.trees.push_back(std::move(tree));
  }
  std::vector<std::uint64_t> promised(input.nodes.size());
  std::size_t at = 0;
  for (const auto* stream : order)
    for (; at < plan.trees.size() && plan.trees[at].stream == stream->id; ++at)
      add_seconds(input, budget, plan.trees[at], stream->rate_bps / plan.trees[at].parts, promised);
  return plan;
}

}  // namespace

Plan make_plan(const PlanInput& input, std::uint64_t version) {
  ensure(input.nodes.size() <= nodes_max && input.rtt_us.size() == input.nodes.size() * input.nodes.size(),
         "the input is within its limits");
  // A line filled to the brim queues. Room is left where there is some: for bursts, key frames and for children
  // whose parent dies.
  const double room = rate_bound(input);
  for (double share : {0.5, 0.65, 0.8, 0.9}) {
    if (share * room < 1) continue;
    if (auto plan = plan_within(input, version, share)) return std::move(*plan);
  }
  return *plan_within(input, version, 1);
}

std::optional<NodeKey> coordinator(const ConferenceKey& conference, std::uint64_t epoch,
                                   std::span<const Candidate> alive) {
  using Rank = std::pair<bool, std::array<Byte, crypto_hash_sha256_BYTES>>;
  std::optional<std::pair<Rank, NodeKey>> best;
  for (const auto& candidate : alive) {
    Bytes input = copy(conference);
    for (int shift = 56; shift >= 0; shift -= 8) input.push_back(static_cast<Byte>(epoch >> shift));
    append(input, candidate.key);
    Rank rank{!candidate.admin, {}};
    crypto_hash_sha256(rank.second.data(), input.data(), input.size());
    if (!best || rank < best->first) best = {rank, candidate.key};
  }
  if (!best) return std::nullopt;
  return best->second;
}

}  // namespace conclave::calls
