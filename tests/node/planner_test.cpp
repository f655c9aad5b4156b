#include "node/calls/planner.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

using namespace conclave;
using namespace conclave::calls;

namespace {

/// Nodes with these uplinks, everyone sending one stream of `rate` to everyone.
PlanInput everyone_to_everyone(const std::vector<std::uint64_t>& uplinks, std::uint32_t rate,
                               std::uint64_t seed = 1) {
  PlanInput input;
  SeededRandom random(seed);
  const auto count = static_cast<NodeIndex>(uplinks.size());
  for (NodeIndex i = 0; i < count; ++i) {
    PlanNode node{.key = {}, .uplink_bps = uplinks[i]};
    node.key.bytes[0] = static_cast<Byte>(i);
    input.nodes.push_back(node);
  }
  input.rtt_us.resize(static_cast<std::size_t>(count) * count);
  for (NodeIndex a = 0; a < count; ++a)
    for (NodeIndex b = 0; b < a; ++b) {
      auto rtt = static_cast<std::uint32_t>(20'000 + random.below(150'000));
      input.rtt_us[a * count + b] = input.rtt_us[b * count + a] = rtt;
    }
  for (NodeIndex source = 0; source < count; ++source) {
    PlanStream stream{.id = source, .source = source, .rate_bps = rate, .receivers = {}, .smallest = false};
    for (NodeIndex i = 0; i < count; ++i)
      if (i != source) stream.receivers.push_back(i);
    input.streams.push_back(stream);
  }
  return input;
}

double reached_share_of_bound(PlanInput input) {
  const double bound = rate_bound(input);
  const auto original = input.streams;
  double low = 0;
  double high = bound;
  for (int step = 0; step < 24; ++step) {
    double middle = (low + high) / 2;
    for (std::size_t i = 0; i < original.size(); ++i)
      input.streams[i].rate_bps = static_cast<std::uint32_t>(std::floor(original[i].rate_bps * middle));
    (make_plan(input, 1).unserved.empty() ? low : high) = middle;
  }
  return low / bound;
}

TEST(Planner, up_to_four_nodes_are_a_full_mesh) {
  auto input = everyone_to_everyone({9'000'000, 9'000'000, 9'000'000, 9'000'000}, 1'500'000);
  auto plan = make_plan(input, 1);
  for (const auto& tree : plan.trees)
    for (const auto& hop : tree.hops) EXPECT_EQ(hop.parent, tree.source);
  EXPECT_TRUE(check_plan(plan, input));
}

TEST(Planner, a_weak_source_sends_once_and_a_strong_node_sends_on) {
  auto input = everyone_to_everyone({1'600'000, 40'000'000, 1'600'000, 1'600'000}, 1'500'000);
  input.streams.resize(1);
  auto plan = make_plan(input, 1);
  ASSERT_TRUE(check_plan(plan, input));
  EXPECT_TRUE(plan.unserved.empty());
  EXPECT_EQ(uplink_used(plan, input)[0], 1'500'000u);
  EXPECT_EQ(uplink_used(plan, input)[1], 3'000'000u);
}

// Trap: after a key frame a picture seemed to need more than its node declares, and the plan left it out for a second.
TEST(Planner, who_declares_less_than_its_own_picture_is_seen_all_the_same) {
  auto input = everyone_to_everyone({280'000, 5'000'000, 280'000, 280'000}, 300'000);
  EXPECT_EQ(make_plan(input, 1).unserved.size(), 9u);
  for (auto& stream : input.streams) stream.smallest = true;
  auto plan = make_plan(input, 1);
  EXPECT_TRUE(check_plan(plan, input));
  EXPECT_TRUE(plan.unserved.empty());
  EXPECT_EQ(uplink_used(plan, input)[0], 300'000u) << "once, and nothing for others";
}

TEST(Planner, reaches_the_bound_for_equal_rates) {
  SeededRandom random(7);
  for (std::size_t count : {3u, 4u, 5u, 8u, 16u, 24u}) {
    std::vector<std::uint64_t> uplinks;
    for (std::size_t i = 0; i < count; ++i) uplinks.push_back(2'000'000 + random.below(30'000'000));
    double share = reached_share_of_bound(everyone_to_everyone(uplinks, 100'000));
    std::printf("figure planner, %zu nodes: %.3f of r*\n", count, share);
    EXPECT_GE(share, 0.95) << count;
  }
}

RC_GTEST_PROP(Planner, a_plan_passes_the_check_that_members_make, (std::uint64_t seed)) {
  SeededRandom random(seed);
  std::vector<std::uint64_t> uplinks(*rc::gen::inRange<std::size_t>(2, 14));
  for (auto& uplink : uplinks) uplink = *rc::gen::element<std::uint64_t>(0, 400'000, 1'000'000, 5'000'000, 90'000'000);
  auto input = everyone_to_everyone(uplinks, *rc::gen::element<std::uint32_t>(50'000, 333'333, 1'500'000), seed);
  for (auto& stream : input.streams) stream.smallest = random.below(2) == 0;
  auto plan = make_plan(input, 3);
  RC_ASSERT(check_plan(plan, input).has_value());
  RC_ASSERT(plan == make_plan(input, 3));
  for (const auto& tree : plan.trees) {
    std::vector<NodeIndex> parent_of(input.nodes.size(), nobody);
    for (const auto& hop : tree.hops) parent_of[hop.node] = hop.parent;
    for (const auto& hop : tree.hops) {
      if (hop.second == nobody) continue;
      // A second parent that hangs below the first would die with it.
      for (auto up = hop.second; up != nobody; up = parent_of[up])
        RC_ASSERT(up != (hop.parent == tree.source ? hop.node : hop.parent));
    }
  }
}

RC_GTEST_PROP(Planner, a_plan_that_breaks_an_uplink_or_a_subscription_is_refused, (std::uint64_t seed)) {
  auto input = everyone_to_everyone({20'000'000, 20'000'000, 20'000'000, 20'000'000, 20'000'000}, 1'000'000, seed);
  auto plan = make_plan(input, 1);
  SeededRandom random(seed);
  auto& tree = plan.trees[random.below(plan.trees.size())];
  switch (*rc::gen::inRange(0, 4)) {
    case 0: tree.hops.pop_back(); break;
    case 1: tree.hops[0].parent = tree.hops[0].node; break;
    case 2: input.nodes[tree.hops[0].parent].uplink_bps = 1; break;
    case 3: tree.source = static_cast<NodeIndex>((tree.source + 1) % 5); break;
  }
  RC_ASSERT(!check_plan(plan, input).has_value());
}

TEST(Planner, a_plan_does_for_what_differs_little) {
  const auto input = everyone_to_everyone({3'000'000, 9'000'000, 9'000'000, 9'000'000}, 500'000);
  auto same = [&](auto change) {
    auto other = input;
    change(other);
    return does_for_both(input, other) && does_for_both(other, input);
  };
  EXPECT_TRUE(same([](PlanInput&) {}));
  EXPECT_TRUE(same([](PlanInput& other) { other.streams[1].rate_bps += 40'000; }));
  EXPECT_FALSE(same([](PlanInput& other) { other.streams[1].rate_bps += 80'000; }));
  EXPECT_TRUE(same([](PlanInput& other) { other.rtt_us[1] += 9'000; }));
  EXPECT_FALSE(same([](PlanInput& other) { other.rtt_us[1] += 90'000; }));
  EXPECT_FALSE(same([](PlanInput& other) { other.nodes[0].uplink_bps = 1'000'000; }));
  EXPECT_FALSE(same([](PlanInput& other) { other.streams[2].receivers.pop_back(); }));
  EXPECT_FALSE(same([](PlanInput& other) { other.streams.pop_back(); }));
  EXPECT_FALSE(same([](PlanInput& other) { other.nodes[3].key.bytes[5] = 1; }));
}

TEST(Coordinator, is_the_same_for_everyone_and_admins_come_first) {
  ConferenceKey conference{};
  std::vector<Candidate> alive(9);
  for (std::size_t i = 0; i < alive.size(); ++i) alive[i].key.bytes[0] = static_cast<Byte>(i);
  auto first = coordinator(conference, 1, alive);
  std::reverse(alive.begin(), alive.end());
  EXPECT_EQ(first, coordinator(conference, 1, alive));
  alive[4].admin = true;
  EXPECT_EQ(coordinator(conference, 1, alive), alive[4].key);
  EXPECT_FALSE(coordinator(conference, 1, {}));
}

}  // namespace
