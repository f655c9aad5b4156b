#include "transport/webrtc/sctp.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/random.hpp"
#include "tests/transport/webrtc/virtual_wall.hpp"
#include "transport/webrtc/dcep.hpp"

namespace conclave::webrtc {
namespace {

struct Pair {
  TimePoint now{std::chrono::hours(1)};
  Sctp a{1160}, b{1160};
  std::size_t carried = 0;
  std::function<bool(std::size_t)> lost = [](std::size_t) { return false; };
  std::vector<Sctp::Message> at_a, at_b;

  Pair() { test::virtual_wall = now; }
  ~Pair() { test::virtual_wall.reset(); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  bool carry(Sctp& from, Sctp& to, std::vector<Sctp::Message>& heard) {
    auto packets = from.take_packets();
    for (auto& packet : packets) {
      EXPECT_LE(packet.size(), 1160u);
      if (!lost(carried++)) to.receive(packet, now);
    }
    for (auto& message : to.take_messages()) heard.push_back(std::move(message));
    return !packets.empty();
  }
  void run(Duration span) {
    for (auto end = now + span; now < end; now += Sctp::tick) {
      test::virtual_wall = now;
      Sctp::advance(now);
      for (bool more = true; more;) {
        more = carry(a, b, at_b);
        more = carry(b, a, at_a) || more;
      }
    }
  }
};

TEST(Sctp, channel_0_carries_messages_of_any_size_both_ways_without_being_opened) {
  Pair pair;
  pair.run(std::chrono::seconds(1));
  ASSERT_EQ(pair.a.state(), Sctp::State::connected);
  ASSERT_EQ(pair.b.state(), Sctp::State::connected);
  Bytes big(Sctp::message_max, Byte{9});
  ASSERT_TRUE(pair.a.send(0, view("hello"), true));
  ASSERT_TRUE(pair.a.send(0, {}, true));
  ASSERT_TRUE(pair.a.send(0, big, false));
  ASSERT_TRUE(pair.b.send(0, view("back"), false));
  EXPECT_EQ(pair.a.send(0, Bytes(big.size() + 1), false).error(), Errc::too_long);
  EXPECT_EQ(pair.a.send(3, view("x"), false).error(), Errc::not_found);
  pair.run(std::chrono::seconds(2));
  ASSERT_EQ(pair.at_b.size(), 3);
  EXPECT_EQ(text(pair.at_b[0].bytes), "hello");
  EXPECT_TRUE(pair.at_b[0].text);
  EXPECT_TRUE(pair.at_b[1].bytes.empty());
  EXPECT_EQ(pair.at_b[2].bytes, big);
  ASSERT_EQ(pair.at_a.size(), 1);
  EXPECT_FALSE(pair.at_a[0].text);
}

RC_GTEST_PROP(Sctp, messages_arrive_once_and_in_order_whatever_is_lost, ()) {
  Pair pair;
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  pair.lost = [&](std::size_t) { return random.below(10) == 0; };
  pair.run(std::chrono::seconds(20));
  RC_ASSERT(pair.a.state() == Sctp::State::connected);
  for (Byte i = 0; i < 50; ++i) RC_ASSERT(pair.a.send(0, Bytes(1 + i * 100u, i), false).has_value());
  for (int i = 0; i < 30 && pair.at_b.size() < 50; ++i) pair.run(std::chrono::seconds(10));
  RC_ASSERT(pair.at_b.size() == 50u);
  for (Byte i = 0; i < 50; ++i) RC_ASSERT(pair.at_b[i].bytes == Bytes(1 + i * 100u, i));
}

TEST(Sctp, a_peer_that_does_not_take_what_we_send_makes_sending_fail_rather_than_memory_grow) {
  Pair pair;
  pair.run(std::chrono::seconds(1));
  pair.lost = [](std::size_t) { return true; };
  Bytes message(Sctp::message_max);
  std::size_t sent = 0;
  while (sent < 100 && pair.a.send(0, message, false)) ++sent;
  EXPECT_LE(sent, 2 + Sctp::unsent_max / Sctp::message_max);
  EXPECT_EQ(pair.a.send(0, message, false).error(), Errc::limit_reached);
}

TEST(Sctp, closing_one_end_closes_the_other) {
  Pair pair;
  pair.run(std::chrono::seconds(1));
  pair.a.close();
  pair.run(std::chrono::seconds(1));
  EXPECT_EQ(pair.b.state(), Sctp::State::closed);
  EXPECT_EQ(pair.b.send(0, view("x"), true).error(), Errc::closed);
}

RC_GTEST_PROP(Dcep, an_open_reads_as_it_was_written, (Byte type, std::uint16_t priority, std::uint32_t reliability)) {
  auto label = *rc::gen::resize(60, rc::gen::arbitrary<std::string>());
  ChannelOpen open{type, priority, reliability, label, "p"};
  auto bytes = encode(open);
  RC_ASSERT(decode_channel_open(bytes).value() == open);
  bytes.pop_back();
  RC_ASSERT(!decode_channel_open(bytes));
}

}  // namespace
}  // namespace conclave::webrtc
