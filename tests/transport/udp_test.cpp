#include "transport/io/udp.hpp"

#include "transport/io/demux.hpp"

#include <set>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <thread>

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Batching = io::Udp::Batching;

namespace {

struct Heard {
  io::Endpoint from;
  io::IpAddress to;
  Bytes bytes;
  Duration waited;
};

struct Listener {
  explicit Listener(io::Datagrams& socket) {
    socket.on_receive([this](std::span<const io::Packet> packets) {
      ++batches;
      for (auto& packet : packets) heard.push_back({packet.from, packet.to, copy(packet.bytes), packet.waited});
    });
  }
  std::vector<Heard> heard;
  int batches = 0;
};

std::unique_ptr<io::Udp> bound(asio::io_context& context, std::string_view address, Batching batching) {
  auto udp = io::Udp::open(context.get_executor(), *io::Endpoint::parse(address), batching);
  EXPECT_TRUE(udp) << udp.error().message();
  return std::move(*udp);
}

void run(asio::io_context& context, const std::function<bool()>& done) {
  for (int turns = 0; turns < 200 && !done(); ++turns) context.run_for(10ms);
}

class Udp : public testing::TestWithParam<Batching> {
 protected:
  asio::io_context context{1};
};

TEST_P(Udp, sends_many_datagrams_to_several_places_in_their_order) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  auto b = bound(context, "127.0.0.1:0", GetParam());
  auto c = bound(context, "127.0.0.1:0", GetParam());
  Listener at_b(*b), at_c(*c);
  std::vector<Bytes> texts;
  std::vector<io::Departing> departing;
  for (Byte i = 0; i < 150; ++i) texts.push_back(Bytes(100 + i, i));
  for (Byte i = 0; i < 150; ++i)
    departing.push_back({i % 2 ? c->local() : b->local(), std::nullopt, texts[i], 0});
  const Bytes three(250, Byte{200});
  departing.push_back({b->local(), io::IpAddress::v4(127, 0, 0, 1), three, 100});
  EXPECT_EQ(a->send_many(departing), departing.size());
  run(context, [&] { return at_b.heard.size() == 78 && at_c.heard.size() == 75; });
  ASSERT_EQ(at_b.heard.size(), 78u);
  ASSERT_EQ(at_c.heard.size(), 75u);
  for (std::size_t i = 0; i < 75; ++i) {
    EXPECT_EQ(at_b.heard[i].bytes, texts[2 * i]);
    EXPECT_EQ(at_c.heard[i].bytes, texts[2 * i + 1]);
  }
  EXPECT_EQ(at_b.heard[75].bytes.size(), 100u);
  EXPECT_EQ(at_b.heard[77].bytes.size(), 50u);
}

TEST_P(Udp, carries_datagrams_both_ways_and_says_who_sent_them) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  auto b = bound(context, "127.0.0.1:0", GetParam());
  Listener at_a(*a), at_b(*b);
  EXPECT_TRUE(a->send(b->local(), view("ping")));
  run(context, [&] { return !at_b.heard.empty(); });
  ASSERT_EQ(at_b.heard.size(), 1u);
  EXPECT_EQ(at_b.heard[0].from, a->local());
  EXPECT_EQ(at_b.heard[0].to, io::IpAddress::v4(127, 0, 0, 1));
  EXPECT_TRUE(b->send(at_b.heard[0].from, view("pong"), 0, at_b.heard[0].to));
  run(context, [&] { return !at_a.heard.empty(); });
  ASSERT_EQ(at_a.heard.size(), 1u);
  EXPECT_EQ(text(at_a.heard[0].bytes), "pong");
}

TEST_P(Udp, says_how_long_a_datagram_lay_unread) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  auto b = bound(context, "127.0.0.1:0", GetParam());
  Listener at_b(*b);
  // Where this is the first socket that wants stamps, the kernel begins with them a little later.
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(a->send(b->local(), view("early")));
  std::this_thread::sleep_for(60ms);
  EXPECT_TRUE(a->send(b->local(), view("late")));
  run(context, [&] { return at_b.heard.size() == 2; });
  ASSERT_EQ(at_b.heard.size(), 2u);
  if (GetParam() == Batching::none) {
    EXPECT_EQ(at_b.heard[0].waited, 0ms) << "the portable socket does not know";
    return;
  }
  EXPECT_GE(at_b.heard[0].waited, 60ms);
  EXPECT_GE(at_b.heard[0].waited - at_b.heard[1].waited, 59ms);
}

TEST_P(Udp, cuts_a_batch_into_the_same_segments_on_the_other_side) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  auto b = bound(context, "127.0.0.1:0", GetParam());
  Listener at_b(*b);
  Bytes bytes(150 * 1200 + 77);  // more than one GSO send may carry
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<Byte>(i / 1200);
  EXPECT_TRUE(a->send(b->local(), bytes, 1200));
  run(context, [&] { return at_b.heard.size() >= 151; });
  ASSERT_EQ(at_b.heard.size(), 151u);
  Bytes joined;
  for (std::size_t i = 0; i < 151; ++i) {
    EXPECT_EQ(at_b.heard[i].bytes.size(), i < 150 ? 1200u : 77u);
    append(joined, at_b.heard[i].bytes);
  }
  EXPECT_EQ(joined, bytes);
  if (GetParam() == Batching::automatic) {
    EXPECT_LT(at_b.batches, 10);
  }
}

TEST_P(Udp, one_dual_stack_socket_serves_v4_and_v6) {
  auto server = bound(context, "[::]:0", GetParam());
  Listener at_server(*server);
  auto v4 = bound(context, "127.0.0.1:0", GetParam());
  EXPECT_TRUE(v4->send({io::IpAddress::v4(127, 0, 0, 1), server->local_port()}, view("four")));
  run(context, [&] { return !at_server.heard.empty(); });
  ASSERT_EQ(at_server.heard.size(), 1u);
  EXPECT_EQ(at_server.heard[0].from, v4->local()) << "a v4 peer appears as v4, not as v4-mapped v6";
  if (server->local().ip.family != io::IpAddress::Family::v6) GTEST_SKIP() << "this machine has no IPv6";
  auto v6 = io::Udp::open(context.get_executor(), *io::Endpoint::parse("[::1]:0"), GetParam());
  if (!v6) GTEST_SKIP() << "no [::1] here: " << v6.error().message();
  EXPECT_TRUE((*v6)->send({*io::IpAddress::parse("::1"), server->local_port()}, view("six")));
  run(context, [&] { return at_server.heard.size() > 1; });
  ASSERT_EQ(at_server.heard.size(), 2u);
  EXPECT_EQ(at_server.heard[1].from, (*v6)->local());
}

TEST_P(Udp, what_cannot_be_reached_is_lost_not_an_error) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  EXPECT_TRUE(a->send(*io::Endpoint::parse("[2001:db8::1]:9"), view("no such family here")));
  EXPECT_TRUE(a->send(*io::Endpoint::parse("127.0.0.1:9"), Bytes(70000)));
  bool ready = false;
  a->when_sendable([&] { ready = true; });
  run(context, [&] { return ready; });
  EXPECT_TRUE(ready);
}

TEST_P(Udp, a_taken_port_is_an_error) {
  auto a = bound(context, "127.0.0.1:0", GetParam());
  auto b = io::Udp::open(context.get_executor(), a->local(), GetParam());
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error(), std::errc::address_in_use);
}

INSTANTIATE_TEST_SUITE_P(Both, Udp, testing::Values(Batching::automatic, Batching::none),
                         [](const auto& info) {
                           return std::string(info.param == Batching::automatic ? "batched" : "plain");
                         });

// A socket on the wildcard address answers from the address it was asked at: anything else breaks ICE and
// NATs.
TEST(UdpBatched, answers_from_the_address_the_packet_came_to) {
  asio::io_context context{1};
  for (auto wildcard : {"0.0.0.0:0", "[::]:0"}) {
    auto server = bound(context, wildcard, Batching::automatic);
    auto client = bound(context, "127.0.0.1:0", Batching::automatic);
    Listener at_server(*server), at_client(*client);
    EXPECT_TRUE(client->send({io::IpAddress::v4(127, 0, 0, 77), server->local_port()}, view("ping")));
    run(context, [&] { return !at_server.heard.empty(); });
    ASSERT_EQ(at_server.heard.size(), 1u);
    EXPECT_EQ(at_server.heard[0].to, io::IpAddress::v4(127, 0, 0, 77));
    EXPECT_TRUE(server->send(at_server.heard[0].from, view("pong"), 0, at_server.heard[0].to));
    run(context, [&] { return !at_client.heard.empty(); });
    ASSERT_EQ(at_client.heard.size(), 1u);
    EXPECT_EQ(at_client.heard[0].from,
              (io::Endpoint{io::IpAddress::v4(127, 0, 0, 77), server->local_port()}));
  }
}

/// A socket by hand.
class Pipe final : public io::Datagrams {
 public:
  bool send(const io::Endpoint&, ByteView, std::size_t, const std::optional<io::IpAddress>&) override {
    return true;
  }
  void when_sendable(std::function<void()>) override {}
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  std::uint16_t local_port() const override { return 1; }
  void arrive(std::span<const Bytes> datagrams) {
    std::vector<io::Packet> packets;
    for (auto& bytes : datagrams) packets.push_back({{}, {}, bytes});
    if (receiver_) receiver_(packets);
  }

 private:
  Receiver receiver_;
};

TEST(Demux, every_first_byte_goes_where_the_table_says) {
  using Kind = io::Demux::Kind;
  Pipe pipe;
  io::Demux demux(pipe);
  std::map<Kind, std::set<int>> heard;
  for (auto kind : {Kind::stun, Kind::oneshot, Kind::media, Kind::dtls, Kind::quic, Kind::rtp})
    demux.on(kind, [&heard, kind](std::span<const io::Packet> packets) {
      for (auto& packet : packets) heard[kind].insert(packet.bytes[0]);
    });
  std::vector<Bytes> all;
  for (int first = 0; first < 256; ++first) all.push_back({static_cast<Byte>(first), 0});
  all.push_back({});
  pipe.arrive(all);
  auto range = [](int from, int to, std::set<int> out = {}) {
    for (; from <= to; ++from) out.insert(from);
    return out;
  };
  EXPECT_EQ(heard[Kind::stun], range(0, 3));
  EXPECT_EQ(heard[Kind::oneshot], range(4, 15));
  EXPECT_EQ(heard[Kind::media], range(16, 19));
  EXPECT_EQ(heard[Kind::dtls], range(20, 63));
  EXPECT_EQ(heard[Kind::quic], range(64, 127, range(192, 255)));
  EXPECT_EQ(heard[Kind::rtp], range(128, 191));
}

TEST(Demux, a_receiver_may_remove_itself_while_it_runs) {
  Pipe pipe;
  io::Demux demux(pipe);
  int calls = 0;
  auto& channel = demux.channel(io::Demux::Kind::stun);
  channel.on_receive([&](std::span<const io::Packet>) {
    ++calls;
    channel.on_receive({});
  });
  pipe.arrive(std::vector<Bytes>{{1}, {200}, {1}});
  EXPECT_EQ(calls, 1) << "what nobody listens for is dropped";
}

}  // namespace
