#include "transport/tcp/transport.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "transport/identify/identify.hpp"
#include "transport/identify/ping.hpp"
#include "transport/io/scope.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// A node with nothing but this transport, which echoes and answers pings and identify.
class Node {
 public:
  Node(asio::io_context& context, io::Clock& clock, Random& random, tcp::TransportSettings settings = {})
      : keys_(NodeKeys::generate(random)),
        serving_(context.get_executor(), clock),
        transport(context.get_executor(), clock, random, keys_, with_protocols(std::move(settings))) {
    transport.on_accept([this](auto connection) { serving_.start(serve(connection)); });
  }
  static tcp::TransportSettings with_protocols(tcp::TransportSettings settings) {
    settings.speaks = [](std::string_view name) {
      return name == "/echo/1" || name == identify::protocol || name == identify::ping_protocol;
    };
    return settings;
  }
  const NodeKey& key() const { return keys_.public_key(); }
  asio::awaitable<void> close() {
    co_await transport.close();
    co_await serving_.close();
  }
  std::size_t accepted = 0;

 private:
  asio::awaitable<void> serve(std::shared_ptr<io::Connection> connection) {
    ++accepted;
    for (;;) {
      auto incoming = co_await connection->accept();
      if (!incoming) co_return;
      serving_.start(answer(std::move(*incoming), connection));
    }
  }
  asio::awaitable<void> answer(io::Connection::Incoming incoming, std::shared_ptr<io::Connection>) {
    auto stream = std::move(incoming.stream);
    if (incoming.protocol == identify::ping_protocol) {
      (void)co_await identify::answer_pings(*stream);
    } else if (incoming.protocol == identify::protocol) {
      identify::Identity ours;
      ours.key = key();
      ours.agent = "test";
      (void)co_await identify::tell(*stream, ours);
    } else {
      Bytes buffer(65536);
      for (;;) {
        auto size = co_await stream->read_some(buffer);
        if (!size || !co_await stream->write_all(ByteView(buffer).first(*size))) break;
      }
      (void)co_await stream->close_write();
    }
  }

  NodeKeys keys_;
  io::Scope serving_;

 public:
  tcp::Transport transport;
};

struct Sockets : testing::Test {
  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  SystemRandom random;

  void run(asio::awaitable<void> work) {
    std::exception_ptr error;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr e) { error = e; });
    context.run();
    context.restart();
    if (error) std::rethrow_exception(error);
  }
};

asio::awaitable<void> send(std::shared_ptr<io::Stream> stream, Bytes bytes) {
  EXPECT_TRUE(co_await stream->write_all(bytes));
  EXPECT_TRUE(co_await stream->close_write());
}

asio::awaitable<Bytes> read_to_end(io::Stream& stream) {
  Bytes out;
  Bytes buffer(65536);
  for (;;) {
    auto size = co_await stream.read_some(buffer);
    if (!size) {
      EXPECT_EQ(size.error(), Errc::end_of_stream);
      co_return out;
    }
    append(out, ByteView(buffer).first(*size));
  }
}

asio::awaitable<void> talk(Node& ours, Node& theirs, io::Endpoint to, io::Connection::Kind kind, io::Clock& clock,
                           Random& random) {
  auto connection = co_await ours.transport.dial(to, theirs.key(), clock.now() + 5s, kind);
  EXPECT_TRUE(connection) << connection.error().message();
  if (!connection) co_return;
  EXPECT_EQ((*connection)->peer(), theirs.key());
  EXPECT_EQ((*connection)->kind(), kind);

  auto ping_stream = co_await (*connection)->open(std::string(identify::ping_protocol));
  auto rtt = co_await identify::ping(**ping_stream, clock, random);
  EXPECT_TRUE(rtt) << rtt.error().message();

  auto id_stream = co_await (*connection)->open(std::string(identify::protocol));
  auto identity = co_await identify::hear(**id_stream, theirs.key());
  EXPECT_TRUE(identity) << identity.error().message();
  if (identity) EXPECT_EQ(identity->agent, "test");

  Bytes payload(3'000'000);
  random.fill(payload);
  io::Scope scope(co_await asio::this_coro::executor, clock);
  auto echo = co_await (*connection)->open("/echo/1");
  std::shared_ptr<io::Stream> stream = std::move(*echo);
  scope.start(send(stream, payload));
  EXPECT_TRUE(co_await read_to_end(*stream) == payload);

  auto unknown = co_await (*connection)->open("/unheard-of/1");
  Byte byte;
  EXPECT_EQ((co_await (*unknown)->read_some({&byte, 1})).error(), Errc::unsupported);
  EXPECT_FALSE((*connection)->closed());
  (*connection)->close();
  EXPECT_TRUE((*connection)->closed());
}

asio::awaitable<void> both_kinds(Node& ours, Node& theirs, io::Clock& clock, Random& random) {
  auto at = theirs.transport.listen({io::IpAddress::v4(127, 0, 0, 1), 0});
  EXPECT_TRUE(at);
  co_await talk(ours, theirs, *at, io::Connection::Kind::tcp, clock, random);
  co_await talk(ours, theirs, *at, io::Connection::Kind::websocket, clock, random);
  EXPECT_EQ(theirs.accepted, 2u);
  co_await ours.close();
  co_await theirs.close();
}

TEST_F(Sockets, one_port_serves_tcp_and_websocket) {
  Node ours(context, clock, random), theirs(context, clock, random);
  run(both_kinds(ours, theirs, clock, random));
}

TEST_F(Sockets, without_the_early_muxer_a_round_trip_agrees_it) {
  tcp::TransportSettings late;
  late.early_muxer = false;
  Node ours(context, clock, random, late), theirs(context, clock, random);
  run(both_kinds(ours, theirs, clock, random));
}

}  // namespace
