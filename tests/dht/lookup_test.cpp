#include "dht/lookup.hpp"

#include "tests/dht/town.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::dht;
using namespace conclave::dht::test;
using namespace std::chrono_literals;

namespace {

auto patient = [](Handle) { return Duration(300ms); };

Contacted told(std::vector<Handle> peers) {
  Contacted out;
  for (Handle peer : peers) out.push(peer);
  return out;
}

/// Everybody knows everybody: answers are the 20 nearest of all.
struct Village {
  explicit Village(std::size_t count, std::uint64_t seed = 3) {
    SeededRandom random(seed);
    for (std::size_t i = 0; i < count; ++i) people.push_back(world.book.add(random.fixed<Key>()));
    target = random.fixed<Key>();
    std::sort(people.begin(), people.end(), [&](Handle a, Handle b) {
      return distance(world.book.position(a), target) < distance(world.book.position(b), target);
    });
  }
  Contacted nearest() const { return told({people.begin(), people.begin() + 20}); }
  World world;
  Key target;
  std::vector<Handle> people;  ///< nearest first
};

TEST(Lookup, finds_the_k_nearest_who_live_and_asks_nobody_twice) {
  Village village(100);
  Lookup lookup(village.world.around, {.target = village.target, .radius = 0.2}, Handle(0));
  lookup.start({village.people.begin() + 50, village.people.begin() + 70});
  std::set<Handle> asked;
  TimePoint now{};
  while (!lookup.done()) {
    std::vector<Handle> round;
    while (auto to = lookup.next(now, patient)) round.push_back(*to);
    for (Handle to : round) {
      EXPECT_TRUE(asked.insert(to).second) << "twice";
      lookup.on_response(to, village.nearest());
    }
    now += 50ms;
  }
  EXPECT_EQ(lookup.closest(20), std::vector<Handle>(village.people.begin(), village.people.begin() + 20));
  EXPECT_EQ(lookup.hops(), 2u);
  EXPECT_FALSE(lookup.next(now, patient)) << "done is done";
}

TEST(Lookup, does_not_wait_for_the_dead) {
  Village village(100);
  Lookup lookup(village.world.around, {.target = village.target, .radius = 0.2}, Handle(0));
  lookup.start({village.people.begin(), village.people.begin() + 60});
  std::set<Handle> dead(village.people.begin(), village.people.begin() + 5);
  TimePoint now{};
  while (!lookup.done() && now < TimePoint(10s)) {
    std::vector<Handle> round;
    while (auto to = lookup.next(now, patient)) round.push_back(*to);
    for (Handle to : round)
      if (!dead.contains(to)) lookup.on_response(to, village.nearest());
    now += 50ms;
  }
  EXPECT_LE(now, TimePoint(600ms));
  auto found = lookup.closest(20);
  EXPECT_EQ(found.front(), village.people[5]);
  EXPECT_EQ(found.size(), 20u);
}

TEST(Lookup, a_liar_far_away_cannot_name_a_crowd_next_to_the_target) {
  World world(key({0xff}));
  Key target{};
  auto liar = world.person({0x40}), honest = world.person({0x41});
  std::vector<Handle> crowd, sample;
  for (Byte i = 1; i <= 20; ++i) {
    crowd.push_back(world.person({0, 0, 0, i}));
    sample.push_back(world.person({static_cast<Byte>(0x20 >> (i % 4)), i}));
  }
  Lookup lookup(world.around, {.target = target, .radius = 1e-5, .paths = 1}, Handle(0));
  Handle seeds[2] = {liar, honest};
  lookup.start(seeds);
  EXPECT_TRUE(lookup.next({}, patient));
  EXPECT_TRUE(lookup.next({}, patient));
  lookup.on_response(liar, told(crowd));
  lookup.on_response(honest, told(sample));
  for (auto& candidate : lookup.candidates()) {
    EXPECT_TRUE(std::find(crowd.begin(), crowd.end(), candidate.peer) == crowd.end());
    if (candidate.peer == liar) EXPECT_EQ(candidate.state, Lookup::State::lying);
  }
  EXPECT_EQ(lookup.candidates().size(), 2 + sample.size());
}

TEST(Lookup, one_network_is_asked_three_times) {
  World world;
  std::vector<Handle> same;
  for (Byte i = 1; i <= 10; ++i) same.push_back(world.person({1, i}, {42, 7}));
  Lookup lookup(world.around, {.target = key({1})}, Handle(0));
  lookup.start(same);
  std::size_t asked = 0;
  for (TimePoint now{}; !lookup.done(); now += 50ms)
    while (auto to = lookup.next(now, patient)) {
      ++asked;
      lookup.on_response(*to, told(same));
    }
  EXPECT_EQ(asked, 3u);
}

TEST(Lookup, paths_share_nobody) {
  Village village(300);
  Lookup lookup(village.world.around, {.target = village.target, .complete = false, .paths = 4}, Handle(0));
  lookup.start({village.people.begin() + 200, village.people.begin() + 220});
  std::map<Handle, int> owners;
  for (TimePoint now{}; !lookup.done(); now += 50ms) {
    std::vector<Handle> round;
    while (auto to = lookup.next(now, patient)) round.push_back(*to);
    for (Handle to : round) {
      ++owners[to];
      lookup.on_response(to, village.nearest());
    }
  }
  for (auto& [peer, times] : owners) EXPECT_EQ(times, 1);
  std::array<int, 8> answered{};
  for (auto& candidate : lookup.candidates())
    if (candidate.state == Lookup::State::answered) ++answered[candidate.owner];
  for (int path = 0; path < 4; ++path) EXPECT_GE(answered[static_cast<std::size_t>(path)], 3);
}

// Whatever the peers say, whoever is slow, late, repeats itself or answers unasked: a lookup ends, stays
// within its limits, and returns only peers that answered, nearest first.
RC_GTEST_PROP(Lookup, ends_and_stays_within_its_limits, (std::uint64_t seed)) {
  SeededRandom random(seed);
  World world(random.fixed<Key>());
  const auto people = 5 + random.below(200);
  for (std::size_t i = 0; i < people; ++i)
    world.book.add(random_at_prefix(Key{}, static_cast<int>(random.below(20)), random),
                   {static_cast<std::uint32_t>(random.below(50)), 1});
  auto anyone = [&] { return Handle(static_cast<std::uint32_t>(random.below(world.book.size()))); };
  Lookup::Goal goal{.target = random_at_prefix(Key{}, static_cast<int>(random.below(20)), random)};
  goal.radius = random.below(2) ? 1 : random.unit();
  goal.region = random.below(2) ? 0 : random.unit() / 4;
  goal.wait = static_cast<Lookup::Wait>(random.below(3));
  goal.complete = random.below(4) > 0;
  goal.paths = 1 + static_cast<unsigned>(random.below(8));
  Lookup lookup(world.around, goal, Handle(0));
  std::vector<Handle> seeds;
  for (std::size_t i = 0; i < random.below(60); ++i) seeds.push_back(anyone());
  lookup.start(seeds);
  std::set<Handle> asked, answered, failed;
  std::map<Handle, TimePoint> open;
  TimePoint now{};
  while (!lookup.done()) {
    RC_ASSERT(now < TimePoint(1000s));
    while (auto to = lookup.next(now, patient)) {
      RC_ASSERT(asked.insert(*to).second);
      RC_ASSERT(*to != Handle(0));
      open[*to] = now;
    }
    RC_ASSERT(lookup.candidates().size() <= Lookup::heard_max);
    RC_ASSERT(asked.size() <= Lookup::asks_max);
    Contacted gossip;
    for (std::size_t i = 0; i < random.below(21); ++i) gossip.push(anyone());
    if (random.below(5) == 0) lookup.on_response(anyone(), gossip);  // unasked, perhaps
    for (auto at = open.begin(); at != open.end();) {
      if (random.below(3) == 0) {
        lookup.on_response(at->first, gossip);
        answered.insert(at->first);
        at = open.erase(at);
      } else if (now - at->second > 1500ms) {
        lookup.on_failure(at->first);
        at = open.erase(at);
      } else {
        ++at;
      }
    }
    now += 100ms;
  }
  auto found = lookup.closest(20);
  for (std::size_t i = 0; i < found.size(); ++i) {
    RC_ASSERT(asked.contains(found[i]));
    if (i > 0)
      RC_ASSERT(distance(world.book.position(found[i - 1]), goal.target) <=
                distance(world.book.position(found[i]), goal.target));
  }
}

}  // namespace
