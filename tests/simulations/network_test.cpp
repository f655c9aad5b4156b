#include "simulations/network.hpp"

#include <gtest/gtest.h>

using namespace conclave;
using namespace std::chrono_literals;

namespace {

io::Endpoint at(Byte a, std::uint16_t port = 1000) { return {io::IpAddress::v4(203, 0, a, 1), port}; }

struct Ear {
  explicit Ear(std::unique_ptr<io::Datagrams> s) : socket(std::move(s)) {
    socket->on_receive([this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) {
        heard.emplace_back(text(packet.bytes));
        from.push_back(packet.from);
      }
    });
  }
  std::unique_ptr<io::Datagrams> socket;
  std::vector<std::string> heard;
  std::vector<io::Endpoint> from;
};

TEST(Network, a_datagram_arrives_after_half_the_round_trip_of_its_pair) {
  sim::World world;
  sim::Network network(world, 1, {.rtt_sigma = 0});
  Ear a(network.open(at(1))), b(network.open(at(2)));
  a.socket->send(at(2), view("hello"));
  world.run(TimePoint(39ms));
  EXPECT_TRUE(b.heard.empty());
  world.run(TimePoint(40ms));
  EXPECT_EQ(b.heard, std::vector<std::string>{"hello"});
  EXPECT_EQ(b.from.at(0), at(1));
  EXPECT_EQ(network.traffic(at(1).ip).bytes_sent, 5u + 28u);
}

TEST(Network, segments_become_datagrams_in_order) {
  sim::World world;
  sim::Network network(world, 1, {.jitter = 20ms});
  Ear a(network.open(at(1))), b(network.open(at(2)));
  a.socket->send(at(2), view("aabbccd"), 2);
  world.run();
  EXPECT_EQ(b.heard, (std::vector<std::string>{"aa", "bb", "cc", "d"}));
}

TEST(Network, the_same_seed_gives_the_same_delays_and_losses) {
  auto run = [](std::uint64_t seed) {
    sim::World world;
    sim::Network network(world, seed, {.jitter = 5ms, .loss = 0.3, .duplicates = 0.1, .reorder = true});
    Ear a(network.open(at(1))), b(network.open(at(2)));
    for (int i = 0; i < 200; ++i) a.socket->send(at(2), view(std::to_string(i)));
    world.run();
    return std::pair(b.heard, world.now());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
  auto arrived = run(1).first.size();
  EXPECT_GT(arrived, 120u);
  EXPECT_LT(arrived, 190u);
}

TEST(Network, median_round_trip_is_what_was_asked_for) {
  sim::World world;
  sim::Network network(world, 7);
  std::vector<Duration> drawn;
  for (Byte a = 0; a < 50; ++a)
    for (Byte b = 0; b < a; ++b) drawn.push_back(network.rtt(at(a).ip, at(b).ip));
  std::sort(drawn.begin(), drawn.end());
  EXPECT_NEAR(static_cast<double>(drawn[drawn.size() / 2].count()), 80'000, 6'000);
  EXPECT_GT(drawn[drawn.size() * 95 / 100], 180ms);
}

TEST(Network, groups_hear_only_their_own_and_the_down_hear_nothing) {
  sim::World world;
  sim::Network network(world, 1);
  Ear a(network.open(at(1))), b(network.open(at(2))), c(network.open(at(3)));
  network.set_group(at(2).ip, 1);
  network.set_down(at(3).ip, true);
  a.socket->send(at(2), view("x"));
  a.socket->send(at(3), view("x"));
  world.run();
  EXPECT_TRUE(b.heard.empty() && c.heard.empty());
  network.set_group(at(2).ip, 0);
  network.set_down(at(3).ip, false);
  a.socket->send(at(2), view("y"));
  a.socket->send(at(3), view("y"));
  world.run();
  EXPECT_EQ(b.heard.size() + c.heard.size(), 2u);
}

TEST(Network, a_bottleneck_queues_and_then_drops) {
  sim::World world;
  sim::Network network(world, 1, {.rtt_sigma = 0, .bytes_per_second = 100'000, .queue_max = 100ms});
  Ear a(network.open(at(1))), b(network.open(at(2)));
  Bytes thousand(972);
  for (int i = 0; i < 50; ++i) a.socket->send(at(2), thousand);
  world.run();
  EXPECT_EQ(b.heard.size(), 11u) << "ten wait up to 100 ms, one is on the wire";
  EXPECT_EQ(world.now(), TimePoint(40ms + 110ms));
}

struct NatCase {
  sim::NatKind kind;
  bool same_port_to_all, stranger_port_passes, stranger_host_passes;
};

TEST(Nat, maps_and_filters_as_RFC_4787_names_it) {
  for (auto expected : {NatCase{sim::NatKind::full_cone, true, true, true},
                        NatCase{sim::NatKind::address_restricted, true, true, false},
                        NatCase{sim::NatKind::port_restricted, true, false, false},
                        NatCase{sim::NatKind::symmetric, false, false, false},
                        NatCase{sim::NatKind::sequential, false, false, false}}) {
    sim::World world;
    sim::Network network(world, 1);
    auto& router = network.router(at(9).ip, expected.kind);
    Ear home(network.open_behind(router, {io::IpAddress::v4(192, 168, 0, 2), 7000}));
    Ear one(network.open(at(1))), other_port(network.open(at(1, 2000))), two(network.open(at(2))),
        stranger(network.open(at(3)));
    home.socket->send(at(1), view("out"));
    home.socket->send(at(2), view("out"));
    world.run();
    ASSERT_EQ(one.from.size() + two.from.size(), 2u);
    EXPECT_EQ(one.from[0].ip, at(9).ip);
    EXPECT_EQ(one.from[0] == two.from[0], expected.same_port_to_all);
    one.socket->send(one.from[0], view("answer"));
    other_port.socket->send(one.from[0], view("other port"));
    stranger.socket->send(one.from[0], view("stranger"));
    world.run();
    EXPECT_EQ(home.heard.size(), 1u + expected.stranger_port_passes + expected.stranger_host_passes);
    world.at(world.now() + sim::Router::mapping_lifetime + 1s, [] {});  // time passes
    world.run();
    one.socket->send(one.from[0], view("late"));
    world.run();
    EXPECT_EQ(home.heard.size(), 1u + expected.stranger_port_passes + expected.stranger_host_passes)
        << "mappings end";
  }
}

}  // namespace
