// The plan: what it is made from, when it is made anew, and what a node does with a leader's.
#include <limits>

#include "node/calls/room.hpp"

namespace conclave::calls {
namespace {

constexpr auto plan_anyway = std::chrono::seconds(5);
constexpr auto demand_rtt_unknown = std::chrono::milliseconds(100);

}  // namespace

PlanInput Room::plan_input(const std::vector<NodeKey>& nodes) const {
  PlanInput input;
  std::map<NodeKey, NodeIndex> place;
  for (const auto& node : nodes) {
    auto peer = peers_.find(node);
    auto uplink = node == self_ ? uplink_bps_ : peer != peers_.end() ? peer->second.demand.uplink_bps : 0;
    place[node] = static_cast<NodeIndex>(input.nodes.size());
    input.nodes.push_back({node, uplink});
  }
  const auto count = nodes.size();
  const auto unknown = static_cast<std::uint32_t>(Duration(demand_rtt_unknown).count());
  input.rtt_us.assign(count * count, unknown);
  auto set = [&](const NodeKey& a, const NodeKey& b, std::uint32_t rtt) {
    if (!place.contains(a) || !place.contains(b)) return;
    input.rtt_us[place[a] * count + place[b]] = input.rtt_us[place[b] * count + place[a]] = rtt;
  };
  for (const auto& [node, rtt] : rtts_) set(self_, node, static_cast<std::uint32_t>(rtt.count()));
  for (const auto& [node, peer] : peers_)
    for (const auto& [other, rtt] : peer.demand.rtts_us) set(node, other, rtt);

  auto add = [&](const NodeKey& source, const std::vector<Published>& streams) {
    for (const auto& published : streams) {
      if (published.bps == 0 || input.streams.size() >= streams_max) continue;
      PlanStream stream{published.stream, place[source], published.bps, {}, published.layer == 0};
      for (const auto& node : nodes) {
        if (node == source) continue;
        auto peer = peers_.find(node);
        bool wants = node == self_ ? needed_.contains(published.stream)
                                   : peer != peers_.end() && std::find(peer->second.demand.wanted.begin(),
                                                                       peer->second.demand.wanted.end(),
                                                                       published.stream) != peer->second.demand.wanted.end();
        if (wants) stream.receivers.push_back(place[node]);
      }
      if (!stream.receivers.empty()) input.streams.push_back(std::move(stream));
    }
  };
  for (const auto& node : nodes) {
    auto peer = peers_.find(node);
    if (node == self_) {
      add(node, own_streams_);
    } else if (peer != peers_.end()) {
      add(node, peer->second.streams);
    }
  }
  return input;
}

void Room::make_and_publish(std::uint64_t version, const std::vector<NodeKey>& alive, TimePoint now) {
  auto input = plan_input(alive);
  // Levels and round trips change all the time. Now and then all the same: somebody may have refused the last one.
  if (planned_ && now - planned_at_ < plan_anyway && does_for_both(*planned_, input)) return;
  PlanMessage message{alive, make_plan(input, version)};
  for (const auto& [node, peer] : peers_) outputs_.to_node(node, message);
  if (on_plan(message, now)) planned_ = std::move(input);
  planned_at_ = now;
}

Plan Room::in_our_numbers(const PlanMessage& message) {
  Plan out = message.plan;
  auto ours = [&](NodeIndex index) { return index == nobody ? nobody : number_of(message.nodes[index]); };
  for (auto& tree : out.trees) {
    tree.source = ours(tree.source);
    for (auto& hop : tree.hops) hop = {ours(hop.node), ours(hop.parent), ours(hop.second)};
  }
  return out;
}

/// What a leader says is checked for shape and for what it asks of ourselves; the rest is others' to refuse.
Result<> Room::on_plan(const PlanMessage& message, TimePoint now) {
  if (message.plan.version <= plan_version_) return {};
  planned_.reset();
  PlanInput input;
  for (const auto& node : message.nodes)
    input.nodes.push_back({node, node == self_ ? uplink_bps_ : std::numeric_limits<std::uint64_t>::max()});
  input.rtt_us.assign(message.nodes.size() * message.nodes.size(), 0);
  for (const auto& published : own_streams_) {
    auto self = std::find(message.nodes.begin(), message.nodes.end(), self_);
    if (self == message.nodes.end()) return fail(Errc::refused);
    input.streams.push_back(
        {published.stream, static_cast<NodeIndex>(self - message.nodes.begin()), published.bps, {}, published.layer == 0});
  }
  CHECK(check_plan(message.plan, input));
  plan_version_ = message.plan.version;
  steering_.on_plan(message.plan.version);
  auto before = routes_.carried();
  auto old_parts = std::exchange(parts_, {});
  for (const auto& tree : message.plan.trees)
    if (parts_.emplace(tree.stream, tree.parts).second) outputs_.parts(tree.stream, tree.parts);
  routes_.apply(in_our_numbers(message), now);
  auto after = routes_.carried();
  for (TreeId tree : before)  // what is no longer planned is not passed on
    if (std::find(after.begin(), after.end(), tree) == after.end())
      outputs_.children(tree, old_parts.contains(tree.stream) ? old_parts[tree.stream] : Byte{1}, {});
  for (TreeId tree : after) children_changed(tree);
  follow_routes(now);
  return {};
}

}  // namespace conclave::calls
