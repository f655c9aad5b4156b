#include "dht/table.hpp"

#include "dht/newcomers.hpp"
#include "dht/position.hpp"
#include "tests/dht/town.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::dht;
using namespace conclave::dht::test;
using namespace std::chrono_literals;

namespace {

TEST(Position, work_is_needed_and_moves_the_position) {
  SeededRandom random(1);
  auto node = NodeKeys::generate(random).public_key();
  auto nonce = find_nonce(node, 12, 0, 1 << 20);
  ASSERT_TRUE(nonce);
  EXPECT_TRUE(worked(node, *nonce, 12));
  EXPECT_TRUE(worked(node, *nonce, 0));
  std::size_t lucky = 0;
  for (std::uint64_t i = 0; i < 4096; ++i) lucky += worked(node, *nonce + 1 + i, 12);
  EXPECT_LT(lucky, 10u) << "one in 4096 passes";
  auto next = find_nonce(node, 12, *nonce + 1, 1 << 20);
  ASSERT_TRUE(next);
  EXPECT_NE(position_of(node, *nonce), position_of(node, *next));
  auto other = NodeKeys::generate(random).public_key();
  EXPECT_NE(position_of(other, *nonce), position_of(node, *nonce));
  EXPECT_FALSE(find_nonce(node, 40, 0, 10)) << "ten tries are not enough";
}

RC_GTEST_PROP(Key, a_key_at_a_prefix_shares_exactly_that_many_bits, (std::uint64_t seed)) {
  SeededRandom random(seed);
  auto key = random.fixed<Key>();
  auto bits = static_cast<int>(random.below(120));
  RC_ASSERT(distance(key, random_at_prefix(key, bits, random)).common_bits() == bits);
  RC_ASSERT(distance(key, with_flipped_bit(key, bits)).common_bits() == bits);
}

TEST(Table, entries_stand_in_the_bucket_of_their_shared_bits_oldest_first) {
  World world;
  Table table(world.around, Handle(0));
  auto far = world.person({0x80}), farther = world.person({0xc0}), near = world.person({0x01});
  EXPECT_EQ(table.answered(far, 50ms, TimePoint(1s)), Table::Outcome::inserted);
  EXPECT_EQ(table.answered(near, 50ms, TimePoint(1s)), Table::Outcome::inserted);
  EXPECT_EQ(table.answered(farther, 50ms, TimePoint(1s)), Table::Outcome::inserted);
  EXPECT_EQ(table.answered(far, 70ms, TimePoint(9s)), Table::Outcome::updated);
  ASSERT_EQ(table.buckets(), 8);
  ASSERT_EQ(table.bucket(0).size(), 2u);
  EXPECT_EQ(table.bucket(0)[0].peer, far);
  EXPECT_EQ(table.bucket(0)[1].peer, farther);
  EXPECT_EQ(table.bucket(7)[0].peer, near);
  EXPECT_EQ(table.find(far)->seen_s, 9u);
}

TEST(Table, a_full_bucket_keeps_its_old_ones_while_they_live) {
  World world;
  Table table(world.around, Handle(0));
  std::vector<Handle> old;
  for (Byte i = 0; i < 20; ++i) {
    old.push_back(world.person({0x80, i}));
    EXPECT_EQ(table.answered(old.back(), 50ms, TimePoint(1s)), Table::Outcome::inserted);
  }
  auto late = world.person({0x80, 0xff});
  EXPECT_FALSE(table.wants(late));
  EXPECT_EQ(table.answered(late, 50ms, TimePoint(2s)), Table::Outcome::full);
  EXPECT_FALSE(table.failed(old[3])) << "once is no death";
  EXPECT_TRUE(table.wants(late));
  EXPECT_EQ(table.answered(late, 50ms, TimePoint(2s)), Table::Outcome::replaced);
  EXPECT_EQ(table.find(old[3]), nullptr);
  EXPECT_EQ(table.size(), 20u);
  table.failed(old[4]);
  EXPECT_TRUE(table.failed(old[4])) << "twice is";
  EXPECT_EQ(table.size(), 19u);
}

TEST(Table, of_the_younger_half_the_slow_give_way_to_the_twice_as_fast) {
  World world;
  Table table(world.around, Handle(0));
  std::vector<Handle> there;
  for (Byte i = 0; i < 20; ++i) {
    there.push_back(world.person({0x80, i}));
    table.answered(there.back(), i == 5 || i == 15 ? 400ms : 100ms, TimePoint(1s));
  }
  EXPECT_EQ(table.answered(world.person({0x81}), 201ms, TimePoint(1s)), Table::Outcome::full);
  EXPECT_EQ(table.answered(world.person({0x82}), 60ms, TimePoint(1s)), Table::Outcome::replaced);
  EXPECT_EQ(table.find(there[15]), nullptr);
  EXPECT_NE(table.find(there[5]), nullptr) << "the older half is safe, however slow";
  EXPECT_EQ(table.answered(world.person({0x83}), 60ms, TimePoint(1s)), Table::Outcome::full);
}

/// Twenty entries in each of `buckets` deep buckets, all of networks that do not count.
void fill_deep(World& world, Table& table, int buckets) {
  for (int bucket = 20; bucket < 20 + buckets; ++bucket)
    for (int i = 0; i < 20; ++i)
      table.answered(world.book.add(random_at_prefix(Key{}, bucket, world.random)), 9ms, {});
}

TEST(Table, one_network_gets_two_of_a_bucket_three_of_a_table_and_its_sixteen_eight) {
  World world;
  Table table(world.around, Handle(0));
  fill_deep(world, table, 10);
  auto at = [](std::uint32_t near) { return Networks{near, 77}; };
  EXPECT_EQ(table.answered(world.person({0x80}, at(1)), 9ms, {}), Table::Outcome::inserted);
  EXPECT_EQ(table.answered(world.person({0x90}, at(1)), 9ms, {}), Table::Outcome::inserted);
  auto third = world.person({0xa0}, at(1));
  EXPECT_FALSE(table.wants(third));
  EXPECT_EQ(table.answered(third, 9ms, {}), Table::Outcome::crowded);
  EXPECT_EQ(table.answered(world.person({0x40}, at(1)), 9ms, {}), Table::Outcome::inserted);
  EXPECT_EQ(table.answered(world.person({0x20}, at(1)), 9ms, {}), Table::Outcome::crowded);
  for (std::uint32_t i = 2; i < 7; ++i)
    EXPECT_EQ(table.answered(world.person({static_cast<Byte>(0x80 >> i)}, at(i)), 9ms, {}),
              Table::Outcome::inserted);
  EXPECT_EQ(table.answered(world.person({0x01}, at(9)), 9ms, {}), Table::Outcome::crowded);
  EXPECT_EQ(table.answered(world.person({0x01}), 9ms, {}), Table::Outcome::inserted)
      << "private ranges are exempt";
  world.parameters.diversity = false;
  EXPECT_EQ(table.answered(third, 9ms, {}), Table::Outcome::inserted) << "the switch";
}

TEST(Table, of_a_small_table_a_sixteen_gets_a_twenty_fifth) {
  World world;
  Table table(world.around, Handle(0));
  auto next = [&, near = 0u]() mutable {
    ++near;
    return table.answered(world.person({static_cast<Byte>(0x80 >> (near % 6))}, {near, 77}), 9ms, {});
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), Table::Outcome::inserted) << "as many as of one network";
  EXPECT_EQ(next(), Table::Outcome::crowded);
  fill_deep(world, table, 5);
  EXPECT_EQ(next(), Table::Outcome::inserted) << "four of 103";
  EXPECT_EQ(next(), Table::Outcome::crowded);
}

TEST(Table, what_a_restart_brought_back_is_tried_but_not_told) {
  World world;
  Table table(world.around, Handle(0));
  auto saved = world.person({0x80});
  table.restore(saved, Rtt{400, 10});
  std::vector<Handle> own;
  table.closest(Key{}, 5, no_handle, own);
  EXPECT_EQ(own, std::vector<Handle>{saved});
  Contacted told;
  table.closest(Key{}, 5, no_handle, told);
  EXPECT_EQ(told.size(), 0u);
  ASSERT_NE(table.overdue(TimePoint(1s), TimePoint(1s)), nullptr);
  table.answered(saved, 90ms, TimePoint(5s));
  table.closest(Key{}, 5, no_handle, told);
  EXPECT_EQ(told.size(), 1u);
}

// Whoever answers or fails in whatever order: no bucket is over k, entries stand where they belong, and
// `closest` is what sorting everybody would give.
RC_GTEST_PROP(Table, holds_its_rules_and_finds_the_closest, (std::uint64_t seed)) {
  World world;
  SeededRandom random(seed);
  Table table(world.around, Handle(0));
  for (int i = 0; i < 400; ++i) {
    Key position = random_at_prefix(Key{}, static_cast<int>(random.below(12)), random);
    auto peer = random.below(3) == 0 && world.book.size() > 1
                    ? Handle(1 + static_cast<std::uint32_t>(random.below(world.book.size() - 1)))
                    : world.book.add(position, {static_cast<std::uint32_t>(random.below(100)),
                                                7 + static_cast<std::uint32_t>(random.below(60))});
    if (random.below(4) == 0) {
      table.failed(peer);
    } else {
      table.answered(peer, Duration(1000 * (1 + static_cast<Duration::rep>(random.below(500)))),
                     TimePoint(std::chrono::seconds(i)));
    }
  }
  std::size_t sum = 0;
  for (int index = 0; index < table.buckets(); ++index) {
    RC_ASSERT(table.bucket(index).size() <= 20);
    sum += table.bucket(index).size();
    for (auto& entry : table.bucket(index)) RC_ASSERT(table.bucket_of(entry.peer) == index);
  }
  RC_ASSERT(sum == table.size());
  auto target = random_at_prefix(Key{}, static_cast<int>(random.below(14)), random);
  std::vector<Handle> got, all;
  table.closest(target, 20, no_handle, got);
  for (auto& entry : table.entries())
    if (entry.failures == 0) all.push_back(entry.peer);
  auto nearer = [&](Handle a, Handle b) {
    return distance(world.book.position(a), target) < distance(world.book.position(b), target);
  };
  std::sort(all.begin(), all.end(), nearer);
  all.resize(std::min<std::size_t>(all.size(), 20));
  std::sort(got.begin(), got.end(), nearer);
  RC_ASSERT(got == all);
}

TEST(Newcomers, one_source_fills_an_eighth_and_the_silent_are_not_heard_of_again) {
  World world;
  Newcomers newcomers;
  for (int i = 0; i < 1000; ++i) newcomers.hear(world.around, world.random_person(), {5, 5}, 99);
  auto kept = std::count_if(newcomers.places().begin(), newcomers.places().end(),
                            [](Handle h) { return h != no_handle; });
  EXPECT_LE(kept, 8);
  EXPECT_GE(kept, 4);
  for (std::uint32_t source = 10; source < 200; ++source)
    newcomers.hear(world.around, world.random_person(), {source, source}, 99);
  kept = std::count_if(newcomers.places().begin(), newcomers.places().end(),
                       [](Handle h) { return h != no_handle; });
  EXPECT_GT(kept, 40);
  while (newcomers.take([](Handle) { return true; }) != no_handle) {
  }
  auto silent = world.random_person();
  newcomers.disappointed(silent);
  newcomers.hear(world.around, silent, {1, 1}, 99);
  EXPECT_EQ(newcomers.take([](Handle) { return true; }), no_handle);
  newcomers.forgive(silent);
  newcomers.hear(world.around, silent, {1, 1}, 99);
  EXPECT_EQ(newcomers.take([](Handle) { return true; }), silent);
}

}  // namespace
