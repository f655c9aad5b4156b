#pragma once
/// Two nQUIC endpoints on a simulated network, and the few words that most tests say with them.
#include "simulations/network.hpp"
#include "transport/quic/connection.hpp"
#include "transport/quic/endpoint.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace conclave::quic::test {
using namespace std::chrono_literals;
namespace asio = boost::asio;

inline const io::Endpoint alice_at{io::IpAddress::v4(10, 1, 0, 1), 4001};
inline const io::Endpoint bob_at{io::IpAddress::v4(10, 2, 0, 1), 4002};

inline NodeKeys node_keys(std::uint64_t seed) {
  SeededRandom random(seed, 77);
  return NodeKeys::generate(random);
}

inline sim::Conditions conditions(Duration rtt = 40ms, double loss = 0) {
  sim::Conditions out;
  out.rtt_median = rtt;
  out.rtt_sigma = 0;
  out.loss = loss;
  return out;
}

/// What became of a coroutine.
template <class T>
struct Outcome {
  std::optional<T> value;
};

struct World {
  explicit World(sim::Conditions how = conditions(), std::uint64_t seed = 1)
      : network(world, seed, how), random(seed, 1), alice_keys(node_keys(1)), bob_keys(node_keys(2)) {
    crypto::init();
    alice_socket = network.open(alice_at);
    bob_socket = network.open(bob_at);
    start_alice();
    start_bob();
  }
  void start_alice(Settings settings = {}) {
    alice = std::make_unique<Endpoint>(world.context().get_executor(), world, *alice_socket, alice_keys,
                                       random, std::move(settings));
  }
  void start_bob(Settings settings = {}) {
    bob.reset();
    bob = std::make_unique<Endpoint>(world.context().get_executor(), world, *bob_socket, bob_keys, random,
                                     std::move(settings));
    bob->on_accept([this](std::shared_ptr<io::Connection> connection) {
      accepted.push_back(std::static_pointer_cast<Connection>(std::move(connection)));
    });
  }

  /// Runs a coroutine to its end, or until virtual `patience` is over.
  template <class T>
  std::optional<T> run(asio::awaitable<T> work, Duration patience = 60s) {
    auto outcome = std::make_shared<Outcome<T>>();
    asio::co_spawn(
        world.context(),
        [](asio::awaitable<T> inner, std::shared_ptr<Outcome<T>> out) -> asio::awaitable<void> {
          out->value.emplace(co_await std::move(inner));
        }(std::move(work), outcome),
        asio::detached);
    world.run_until([&] { return outcome->value.has_value(); }, world.now() + patience);
    return std::move(outcome->value);
  }

  Result<std::shared_ptr<Connection>> dial(const NodeKey& peer, Duration patience = 5s) {
    auto out = run(alice->dial(bob_at, peer, world.now() + patience), patience + 1s);
    if (!out) return fail(Errc::timed_out);
    if (!*out) return fail(out->error());
    return std::static_pointer_cast<Connection>(**out);
  }
  /// A connection that both sides have.
  std::pair<std::shared_ptr<Connection>, std::shared_ptr<Connection>> connect() {
    auto ours = dial(bob_keys.public_key());
    if (!ours) {
      ADD_FAILURE() << "dial: " << ours.error().message();
      std::abort();
    }
    auto before = accepted.size();
    world.run_until([&] { return (*ours)->confirmed() && accepted.size() > before - (before > 0 ? 1 : 0); },
                    world.now() + 5s);
    return {*ours, accepted.back()};
  }

  sim::World world;
  sim::Network network;
  SeededRandom random;
  NodeKeys alice_keys, bob_keys;
  std::unique_ptr<io::Datagrams> alice_socket, bob_socket;
  std::unique_ptr<Endpoint> alice, bob;
  std::vector<std::shared_ptr<Connection>> accepted;
};

inline asio::awaitable<Result<Bytes>> read_to_end(std::shared_ptr<io::Stream> stream) {
  Bytes out, buffer(64 * 1024);
  while (true) {
    auto size = co_await stream->read_some(buffer);
    if (!size && size.error() == Errc::end_of_stream) co_return out;
    if (!size) co_return fail(size.error());
    append(out, ByteView(buffer).first(*size));
  }
}

inline asio::awaitable<void> say(std::shared_ptr<io::Stream> stream, Bytes words) {
  if (co_await stream->write_all(words)) (void)co_await stream->close_write();
}

/// Opens a stream, says everything, and meanwhile reads the answer to its end.
inline asio::awaitable<Result<Bytes>> ask(std::shared_ptr<io::Connection> connection, std::string protocol,
                                          Bytes question) {
  CO_TRY(auto opened, co_await connection->open(std::move(protocol)));
  std::shared_ptr<io::Stream> stream = std::move(opened);
  asio::co_spawn(co_await asio::this_coro::executor, say(stream, std::move(question)), asio::detached);
  co_return co_await read_to_end(stream);
}

/// Answers one stream with what it said.
inline asio::awaitable<void> echo(std::shared_ptr<io::Stream> stream) {
  Bytes buffer(64 * 1024);
  while (true) {
    auto size = co_await stream->read_some(buffer);
    if (!size) break;
    if (!co_await stream->write_all(ByteView(buffer).first(*size))) co_return;
  }
  (void)co_await stream->close_write();
}

inline asio::awaitable<void> echo_all(std::shared_ptr<io::Connection> connection) {
  auto executor = co_await asio::this_coro::executor;
  while (true) {
    auto next = co_await connection->accept();
    if (!next) co_return;
    asio::co_spawn(executor, echo(std::move(next->stream)), asio::detached);
  }
}

inline Bytes pattern(std::size_t size) {
  Bytes out(size);
  SeededRandom(size).fill(out);
  return out;
}

}  // namespace conclave::quic::test
