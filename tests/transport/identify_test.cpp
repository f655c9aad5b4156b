#include "transport/identify/identify.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/varint.hpp"
#include "simulations/world.hpp"
#include "tests/transport/pipe.hpp"
#include "transport/identify/ping.hpp"
#include "transport/wire/delimited.hpp"
#include "transport/wire/protobuf.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using identify::Identity;

namespace {

Identity some_identity() {
  SeededRandom random(1);
  Identity out;
  out.key = NodeKeys::generate(random).public_key();
  out.listening = {*address::Multiaddr::parse("/ip4/1.2.3.4/tcp/4001"),
                   *address::Multiaddr::parse("/ip6/::1/tcp/4001/ws")};
  out.protocols = {"/ipfs/ping/1.0.0", "/conclave/chat/1"};
  out.observed = *address::Multiaddr::parse("/ip4/5.6.7.8/tcp/9");
  out.protocol_version = "ipfs/0.1.0";
  out.agent = "conclave/0.1.0";
  return out;
}

/// What `hear` makes of these bytes, which arrive in pieces of `piece`.
Result<Identity> heard(Bytes bytes, NodeKey peer, std::size_t piece = 1000) {
  sim::World world;
  Result<Identity> out = fail(Errc::timed_out);
  test::PipeSettings settings;
  settings.cut = [piece](std::size_t) { return piece; };
  auto [ours, theirs] = test::Pipe::make(world.context().get_executor(), world, settings);
  asio::co_spawn(
      world.context(),
      [](io::Stream& from, io::Stream& to, Bytes said, NodeKey key, Result<Identity>& result) -> asio::awaitable<void> {
        (void)co_await to.write_all(said);
        (void)co_await to.close_write();
        result = co_await identify::hear(from, key);
      }(*ours, *theirs, bytes, peer, out),
      asio::detached);
  world.run();
  return out;
}

Bytes delimited(ByteView message) {
  Bytes out;
  codec::append_varint(out, message.size());
  append(out, message);
  return out;
}

TEST(Identify, comes_back_as_it_went) {
  auto ours = some_identity();
  Identity read;
  ASSERT_TRUE(identify::decode_identity(identify::encode_identity(ours), read));
  EXPECT_EQ(read, ours);
}

TEST(Identify, has_the_layout_of_the_specification) {
  Identity small;
  small.agent = "a";
  small.protocols = {"/b"};
  EXPECT_EQ(hex(identify::encode_identity(small)), "1a022f62320161");
}

TEST(Identify, parts_are_merged_and_unknown_fields_skipped) {
  auto ours = some_identity();
  auto first = identify::encode_identity(ours);
  wire::ProtobufWriter more;
  more.text(3, "/more/1");
  more.bytes(8, Bytes(100));  // a signed peer record
  more.number(77, 5);
  auto bytes = delimited(first);
  append(bytes, delimited(more.take()));
  auto read = heard(bytes, *ours.key, 3);
  ASSERT_TRUE(read);
  ours.protocols.push_back("/more/1");
  EXPECT_EQ(*read, ours);
}

TEST(Identify, an_address_that_does_not_parse_is_left_out) {
  wire::ProtobufWriter message;
  message.bytes(2, Bytes{0xff, 0xff, 0x7f});
  message.bytes(2, address::Multiaddr::parse("/ip4/1.2.3.4/tcp/1")->encode());
  Identity read;
  ASSERT_TRUE(identify::decode_identity(message.take(), read));
  EXPECT_EQ(read.listening.size(), 1u);
}

TEST(Identify, a_key_other_than_the_connections_is_refused) {
  auto ours = some_identity();
  EXPECT_EQ(heard(delimited(identify::encode_identity(ours)), NodeKey{}).error(), Errc::bad_key);
}

TEST(Identify, is_bounded) {
  Identity many = some_identity();
  many.protocols.assign(1000, "/x");
  many.listening.assign(100, many.listening.front());
  Identity read;
  ASSERT_TRUE(identify::decode_identity(identify::encode_identity(many), read));
  EXPECT_EQ(read.protocols.size(), Identity::protocols_max);
  EXPECT_EQ(read.listening.size(), Identity::addresses_max);
  Identity long_name;
  long_name.agent.assign(257, 'x');
  EXPECT_EQ(identify::decode_identity(identify::encode_identity(long_name), read).error(), Errc::too_long);
  EXPECT_EQ(heard(Bytes{0x81, 0x40}, {}).error(), Errc::too_long) << "8193 bytes announced";
  Bytes endless;
  for (int i = 0; i < 12; ++i) append(endless, delimited({}));
  EXPECT_EQ(heard(endless, {}).error(), Errc::limit_reached);
  EXPECT_EQ(heard({}, {}).error(), Errc::end_of_stream);
  EXPECT_EQ(heard(Bytes{5, 1}, {}).error(), Errc::malformed);
}

RC_GTEST_PROP(Identify, noise_gives_an_identity_or_an_error, (const Bytes& noise)) {
  Identity read;
  (void)identify::decode_identity(noise, read);
  RC_ASSERT(read.protocols.size() <= Identity::protocols_max);
}

RC_GTEST_PROP(Identify, damage_is_survived, ()) {
  auto bytes = identify::encode_identity(some_identity());
  bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] ^= static_cast<Byte>(1 << *rc::gen::inRange(0, 8));
  Identity read;
  (void)identify::decode_identity(bytes, read);
}

TEST(Ping, measures_the_round_trip) {
  sim::World world;
  test::PipeSettings slow;
  slow.delay = 40ms;
  auto [ours, theirs] = test::Pipe::make(world.context().get_executor(), world, slow);
  std::vector<Duration> measured;
  bool answered_to_the_end = false;
  asio::co_spawn(
      world.context(),
      [](io::Stream& stream, io::Clock& clock, std::vector<Duration>& out) -> asio::awaitable<void> {
        SeededRandom random(1);
        for (int i = 0; i < 2; ++i) out.push_back(*co_await identify::ping(stream, clock, random));
        (void)co_await stream.close_write();
      }(*ours, world, measured),
      asio::detached);
  asio::co_spawn(
      world.context(),
      [](io::Stream& stream, bool& done) -> asio::awaitable<void> {
        done = (co_await identify::answer_pings(stream)).has_value();
      }(*theirs, answered_to_the_end),
      asio::detached);
  world.run();
  EXPECT_EQ(measured, (std::vector<Duration>{80ms, 80ms}));
  EXPECT_TRUE(answered_to_the_end);
}

TEST(Ping, a_wrong_echo_and_an_end_inside_a_ping_are_errors) {
  sim::World world;
  auto [ours, theirs] = test::Pipe::make(world.context().get_executor(), world);
  Error wrong_echo;
  Error cut_short;
  asio::co_spawn(
      world.context(),
      [](io::Stream& a, io::Stream& b, io::Clock& clock, Error& echo, Error& cut) -> asio::awaitable<void> {
        SeededRandom random(1);
        Bytes zeros(32);
        (void)co_await b.write_all(zeros);
        echo = (co_await identify::ping(a, clock, random)).error();
        (void)co_await b.write_all(ByteView(zeros).first(7));
        (void)co_await b.close_write();
        cut = (co_await identify::answer_pings(a)).error();
      }(*ours, *theirs, world, wrong_echo, cut_short),
      asio::detached);
  world.run();
  EXPECT_EQ(wrong_echo, Errc::malformed);
  EXPECT_EQ(cut_short, Errc::malformed);
}

}  // namespace
