// The swarm over real nQUIC connections, in virtual time.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "simulations/network.hpp"
#include "transport/quic/endpoint.hpp"
#include "transport/swarm/swarm.hpp"

using namespace conclave;
using namespace std::chrono_literals;
using conclave::address::PeerAddress;
using conclave::swarm::Swarm;
namespace asio = boost::asio;

namespace {

class Carrier final : public swarm::Carrier {
 public:
  explicit Carrier(quic::Endpoint& endpoint) : endpoint_(endpoint) {}
  bool carries(PeerAddress::Transport transport) const override { return transport == PeerAddress::Transport::nquic; }
  asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(PeerAddress address, NodeKey node,
                                                                TimePoint deadline) override {
    return endpoint_.dial(address.endpoint, node, deadline);
  }
  void on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) override {
    endpoint_.on_accept(std::move(accepted));
  }

 private:
  quic::Endpoint& endpoint_;
};

struct Node {
  Node(sim::World& world, sim::Network& network, Byte name)
      : random(name), keys(NodeKeys::generate(random)), at{io::IpAddress::v4(50, name, 0, 1), 4000},
        socket(network.open(at)), endpoint(world.context().get_executor(), world, *socket, keys, random),
        carrier(endpoint), swarm(world.context().get_executor(), world, keys.public_key(), {&carrier}) {
    swarm.handle("/echo/1", [this](Swarm::ConnectionPtr, std::unique_ptr<io::Stream> stream) -> asio::awaitable<void> {
      ++served;
      Bytes buffer(100);
      auto got = co_await stream->read_some(buffer);
      if (got) (void)co_await stream->write_all(ByteView(buffer).first(*got));
      (void)co_await stream->close_write();
    });
  }
  std::vector<PeerAddress> addresses() const { return {{PeerAddress::Transport::nquic, at, {}, {}}}; }
  SeededRandom random;
  NodeKeys keys;
  io::Endpoint at;
  std::unique_ptr<io::Datagrams> socket;
  quic::Endpoint endpoint;
  Carrier carrier;
  Swarm swarm;
  int served = 0;
};

/// Dials, says something at once, and counts the echo.
asio::awaitable<void> talk(Node& from, Node& to, TimePoint deadline, int& echoed) {
  auto connection = co_await from.swarm.dial(to.keys.public_key(), to.addresses(), deadline);
  if (!connection) co_return;
  auto stream = co_await (*connection)->open("/echo/1");
  if (!stream || !co_await (*stream)->write_all(view("hello"))) co_return;
  Bytes heard(5);
  if (co_await io::read_exactly(**stream, heard) && text(heard) == "hello") ++echoed;
}

TEST(SwarmOverNquic, crossing_dials_end_in_one_connection_and_lose_no_stream) {
  for (int offset_ms : {0, 5, 30, 60}) {
    sim::World world;
    sim::Network network(world, 3);
    Node a(world, network, 1), b(world, network, 2);
    int echoed = 0;
    asio::co_spawn(world.context(), talk(a, b, world.now() + 10s, echoed), asio::detached);
    world.at(world.now() + std::chrono::milliseconds(offset_ms), [&] {
      asio::co_spawn(world.context(), talk(b, a, world.now() + 10s, echoed), asio::detached);
    });
    world.run_for(2s);
    EXPECT_EQ(echoed, 2) << offset_ms;
    world.run_for(20s);
    auto here = a.swarm.find(b.keys.public_key());
    auto there = b.swarm.find(a.keys.public_key());
    ASSERT_TRUE(here && there) << offset_ms;
    EXPECT_NE(here->dialled_by_us(), there->dialled_by_us()) << "both kept the same one, " << offset_ms;
    EXPECT_EQ(a.endpoint.status().connections, 1u) << offset_ms;
    EXPECT_EQ(b.endpoint.status().connections, 1u) << offset_ms;
    for (auto* node : {&a, &b}) asio::co_spawn(world.context(), node->swarm.close(), asio::detached);
    world.run_for(2s);
  }
}

TEST(SwarmOverNquic, the_wrong_key_at_the_right_address_is_no_connection) {
  sim::World world;
  sim::Network network(world, 3);
  Node a(world, network, 1), b(world, network, 2), c(world, network, 3);
  std::optional<Result<Swarm::ConnectionPtr>> result;
  asio::co_spawn(
      world.context(),
      [](Node& from, Node& wanted, Node& other, TimePoint deadline,
         std::optional<Result<Swarm::ConnectionPtr>>& out) -> asio::awaitable<void> {
        out = co_await from.swarm.dial(wanted.keys.public_key(), other.addresses(), deadline);
      }(a, c, b, world.now() + 3s, result),
      asio::detached);
  world.run_for(5s);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error(), Errc::timed_out);
  for (auto* node : {&a, &b, &c}) asio::co_spawn(world.context(), node->swarm.close(), asio::detached);
  world.run_for(2s);
}

}  // namespace
