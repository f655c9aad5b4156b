#include "node/calls/routes.hpp"

#include "node/calls/steering.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::calls;
using namespace std::chrono_literals;

namespace {

constexpr NodeIndex us = 9;
constexpr TreeId tree{7, 0};

Plan one_hop(std::uint64_t version, NodeIndex parent, NodeIndex second) {
  return {version, {{7, 0, 1, 0, {{parent, 0, nobody}, {us, parent, second}}}}, {}};
}

std::vector<Routes::Action> drain(Routes& routes, TimePoint now) {
  std::vector<Routes::Action> out;
  while (auto action = routes.next(now)) out.push_back(*action);
  return out;
}

NodeIndex asked(const Routes::Action& action) { return std::get<Routes::Subscribe>(action).to; }

TEST(Routes, a_silent_parent_is_replaced_by_the_second_behind_the_last_packet) {
  Routes routes(us);
  TimePoint now(1s);
  routes.apply(one_hop(1, 3, 4), now);
  auto actions = drain(routes, now);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(asked(actions[0]), 3);
  routes.on_answer(3, tree, true, now);
  EXPECT_TRUE(routes.on_packet(tree, 41, 3, now + 100ms));
  EXPECT_FALSE(routes.on_packet(tree, 41, 3, now + 100ms)) << "a copy";
  EXPECT_TRUE(drain(routes, now + 400ms).empty());
  actions = drain(routes, now + 451ms);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(asked(actions[0]), 4);
  EXPECT_EQ(std::get<Routes::Subscribe>(actions[0]).after, 41u);
  EXPECT_TRUE(routes.silent().contains(3));
}

TEST(Routes, the_old_parent_is_let_go_when_the_new_one_has_accepted) {
  Routes routes(us);
  routes.apply(one_hop(1, 3, 4), TimePoint(1s));
  drain(routes, TimePoint(1s));
  routes.on_answer(3, tree, true, TimePoint(1s));
  routes.apply(one_hop(2, 5, 4), TimePoint(1s));
  auto actions = drain(routes, TimePoint(1s));
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(asked(actions[0]), 5);
  EXPECT_TRUE(routes.on_packet(tree, 1, 3, TimePoint(1s))) << "the old one still feeds us";
  routes.on_answer(5, tree, true, TimePoint(1s));
  actions = drain(routes, TimePoint(1s));
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<Routes::Unsubscribe>(actions[0]).to, 3);
}

TEST(Routes, nobody_feeds_us_who_was_not_asked) {
  Routes routes(us);
  routes.apply(one_hop(1, 3, 4), TimePoint(1s));
  EXPECT_FALSE(routes.on_packet(tree, 1, 8, TimePoint(1s)));
  EXPECT_FALSE(routes.on_packet({8, 0}, 1, 3, TimePoint(1s)));
}

TEST(Routes, a_refusal_or_no_answer_turns_to_the_next) {
  Routes routes(us);
  routes.apply(one_hop(1, 3, 4), TimePoint(1s));
  drain(routes, TimePoint(1s));
  routes.on_answer(3, tree, false, TimePoint(1s));
  EXPECT_EQ(asked(drain(routes, TimePoint(1s)).back()), 4);
  EXPECT_EQ(asked(drain(routes, TimePoint(1s) + 401ms).back()), 0) << "the source itself";
}

TEST(Routes, who_was_slow_for_a_moment_is_still_our_child) {
  Routes routes(us);
  TimePoint now(1s);
  routes.apply(one_hop(1, 3, 4), now);
  drain(routes, now);
  routes.on_answer(3, tree, true, now);
  ASSERT_TRUE(routes.on_subscribe(3, tree))
      << "our parent here is our child elsewhere; it matters only that it is both";
  ASSERT_TRUE(routes.on_subscribe(6, tree));
  drain(routes, now + 500ms);
  EXPECT_TRUE(routes.silent().contains(3));
  EXPECT_EQ(routes.children(tree), (std::vector<NodeIndex>{3, 6}))
      << "it need not know that we missed it, and would never ask again";
  routes.on_down(3, now + 600ms);
  EXPECT_EQ(routes.children(tree), (std::vector<NodeIndex>{6})) << "its link is gone";
  // A plan that has another in the tree is the end of those it does not have.
  routes.apply(one_hop(2, 5, 4), now + 700ms);
  EXPECT_TRUE(routes.children(tree).empty());
}

TEST(Routes, a_tree_that_brings_nothing_is_asked_for_again_and_ever_more_rarely) {
  Routes routes(us);
  TimePoint now(1s);
  routes.apply(one_hop(1, 3, 4), now);
  drain(routes, now);
  routes.on_answer(3, tree, true, now);
  std::size_t asks = 0;
  for (auto end = now + 60s; now < end; now += 50ms) {
    routes.on_heard(3, now);
    for (const auto& action : drain(routes, now)) {
      EXPECT_EQ(asked(action), 3);
      ++asks;
      routes.on_answer(3, tree, true, now);
    }
  }
  EXPECT_GE(asks, 4u);
  EXPECT_LE(asks, 7u);
  // Packets come: no more questions. The parent forgets us: after half a second we ask.
  for (std::uint32_t sequence = 1; sequence <= 50; ++sequence, now += 50ms) {
    EXPECT_TRUE(routes.on_packet(tree, sequence, 3, now));
    EXPECT_TRUE(drain(routes, now).empty());
  }
  for (auto end = now + 400ms; now < end; now += 50ms) {
    routes.on_heard(3, now);
    EXPECT_TRUE(drain(routes, now).empty());
  }
  routes.on_heard(3, now + 200ms);
  auto actions = drain(routes, now + 200ms);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<Routes::Subscribe>(actions[0]).after, 50u);
  // It carries the tree no more: the next one is asked.
  routes.on_answer(3, tree, false, now + 210ms);
  EXPECT_EQ(asked(drain(routes, now + 210ms).back()), 4);
}

// Whatever nodes say, a tree has at most one feeder of ours, and what is asked is among the planned.
RC_GTEST_PROP(Routes, stays_within_the_plan_whatever_nodes_say, ()) {
  Routes routes(us);
  TimePoint now(1s);
  routes.apply(one_hop(1, 3, 4), now);
  std::set<std::pair<NodeIndex, std::uint32_t>> fresh;
  for (int step = *rc::gen::inRange(0, 60); step > 0; --step) {
    auto who = *rc::gen::element<NodeIndex>(0, 3, 4, 5, 8);
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        now += std::chrono::milliseconds(*rc::gen::element(1, 100, 500));
        break;
      case 1: {
        auto sequence = *rc::gen::element<std::uint32_t>(0, 1, 2, 60, 100, 0xffffffff);
        if (routes.on_packet(tree, sequence, who, now))
          RC_ASSERT(who == 0 || who == 3 || who == 4 || who == 5);
        break;
      }
      case 2:
        routes.on_answer(who, tree, *rc::gen::arbitrary<bool>(), now);
        break;
      case 3:
        (void)routes.on_subscribe(who, tree);
        break;
      case 4:
        routes.on_unsubscribe(who, tree);
        break;
      case 5:
        routes.on_down(who, now);
        break;
      case 6:
        routes.apply(one_hop(2, *rc::gen::element<NodeIndex>(3, 5), 4), now);
        break;
    }
    for (const auto& action : drain(routes, now))
      if (auto* ask = std::get_if<Routes::Subscribe>(&action))
        RC_ASSERT(ask->to == 0 || ask->to == 3 || ask->to == 4 || ask->to == 5);
    RC_ASSERT(routes.children(tree).size() <= Routes::children_max);
    RC_ASSERT(routes.deadline() > now);
  }
}

NodeKey node(Byte name) {
  NodeKey out;
  out.bytes[0] = name;
  return out;
}

TEST(Routes, when_nobody_can_be_asked_it_waits_and_tries_again) {
  Routes routes(us);
  TimePoint now(1s);
  routes.apply(one_hop(1, 3, 4), now);
  // As the room does with each action: there is no link to any of them.
  auto ask_all = [&] {
    std::vector<NodeIndex> who;
    while (auto action = routes.next(now)) {
      if (!std::holds_alternative<Routes::Subscribe>(*action)) continue;
      who.push_back(asked(*action));
      routes.on_unreachable(who.back(), tree, now);
      if (who.size() > 8) break;
    }
    return who;
  };
  const std::vector<NodeIndex> each_once{3, 4, 0};  // parent, second, the tree's source
  EXPECT_EQ(ask_all(), each_once);
  EXPECT_TRUE(ask_all().empty());
  EXPECT_GT(routes.deadline(), now);
  now += RouteTimes{}.answer_max;
  EXPECT_EQ(ask_all(), each_once);
  // The source comes back.
  now += RouteTimes{}.answer_max;
  routes.on_heard(0, now);
  auto again = ask_all();
  EXPECT_TRUE(std::find(again.begin(), again.end(), NodeIndex{0}) != again.end());
}

TEST(Steering, the_next_one_leads_when_the_leader_falls_silent) {
  ConferenceKey conference{};
  std::vector<Candidate> members{{node(1), false}, {node(2), false}, {node(3), false}};
  std::map<Byte, Steering> all;
  for (Byte name : {Byte{1}, Byte{2}, Byte{3}}) {
    all.emplace(name, Steering(conference, node(name)));
    all.at(name).set_members(members, TimePoint(1s));
  }
  auto first = all.at(1).leader();
  for (auto& [name, one] : all) EXPECT_EQ(one.leader(), first);

  // The leader plans after it gathered; the others wait, and after 700 ms of silence one of them takes over.
  auto& leader = all.at(first->bytes[0]);
  bool planned = false;
  for (auto now = TimePoint(1s); now < TimePoint(1500ms); now += 10ms)
    while (auto action = leader.next(now)) planned |= std::holds_alternative<Steering::Replan>(*action);
  EXPECT_TRUE(planned);
  int leads = 0;
  for (auto& [name, one] : all) {
    if (node(name) == *first) continue;
    (void)one.next(TimePoint(1600ms));
    EXPECT_EQ(one.leader(), first);
    (void)one.next(TimePoint(1701ms));
    EXPECT_NE(one.leader(), first);
    leads += one.leading();
  }
  EXPECT_EQ(leads, 1);
}

TEST(Steering, plans_are_not_made_all_the_time_but_at_once_for_the_dead) {
  ConferenceKey conference{};
  Steering one(conference, node(1));
  std::vector<Candidate> members{{node(1), true}, {node(2), false}, {node(3), false}};
  one.set_members(members, TimePoint(1s));
  ASSERT_TRUE(one.leading()) << "admins first";
  std::vector<TimePoint> plans;
  auto run = [&](TimePoint from, TimePoint to, bool changes) {
    for (auto now = from; now < to; now += 10ms) {
      if (changes) one.on_change(now);
      while (auto action = one.next(now))
        if (std::holds_alternative<Steering::Replan>(*action)) plans.push_back(now);
    }
  };
  run(TimePoint(1s), TimePoint(3s), true);
  EXPECT_EQ(plans.size(), 4u);
  auto last = plans.back();
  one.on_dead(node(2), last + 20ms);
  run(last + 20ms, last + 150ms, false);
  EXPECT_EQ(plans.size(), 5u);
}

}  // namespace
