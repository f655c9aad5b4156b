#include "dht/core.hpp"
#include "dht/network_size.hpp"

#include "tests/dht/town.hpp"

#include <gtest/gtest.h>

using namespace conclave;
using namespace conclave::dht;
using namespace conclave::dht::test;
using namespace std::chrono_literals;

namespace {

Now at(Duration time) { return {TimePoint(time), UnixTime{1000}}; }

struct Node {
  Node() { world.parameters.upkeep = false; }
  World world;
  Core core{world.around, Handle(0), TimePoint(1h)};
};

TEST(Core, a_put_needs_the_token_of_an_answer_to_the_same_network) {
  Node node;
  Asker asker{node.world.random_person(), {5, 1}}, other{node.world.random_person(), {6, 1}};
  Request find{.kind = Kind::find};
  auto token = node.core.on_request(asker, find, at(1h)).token;
  Request put{.kind = Kind::put, .record = record(key({1}), 1, 1)};
  EXPECT_EQ(node.core.on_request(asker, put, at(1h)).status, PutStatus::refused);
  put.token = token;
  EXPECT_EQ(node.core.on_request(other, put, at(1h)).status, PutStatus::refused);
  EXPECT_EQ(node.core.on_request(asker, put, at(1h + 11min)).status, PutStatus::stored);
  put.record = record(key({1}), 2, 1);
  EXPECT_EQ(node.core.on_request(asker, put, at(1h + 31min)).status, PutStatus::refused) << "it ages";
  Request get{.kind = Kind::get, .point = key({1})};
  EXPECT_EQ(node.core.on_request(other, get, at(1h)).records.size(), 1u);
}

TEST(Core, an_answer_is_no_longer_than_a_datagram) {
  Node node;
  Asker asker;
  auto token = node.core.on_request(asker, {.kind = Kind::find}, at(1h)).token;
  for (Byte i = 0; i < 10; ++i) {
    Request put{.kind = Kind::put, .token = token, .record = record(key({1}), i, 1, 1'000'000, 400)};
    EXPECT_EQ(node.core.on_request(asker, put, at(1h)).status, PutStatus::stored);
  }
  for (int i = 0; i < 200; ++i) node.core.table().answered(node.world.random_person(), 50ms, TimePoint(1h));
  auto answer = node.core.on_request(asker, {.kind = Kind::get, .point = key({1})}, at(1h));
  EXPECT_EQ(answer.records.size(), 1u);
  EXPECT_EQ(answer.more, 9);
  EXPECT_LE(403 + answer.contacts.size() * Core::contact_size + Core::answer_header_size,
            Core::answer_size_max);
  EXPECT_GE(answer.contacts.size(), Core::contacts_kept);
}

// Liars make a search end far from its goal for nothing; the table's own estimate must stand against one of them.
TEST(NetworkSize, of_one_sample_and_the_own_estimate_the_denser_counts) {
  NetworkSize size;
  EXPECT_FLOAT_EQ(static_cast<float>(size.radius(0.002)), 0.002f);
  size.sample(0.04);
  EXPECT_FLOAT_EQ(static_cast<float>(size.radius(0.002)), 0.002f);
  size.sample(0.002);
  EXPECT_FLOAT_EQ(static_cast<float>(size.radius(0.01)), 0.01f) << "of three the middle one";
}

// Otherwise whoever fills a meeting point with large junk takes the way to its other holders from every reader.
TEST(Core, junk_leaves_room_for_contacts_and_comes_by_pages) {
  Node node;
  Asker asker;
  auto token = node.core.on_request(asker, {.kind = Kind::find}, at(1h)).token;
  Request put{.kind = Kind::put, .token = token, .record = record(key({1}), 1, 1, 1'000'000, 1000)};
  EXPECT_EQ(node.core.on_request(asker, put, at(1h)).status, PutStatus::stored);
  for (int i = 0; i < 200; ++i) node.core.table().answered(node.world.random_person(), 50ms, TimePoint(1h));
  auto answer = node.core.on_request(asker, {.kind = Kind::get, .point = key({1})}, at(1h));
  EXPECT_GE(answer.contacts.size(), Core::contacts_kept);
  EXPECT_EQ(answer.records.size(), 0u);
  EXPECT_EQ(answer.more, 1);
  answer = node.core.on_request(asker, {.kind = Kind::get, .point = key({1}), .page = true}, at(1h));
  EXPECT_EQ(answer.contacts.size(), 0u);
  EXPECT_EQ(answer.records.size(), 1u);
}

TEST(Core, who_only_asks_is_not_in_the_table_before_it_has_answered) {
  World world;
  Core core(world.around, Handle(0), TimePoint(1h));
  auto stranger = world.random_person();
  core.on_request({stranger, {1, 1}}, {.kind = Kind::find}, at(1h));
  EXPECT_EQ(core.table().size(), 0u);
  auto ask = core.next(at(1h + 1s));
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->to, stranger);
  EXPECT_EQ(ask->request.kind, Kind::ping);
  core.on_response(ask->id, stranger, {}, at(1h + 1100ms));
  EXPECT_NE(core.table().find(stranger), nullptr);
  auto client = core.on_request({no_handle, {1, 1}}, {.kind = Kind::find}, at(1h + 2s));
  EXPECT_EQ(client.contacts.size(), 1u) << "clients are served, and not kept";
}

TEST(Core, does_not_forget_its_table_when_it_is_cut_off_itself) {
  Node node;
  std::vector<Handle> known;
  for (int i = 0; i < 30; ++i) {
    known.push_back(node.world.random_person());
    node.core.table().answered(known.back(), 50ms, TimePoint(1h));
  }
  auto before = node.core.table().size();
  for (int round = 0; round < 20; ++round) {
    auto now = 2h + round * 1min;
    node.core.find(node.world.random.fixed<Key>(), TimePoint(now));
    std::vector<Ask> asked;
    while (auto ask = node.core.next(at(now))) asked.push_back(*ask);
    for (auto& ask : asked) node.core.on_failure(ask.id, at(now + 2s));
    (void)node.core.next(at(now + 2s));
  }
  EXPECT_EQ(node.core.table().size(), before);
}

TEST(Core, answers_that_nobody_asked_for_change_nothing) {
  Node node;
  auto stranger = node.world.random_person();
  node.core.on_response(1, stranger, {}, at(1h));
  node.core.on_failure(7, at(1h));
  EXPECT_EQ(node.core.table().size(), 0u);
  auto friendly = node.world.random_person();
  node.core.join({&friendly, 1}, TimePoint(1h));
  auto ask = node.core.next(at(1h));
  ASSERT_TRUE(ask);
  node.core.on_response(ask->id, stranger, {}, at(1h));
  EXPECT_EQ(node.core.table().size(), 0u) << "the answer of another";
  EXPECT_EQ(node.core.broken(at(1h)), nullptr);
}

TEST(Core, operations_are_bounded_and_can_be_given_up) {
  Node node;
  node.core.table().answered(node.world.random_person(), 50ms, TimePoint(1h));
  std::vector<OperationId> started;
  for (std::size_t i = 0; i < Core::operations_max; ++i)
    started.push_back(node.core.find(node.world.random.fixed<Key>(), TimePoint(1h)));
  EXPECT_EQ(node.core.find({}, TimePoint(1h)), OperationId{});
  node.core.cancel(started[5]);
  EXPECT_NE(node.core.find({}, TimePoint(1h)), OperationId{});
}

TEST(NetworkSize, is_the_median_so_that_one_crowded_search_moves_nothing) {
  NetworkSize size;
  for (int i = 0; i < 14; ++i) size.sample(0.01);
  size.sample(1e-9);
  EXPECT_NEAR(size.radius(0.01), 0.01, 1e-6);
  EXPECT_NEAR(size.radius(1e-9), 0.01, 1e-6);
}

}  // namespace
