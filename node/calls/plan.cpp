#include "node/calls/plan.hpp"

#include <algorithm>
#include <limits>

namespace conclave::calls {
namespace {

std::uint64_t part_rate(std::uint32_t rate_bps, Byte parts) { return (rate_bps + parts - 1u) / parts; }

const PlanStream* find_stream(const PlanInput& input, std::uint32_t id) {
  for (const auto& stream : input.streams)
    if (stream.id == id) return &stream;
  return nullptr;
}

/// Parents first, everyone once, and no node that the conference does not have.
Result<> check_shape(const Tree& tree, std::size_t nodes) {
  if (tree.parts == 0 || tree.parts > parts_max || tree.part >= tree.parts) return fail(Errc::malformed);
  if (tree.source >= nodes || tree.hops.size() >= nodes) return fail(Errc::malformed);
  std::vector<bool> inside(nodes);
  inside[tree.source] = true;
  for (const auto& hop : tree.hops) {
    if (hop.node >= nodes || hop.parent >= nodes || inside[hop.node] || !inside[hop.parent])
      return fail(Errc::malformed);
    if (hop.second != nobody && (hop.second >= nodes || hop.second == hop.node)) return fail(Errc::malformed);
    inside[hop.node] = true;
  }
  return {};
}

}  // namespace

std::vector<std::uint64_t> uplink_used(const Plan& plan, const PlanInput& input) {
  std::vector<std::uint64_t> used(input.nodes.size());
  for (const auto& tree : plan.trees) {
    const auto* stream = find_stream(input, tree.stream);
    if (!stream) continue;
    for (const auto& hop : tree.hops) used[hop.parent] += part_rate(stream->rate_bps, tree.parts);
  }
  return used;
}

Result<> check_plan(const Plan& plan, const PlanInput& input) {
  if (plan.trees.size() > streams_max * parts_max) return fail(Errc::malformed);
  for (const auto& tree : plan.trees) CHECK(check_shape(tree, input.nodes.size()));

  auto used = uplink_used(plan, input);
  std::vector<std::uint64_t> own(input.nodes.size());
  for (const auto& stream : input.streams)
    if (stream.smallest && stream.source < own.size()) own[stream.source] += stream.rate_bps;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i] > std::max(input.nodes[i].uplink_bps, own[i])) return fail(Errc::refused);

  for (const auto& stream : input.streams) {
    std::vector<unsigned> missing(input.nodes.size());
    unsigned parts = 0;
    for (const auto& tree : plan.trees) {
      if (tree.stream != stream.id) continue;
      if (tree.source != stream.source || (parts != 0 && tree.parts != parts)) return fail(Errc::refused);
      parts = tree.parts;
      for (const auto& hop : tree.hops) ++missing[hop.node];
    }
    for (NodeIndex receiver : stream.receivers) {
      bool excused = std::find(plan.unserved.begin(), plan.unserved.end(),
                               std::pair(stream.id, receiver)) != plan.unserved.end();
      if (!excused && (parts == 0 || missing[receiver] != parts)) return fail(Errc::refused);
    }
  }
  return {};
}

bool does_for_both(const PlanInput& a, const PlanInput& b) {
  auto near = [](std::uint64_t x, std::uint64_t y, std::uint64_t slack) {
    return std::max(x, y) - std::min(x, y) <= std::max(std::max(x, y) / 10, slack);
  };
  return std::ranges::equal(a.nodes, b.nodes,
                            [&](const PlanNode& x, const PlanNode& y) {
                              return x.key == y.key && near(x.uplink_bps, y.uplink_bps, 0);
                            }) &&
         std::ranges::equal(a.streams, b.streams,
                            [&](const PlanStream& x, const PlanStream& y) {
                              return x.id == y.id && x.source == y.source && x.receivers == y.receivers &&
                                     near(x.rate_bps, y.rate_bps, 0);
                            }) &&
         std::ranges::equal(a.rtt_us, b.rtt_us, [&](auto x, auto y) { return near(x, y, 10'000); });
}

std::vector<std::uint32_t> path_delay_us(const Tree& tree, const PlanInput& input) {
  std::vector<std::uint32_t> delay(input.nodes.size());
  for (const auto& hop : tree.hops) delay[hop.node] = delay[hop.parent] + input.rtt(hop.parent, hop.node) / 2;
  return delay;
}

double rate_bound(const PlanInput& input) {
  double capacity = 0;
  double demand = 0;
  std::vector<double> own(input.nodes.size());
  for (const auto& node : input.nodes) capacity += static_cast<double>(node.uplink_bps);
  for (const auto& stream : input.streams) {
    if (stream.receivers.empty()) continue;
    demand += static_cast<double>(stream.rate_bps) * static_cast<double>(stream.receivers.size());
    own[stream.source] += stream.rate_bps;
  }
  double bound = demand > 0 ? capacity / demand : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i] > 0) bound = std::min(bound, static_cast<double>(input.nodes[i].uplink_bps) / own[i]);
  return bound;
}

}  // namespace conclave::calls
