#include "dht/meeting_store.hpp"
#include "tests/dht/town.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::dht;
using namespace conclave::dht::test;

namespace {

const Key point = key({7});
const UnixTime now{1000};

struct Store {
  PutStatus put(const RecordPtr& entry, Networks from = {}) {
    return store.put(world.around, entry, from, now);
  }
  std::vector<RecordPtr> get(std::vector<std::uint64_t> have = {}, std::size_t size = 100'000) {
    std::vector<RecordPtr> out;
    more = store.get(point, have, now, 5, size, out);
    return out;
  }
  World world;
  MeetingStore store;
  std::uint16_t more = 0;
};

TEST(MeetingStore, keeps_the_newest_of_each_publisher) {
  Store store;
  EXPECT_EQ(store.put(record(point, 1, 5)), PutStatus::stored);
  EXPECT_EQ(store.put(record(point, 1, 4)), PutStatus::stale);
  EXPECT_EQ(store.put(record(point, 1, 5)), PutStatus::stored) << "again is no fault";
  EXPECT_EQ(store.put(record(point, 1, 6)), PutStatus::stored);
  EXPECT_EQ(store.put(record(point, 2, 1)), PutStatus::stored);
  auto held = store.get();
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0]->sequence + held[1]->sequence, 7u);
}

TEST(MeetingStore, believes_no_forgery_and_no_impossible_time) {
  Store store;
  EXPECT_EQ(store.put(record(point, 1, Credulous::forged)), PutStatus::refused);
  EXPECT_EQ(store.put(record(point, 1, 5)), PutStatus::stored);
  EXPECT_EQ(store.put(record(point, 1, Credulous::forged)), PutStatus::refused) << "nor as an update";
  EXPECT_EQ(store.put(record(point, 2, 5, now.ms)), PutStatus::refused) << "expired";
  EXPECT_EQ(store.put(record(point, 2, 5, now.ms + store.world.parameters.life_max.count() + 1)),
            PutStatus::refused);
  EXPECT_EQ(store.get().size(), 1u);
}

TEST(MeetingStore, newcomers_do_not_evict_and_a_network_gets_two_places) {
  Store store;
  for (Byte i = 0; i < 32; ++i)
    EXPECT_EQ(store.put(record(point, i, 1), {100u + i / 2, 1u + i}), PutStatus::stored);
  EXPECT_EQ(store.put(record(point, 200, 1), {999, 999}), PutStatus::crowded) << "32 publishers are enough";
  EXPECT_EQ(store.put(record(point, 0, 2), {999, 999}), PutStatus::stored) << "the established may go on";
  Store second;
  EXPECT_EQ(second.put(record(point, 1, 1), {5, 5}), PutStatus::stored);
  EXPECT_EQ(second.put(record(point, 2, 1), {5, 5}), PutStatus::stored);
  EXPECT_EQ(second.put(record(point, 3, 1), {5, 5}), PutStatus::crowded);
  EXPECT_EQ(second.put(record(point, 3, 1), {6, 5}), PutStatus::stored);
}

TEST(MeetingStore, totals_are_bounded_and_the_expired_make_room) {
  Store store;
  store.world.parameters.records_max = 10;
  for (Byte i = 0; i < 10; ++i) EXPECT_EQ(store.put(record(key({i}), i, 1, now.ms + 50)), PutStatus::stored);
  EXPECT_EQ(store.put(record(key({99}), 1, 1)), PutStatus::crowded);
  EXPECT_EQ(store.store.put(store.world.around, record(key({99}), 1, 1), {}, UnixTime{now.ms + 60}),
            PutStatus::stored);
  EXPECT_EQ(store.store.size(), 1u);
  Store wide;
  wide.world.parameters.records_wide_max = 3;
  for (Byte i = 0; i < 3; ++i) EXPECT_EQ(wide.put(record(key({i}), i, 1), {50u + i, 9}), PutStatus::stored);
  EXPECT_EQ(wide.put(record(key({9}), 9, 1), {77, 9}), PutStatus::crowded);
  EXPECT_EQ(wide.put(record(key({9}), 9, 1), {77, 8}), PutStatus::stored);
}

TEST(MeetingStore, in_a_full_store_the_network_with_most_gives_way_newest_first) {
  Store store;
  store.world.parameters.records_max = 10;
  for (Byte i = 0; i < 10; ++i)
    EXPECT_EQ(store.put(record(key({i}), i, 1), {50u + i, i < 4 ? 1u : 9u}), PutStatus::stored);
  EXPECT_EQ(store.put(record(key({40}), 40, Credulous::forged), {90, 2}), PutStatus::refused);
  EXPECT_EQ(store.store.publishers(key({9})), 1u) << "nobody makes room for a forgery";
  EXPECT_EQ(store.put(record(key({40}), 40, 1), {90, 2}), PutStatus::stored);
  EXPECT_EQ(store.store.publishers(key({9})), 0u);
  EXPECT_EQ(store.store.publishers(key({8})), 1u);
  EXPECT_EQ(store.put(record(key({41}), 41, 1), {91, 9}), PutStatus::crowded) << "not for its own";
  for (Byte i = 42; i < 60; ++i) store.put(record(key({i}), i, 1), {i, i});
  EXPECT_EQ(store.store.size(), 10u);
  EXPECT_EQ(store.store.publishers(key({40})), 1u) << "a single one stays";
  store.world.parameters.fair_stores = false;
  EXPECT_EQ(store.put(record(key({70}), 70, 1), {70, 70}), PutStatus::crowded) << "the switch";
}

TEST(MeetingStore, pages_show_everything_and_singles_come_before_those_of_one_network) {
  Store store;
  for (Byte i = 0; i < 20; ++i) store.put(record(point, i, 1, 1'000'000, 1000), {100u + i / 2, 1u + i});
  store.put(record(point, 77, 1, 1'000'000, 1000), {500, 500});
  auto first = store.get({}, 1048);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]->publisher.bytes[0], 77) << "ten networks with two each do not hide it";
  EXPECT_EQ(store.more, 20);
  std::vector<std::uint64_t> have;
  for (int page = 0; page < 21; ++page) {
    auto got = store.get(have, 1048);
    ASSERT_EQ(got.size(), 1u);
    have.push_back(record_tag(got[0]->publisher, got[0]->sequence));
  }
  EXPECT_TRUE(store.get(have, 1048).empty());
  EXPECT_EQ(store.more, 0);
}

// Whoever puts whatever: the bounds hold, and what is read was put.
RC_GTEST_PROP(MeetingStore, stays_within_its_bounds, (std::uint64_t seed)) {
  Store store;
  SeededRandom random(seed);
  store.world.parameters.records_max = 60;
  UnixTime time = now;
  for (int i = 0; i < 500; ++i) {
    auto where = key({static_cast<Byte>(random.below(4))});
    auto entry = record(where, static_cast<Byte>(random.below(60)), random.below(5),
                        time.ms + static_cast<std::int64_t>(random.below(3000)));
    store.store.put(
        store.world.around, entry,
        {static_cast<std::uint32_t>(random.below(30)), static_cast<std::uint32_t>(random.below(5))}, time);
    time.ms += static_cast<std::int64_t>(random.below(100));
    RC_ASSERT(store.store.within_bounds(store.world.parameters));
    std::vector<RecordPtr> out;
    store.store.get(where, {}, time, 1, 1 << 20, out);
    for (auto& held : out) RC_ASSERT(held->point == where && held->expires > time);
  }
  store.store.expire(UnixTime{time.ms + 10'000});
  RC_ASSERT(store.store.size() == 0);
  RC_ASSERT(store.store.points() == 0);
}

}  // namespace
