// nQUIC over real sockets and real time: the same code as in the simulations, on loopback.
#include "tests/transport/quic_pair.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"

#include <boost/asio/io_context.hpp>

using namespace conclave;
using namespace conclave::quic;
using namespace conclave::quic::test;

namespace {

struct Node {
  Node(asio::io_context& context, std::uint64_t seed, std::string_view at, io::Udp::Batching batching)
      : clock(context.get_executor()),
        keys(node_keys(seed)),
        udp(std::move(*io::Udp::open(context.get_executor(), *io::Endpoint::parse(at), batching))),
        demux(*udp),
        endpoint(context.get_executor(), clock, demux.channel(io::Demux::Kind::quic), keys, random) {}
  io::AsioClock clock;
  SystemRandom random;
  NodeKeys keys;
  std::unique_ptr<io::Udp> udp;
  io::Demux demux;
  Endpoint endpoint;
};

class QuicSocket : public testing::TestWithParam<io::Udp::Batching> {};

TEST_P(QuicSocket, carries_a_stream_between_two_nodes_on_loopback) {
  crypto::init();
  asio::io_context context{1};
  Node server(context, 1, "0.0.0.0:0", GetParam()), client(context, 2, "0.0.0.0:0", GetParam());
  std::vector<std::shared_ptr<io::Connection>> accepted;
  server.endpoint.on_accept([&](std::shared_ptr<io::Connection> connection) {
    accepted.push_back(connection);
    asio::co_spawn(context, echo_all(connection), asio::detached);
  });
  std::optional<Result<Bytes>> answer;
  auto question = pattern(2'000'000);
  asio::co_spawn(
      context,
      [](Node& from, Node& to, Bytes bytes, std::optional<Result<Bytes>>& out) -> asio::awaitable<void> {
        io::Endpoint at{io::IpAddress::v4(127, 0, 0, 1), to.udp->local_port()};
        auto connection = co_await from.endpoint.dial(at, to.keys.public_key(), from.clock.now() + 5s);
        if (!connection) {
          out = fail(connection.error());
          co_return;
        }
        out = co_await ask(*connection, "/conclave/echo/1", bytes);
      }(client, server, question, answer),
      asio::detached);
  for (int turns = 0; turns < 1000 && !answer; ++turns) context.run_for(10ms);
  ASSERT_TRUE(answer);
  ASSERT_TRUE(*answer) << answer->error().message();
  EXPECT_EQ(**answer, question);
  EXPECT_EQ(server.endpoint.status().accepted, 1u);
  client.endpoint.close();
  context.run_for(20ms);
  EXPECT_TRUE(accepted[0]->closed());
}

INSTANTIATE_TEST_SUITE_P(Both, QuicSocket,
                         testing::Values(io::Udp::Batching::automatic, io::Udp::Batching::none),
                         [](const auto& info) {
                           return std::string(info.param == io::Udp::Batching::automatic ? "batched"
                                                                                         : "plain");
                         });

}  // namespace
