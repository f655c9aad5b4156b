#include "node/node.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "simulations/network.hpp"
#include "simulations/world.hpp"

// Whole nodes over a simulated network, in virtual time.

using namespace conclave;
using namespace std::chrono_literals;
using node::Node;
namespace asio = boost::asio;

namespace {

/// One account's node, at an address of its own.
struct Peer {
  Peer(sim::World& the_world, sim::Network& network, Byte number)
      : world(the_world),
        random(number),
        at{io::IpAddress::v4(192, 0, 2, number), 4000},
        socket(network.open(at)),
        account(AccountKeys::generate(random)),
        keys(NodeKeys::generate(random)) {
    start();
  }
  ~Peer() { stop(); }

  void start() {
    node = std::make_unique<Node>(
        node::Surroundings{world.context().get_executor(), world, random, socket.get(), {at}},
        node::Profile::in_memory(account, keys, world.unix_now()));
    EXPECT_TRUE(run(node->start()));
  }
  void stop() {
    if (!node) return;
    bool closed = false;
    asio::co_spawn(
        world.context(),
        [](Node& closing, bool& done) -> asio::awaitable<void> {
          co_await closing.close();
          done = true;
        }(*node, closed),
        asio::detached);
    EXPECT_TRUE(world.run_until([&] { return closed; }, world.now() + 60s));
    node.reset();
  }
  /// What an operation of the node comes to, in virtual time.
  template <class T>
  Result<T> run(asio::awaitable<Result<T>> work) {
    std::optional<Result<T>> out;
    asio::co_spawn(
        world.context(),
        [](asio::awaitable<Result<T>> job, std::optional<Result<T>>& to) -> asio::awaitable<void> {
          to = co_await std::move(job);
        }(std::move(work), out),
        asio::detached);
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, world.now() + 60s));
    return out ? *out : fail(Errc::timed_out);
  }
  std::vector<chat::Message> history(const Peer& with) { return *run(node->history(with.node->account(), 0, 500)); }
  void befriend(const Peer& other) {
    EXPECT_TRUE(run(node->add_contact(*contacts::parse_link(other.node->link()), "")));
  }

  sim::World& world;
  SeededRandom random;
  io::Endpoint at;
  std::unique_ptr<io::Datagrams> socket;
  AccountKeys account;
  NodeKeys keys;
  std::unique_ptr<Node> node;
};

struct NodeTest : testing::Test {
  sim::World world;
  sim::Network network{world, 1};
};

TEST_F(NodeTest, a_message_goes_by_key_to_a_given_address_and_a_receipt_comes_back) {
  Peer alice(world, network, 1);
  Peer bob(world, network, 2);
  bob.befriend(alice);
  alice.befriend(bob);
  auto begin = world.now();
  auto sent = alice.run(alice.node->send(bob.node->account(), "hello"));
  ASSERT_TRUE(sent) << sent.error().message();
  ASSERT_TRUE(world.run_until(
      [&] {
        auto messages = alice.history(bob);
        return !messages.empty() && messages[0].delivery == chat::Delivery::delivered;
      },
      begin + 10s));
  auto received = bob.history(alice);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].body, "hello");
  EXPECT_EQ(received[0].id, *sent);
  std::printf("figure %lld ms of virtual time from send to delivered, first contact included, round trip %lld ms\n",
              static_cast<long long>((world.now() - begin) / 1ms),
              static_cast<long long>(network.rtt(alice.at.ip, bob.at.ip) / 1ms));
}

}  // namespace
