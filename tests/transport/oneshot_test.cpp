#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <boost/asio/io_context.hpp>

#include "simulations/network.hpp"
#include "tests/transport/oneshot_pair.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"

using namespace conclave;
using namespace conclave::oneshot;
using namespace std::chrono_literals;
using conclave::oneshot::test::Pair;
using conclave::oneshot::test::place;

namespace {

Byte type_of(const Bytes& datagram) { return datagram[0]; }

TEST(Oneshot, the_first_request_is_one_datagram_each_way_and_the_second_rides_on_its_session) {
  Pair pair;
  auto answer = pair.roundtrip(view("hello"));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(text(*answer), "hello");
  EXPECT_EQ(pair.b.last_asker, pair.a.keys.public_key());
  ASSERT_EQ(pair.wire.size(), 2u);
  EXPECT_EQ(type_of(pair.wire[0]), 4);
  EXPECT_EQ(pair.wire[0].size(), first_message_min);
  EXPECT_EQ(type_of(pair.wire[1]), 5);

  ASSERT_TRUE(pair.roundtrip(view("again")));
  ASSERT_EQ(pair.wire.size(), 4u);
  EXPECT_EQ(type_of(pair.wire[2]), 7);
  EXPECT_EQ(type_of(pair.wire[3]), 8);
  EXPECT_EQ(pair.b.core.figures().firsts_answered, 1u);
  EXPECT_EQ(pair.b.core.figures().sessions_answered, 1u);
}

TEST(Oneshot, both_ends_ask_in_one_session_once_the_asker_has_proven_itself) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  ASSERT_TRUE(pair.roundtrip(view("2")));
  pair.b.core.request(pair.a.keys.public_key(), pair.a.at, Service::dht, view("back"), pair.now + 1s, pair.moment());
  pair.settle();
  auto finished = pair.b.core.take_finished();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(text(*finished[0].answer), "back");
  EXPECT_EQ(type_of(pair.wire[4]), 7) << "no handshake of its own";
}

TEST(Oneshot, before_that_the_answerer_makes_its_own_handshake) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  pair.b.core.request(pair.a.keys.public_key(), pair.a.at, Service::dht, view("back"), pair.now + 1s, pair.moment());
  pair.settle();
  EXPECT_EQ(type_of(pair.wire[2]), 4);
}

TEST(Oneshot, says_what_is_wrong) {
  Pair pair;
  EXPECT_EQ(pair.roundtrip(view("refuse me")).error(), Errc::refused);
  EXPECT_EQ(pair.roundtrip(Bytes(body_max + 1)).error(), Errc::too_long);
  EXPECT_EQ(pair.roundtrip(view("long 1201")).error(), Errc::too_long);
  pair.a.core.request(pair.b.keys.public_key(), pair.b.at, Service::dialback, {}, pair.now + 1s, pair.moment());
  EXPECT_TRUE(pair.settle()[0].answer) << "the harness serves every service";
  for (auto* no_key : {"0000000000000000000000000000000000000000000000000000000000000000",
                       "0100000000000000000000000000000000000000000000000000000000000000",
                       "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                       "0200000000000000000000000000000000000000000000000000000000000000"}) {
    pair.a.core.request(*NodeKey::from(*from_hex(no_key)), pair.b.at, Service::dht, {}, pair.now + 1s, pair.moment());
    pair.a.core.prepare(pair.now);
    auto finished = pair.settle();
    ASSERT_EQ(finished.size(), 1u) << no_key;
    EXPECT_EQ(finished[0].answer.error(), Errc::bad_key) << no_key;
  }
}

TEST(Oneshot, tells_the_asker_its_own_address) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("x")));
  auto observed = pair.a.core.take_observed();
  ASSERT_EQ(observed.size(), 1u);
  EXPECT_EQ(observed[0].by, pair.b.keys.public_key());
  EXPECT_EQ(observed[0].us, pair.a.at);
}

// No body is too long for a session, and none is lost on the way to one.
RC_GTEST_PROP(Oneshot, bodies_of_every_length_arrive_within_one_repetition, ()) {
  auto asked = *rc::gen::inRange<std::size_t>(0, body_max + 1);
  Pair pair;
  Bytes body(asked, 'q');
  auto answer = pair.roundtrip(body);
  RC_ASSERT(answer.has_value());
  RC_ASSERT(*answer == body);
  RC_ASSERT(pair.wire.size() <= 4u);
}

// A stranger's address never gets more than three times what it sent.
RC_GTEST_PROP(Oneshot, answers_to_unproven_addresses_are_at_most_three_times_the_request, ()) {
  auto wanted = *rc::gen::inRange<std::size_t>(0, body_max + 1);
  Pair pair;
  pair.ask(view("long " + std::to_string(wanted)));
  auto up = pair.a.core.take_outgoing();
  pair.give(pair.b, pair.a.at, up[0].bytes);
  auto down = pair.b.core.take_outgoing();
  RC_ASSERT(down.size() == 1u);
  RC_ASSERT(down[0].bytes.size() <= 3 * up[0].bytes.size());
  pair.give(pair.a, pair.b.at, down[0].bytes);
  auto finished = pair.settle();
  RC_ASSERT(finished.size() == 1u);
  RC_ASSERT(finished[0].answer.has_value());
  RC_ASSERT(finished[0].answer->size() == wanted);
}

TEST(Oneshot, under_a_session_from_a_new_address_answers_stay_small_until_it_is_proven) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  pair.a.at = place(3);  // the NAT gave us another address
  pair.wire.clear();
  auto answer = pair.roundtrip(view("long 1100"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->size(), 1100u);
  ASSERT_EQ(pair.wire.size(), 4u);
  EXPECT_LE(pair.wire[1].size(), 3 * pair.wire[0].size());
  EXPECT_EQ(type_of(pair.wire[2]), 4) << "proves the address with a new handshake";
}

TEST(Oneshot, a_lost_packet_is_sent_once_more_and_then_the_deadline_counts) {
  Pair pair;
  pair.ask(view("x"), 2s);
  EXPECT_EQ(pair.a.core.take_outgoing().size(), 1u);
  EXPECT_EQ(pair.a.core.deadline(), pair.now + 500ms);
  pair.now += 500ms;
  pair.a.core.tick(pair.moment());
  EXPECT_EQ(pair.a.core.take_outgoing().size(), 1u);
  EXPECT_EQ(pair.a.core.deadline(), pair.now + 1500ms);
  pair.now += 1500ms;
  pair.a.core.tick(pair.moment());
  auto finished = pair.a.core.take_finished();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].answer.error(), Errc::timed_out);
  EXPECT_EQ(pair.a.core.deadline(), TimePoint::max());
  EXPECT_EQ(pair.a.core.figures().exchanges, 0u);
}

TEST(Oneshot, the_answer_to_the_first_of_two_tries_still_counts) {
  Pair pair;
  pair.ask(view("slow"), 2s);
  auto first = pair.a.core.take_outgoing();
  pair.now += 600ms;
  pair.a.core.tick(pair.moment());
  pair.a.core.take_outgoing();
  pair.give(pair.b, pair.a.at, first[0].bytes);
  auto finished = pair.settle();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_TRUE(finished[0].answer);
}

TEST(Oneshot, a_peer_that_forgot_the_session_is_asked_with_a_handshake) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  auto restarted = std::make_unique<Pair>();
  pair.ask(view("2"));
  for (auto& datagram : pair.a.core.take_outgoing()) restarted->give(restarted->b, pair.a.at, datagram.bytes);
  EXPECT_TRUE(restarted->b.core.take_outgoing().empty());
  pair.now += 200ms;
  pair.a.core.tick(pair.moment());
  auto again = pair.a.core.take_outgoing();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(type_of(again[0].bytes), 4);
}

TEST(Oneshot, a_session_ends_after_its_life) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  pair.now += 30min;
  ASSERT_TRUE(pair.roundtrip(view("2")));
  EXPECT_EQ(type_of(pair.wire[2]), 4);
  EXPECT_EQ(pair.b.core.figures().firsts_answered, 2u);
}

TEST(Oneshot, clocks_that_disagree_cost_a_round_trip_and_no_more) {
  Pair pair;
  pair.a.core.request(pair.b.keys.public_key(), pair.b.at, Service::dht, view("x"), pair.now + 5s,
                      {pair.now, UnixTime{pair.moment().unix_now.ms - 3'600'000}});
  auto finished = pair.settle();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_TRUE(finished[0].answer);
  EXPECT_EQ(pair.wire.size(), 4u);
  EXPECT_EQ(pair.b.asked, 1);
}

TEST(Oneshot, round_trips_are_measured) {
  Pair pair;
  pair.ask(view("1"));
  auto up = pair.a.core.take_outgoing();
  pair.now += 40ms;
  pair.give(pair.b, pair.a.at, up[0].bytes);
  auto down = pair.b.core.take_outgoing();
  pair.now += 40ms;
  pair.give(pair.a, pair.b.at, down[0].bytes);
  auto rtt = pair.a.core.peers().rtt(pair.b.keys.public_key());
  ASSERT_TRUE(rtt);
  EXPECT_EQ(rtt->smoothed, 80ms);
  EXPECT_EQ(rtt->patience(), 240ms);
}

TEST(Oneshot, a_path_whose_round_trips_are_all_alike_causes_no_repetition) {
  Rtt rtt{150ms, 0ms};
  EXPECT_GE(rtt.patience(), 175ms) << "a busy peer is not a lost packet";
}

// The whole thing over the simulated network, with loss.
TEST(OneshotEndpoint, asks_over_a_network_that_loses_packets) {
  sim::World world;
  sim::Conditions lossy;
  lossy.loss = 0.05;
  sim::Network network(world, 7, lossy);
  SeededRandom random(3);
  auto keys_a = NodeKeys::generate(random), keys_b = NodeKeys::generate(random);
  auto socket_a = network.open(place(1)), socket_b = network.open(place(2));
  Endpoint a(*socket_a, world, random, keys_a), b(*socket_b, world, random, keys_b);
  b.on_request([](const NodeKey&, const io::Endpoint&, ByteView body) { return std::optional(copy(body)); });
  int answered = 0, failed = 0;
  for (int i = 0; i < 400; ++i) {
    world.run_for(50ms);
    a.request(keys_b.public_key(), place(2), view("ping"), world.now() + 3s,
              [&](Result<Bytes> answer) { ++(answer ? answered : failed); });
  }
  world.run();
  EXPECT_EQ(answered + failed, 400);
  EXPECT_LE(failed, 12) << "two tries at 5 % loss each way fail one time in a hundred";
  EXPECT_GT(b.figures().sessions_answered, 300u);
  EXPECT_TRUE(a.rtt(keys_b.public_key()));
}

TEST(OneshotEndpoint, going_away_ends_what_is_under_way) {
  sim::World world;
  sim::Network network(world, 7);
  SeededRandom random(3);
  auto keys = NodeKeys::generate(random), other = NodeKeys::generate(random);
  auto socket = network.open(place(1));
  std::optional<Error> heard;
  {
    Endpoint a(*socket, world, random, keys);
    a.request(other.public_key(), place(2), {}, world.now() + 1s,
              [&](Result<Bytes> answer) { heard = answer.error(); });
    EXPECT_FALSE(heard) << "never inside the call";
  }
  EXPECT_EQ(heard, make_error_code(Errc::closed));
  world.run();
}

TEST(OneshotEndpoint, works_over_real_sockets) {
  boost::asio::io_context context(1);
  io::AsioClock clock(context.get_executor());
  SystemRandom random;
  auto keys_a = NodeKeys::generate(random), keys_b = NodeKeys::generate(random);
  auto local = *io::Endpoint::parse("127.0.0.1:0");
  auto socket_a = *io::Udp::open(context.get_executor(), local), socket_b = *io::Udp::open(context.get_executor(), local);
  io::Demux demux_a(*socket_a), demux_b(*socket_b);
  Endpoint a(demux_a.channel(io::Demux::Kind::oneshot), clock, random, keys_a);
  Endpoint b(demux_b.channel(io::Demux::Kind::oneshot), clock, random, keys_b);
  b.on_request([](const NodeKey&, const io::Endpoint&, ByteView body) { return std::optional(copy(body)); });
  int answered = 0;
  std::function<void()> ask = [&] {
    a.request(keys_b.public_key(), socket_b->local(), view("real"), clock.now() + 2s, [&](Result<Bytes> answer) {
      ASSERT_TRUE(answer);
      if (++answered < 100) ask();
    });
  };
  ask();
  for (int turns = 0; turns < 200 && answered < 100; ++turns) context.run_for(10ms);
  EXPECT_EQ(answered, 100);
}

}  // namespace
