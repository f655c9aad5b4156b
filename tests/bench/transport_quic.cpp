// nQUIC's own cases: a stream, datagrams, handshakes.
#include "crypto/noise/handshake.hpp"
#include "tests/bench/transport_bench.hpp"
#include "transport/io/event.hpp"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <malloc.h>

namespace conclave::bench {
namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace {

struct Side {
  double cpu = 0, seconds = 0;
  std::uint64_t count = 0;
};

[[noreturn]] void give_up(const char* what, Error error) {
  std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
  std::exit(1);
}

asio::awaitable<std::shared_ptr<io::Connection>> dial(End& from, io::Endpoint to, NodeKey peer) {
  auto connection = co_await from.endpoint.dial(to, peer, from.clock.now() + 10s);
  if (!connection) give_up("dial", connection.error());
  co_return *connection;
}

/// Runs `receive` on core 1 as soon as a connection comes in, and `send` on core 0.
void on_two_cores(quic::Settings settings,
                  std::function<asio::awaitable<void>(End&, std::shared_ptr<io::Connection>)> send,
                  std::function<asio::awaitable<void>(End&, std::shared_ptr<io::Connection>)> receive) {
  End server(1, settings), client(2, settings);
  server.endpoint.on_accept([&](std::shared_ptr<io::Connection> connection) {
    asio::co_spawn(server.context, receive(server, std::move(connection)), asio::detached);
  });
  std::thread thread([&] {
    pin(1);
    server.context.run();
  });
  pin(0);
  asio::co_spawn(
      client.context,
      [](End& end, io::Endpoint to, NodeKey peer, decltype(send)& work) -> asio::awaitable<void> {
        auto connection = co_await dial(end, to, peer);
        co_await work(end, connection);
        connection->close();
        end.context.stop();
      }(client, server.at(), server.keys.public_key(), send),
      asio::detached);
  client.context.run();
  thread.join();
}

}  // namespace

Figures stream(quic::Suite suite) {
  Side out, in;
  const auto bytes = volume(2000);
  on_two_cores(
      settings_for(suite),
      [&](End&, std::shared_ptr<io::Connection> connection) -> asio::awaitable<void> {
        auto stream = co_await connection->open("/bench/1");
        Bytes block(256 << 10, 0x5a);
        auto cpu = thread_cpu(), start = wall();
        for (std::size_t sent = 0; sent < bytes; sent += block.size())
          if (auto written = co_await (*stream)->write_all(block); !written)
            give_up("write", written.error());
        (void)co_await (*stream)->close_write();
        Bytes answer(1);
        (void)co_await (*stream)->read_some(answer);  // the other side has everything
        out = {thread_cpu() - cpu, wall() - start, bytes};
      },
      [&](End& end, std::shared_ptr<io::Connection> connection) -> asio::awaitable<void> {
        auto next = co_await connection->accept();
        Bytes buffer(256 << 10);
        auto cpu = thread_cpu(), start = wall();
        while (auto size = co_await next->stream->read_some(buffer)) in.count += *size;
        in.cpu = thread_cpu() - cpu;
        in.seconds = wall() - start;
        (void)co_await next->stream->close_write();
        co_await connection->wait_closed();
        end.context.stop();
      });
  auto gigabytes = static_cast<double>(in.count) / 1e9;
  return {{"throughput", gigabytes / out.seconds, "GB/s"},
          {"sender_cpu", out.cpu / gigabytes, "s/GB"},
          {"receiver_cpu", in.cpu / gigabytes, "s/GB"},
          {"cpu_both", (out.cpu + in.cpu) / gigabytes, "s/GB"}};
}

Figures datagrams() {
  constexpr std::size_t size = 100;
  constexpr double seconds = 2;
  Side out, in;
  auto settings = settings_for(quic::preferred_suites().front());
  settings.datagrams_max = 65536;
  on_two_cores(
      settings,
      [&](End& end, std::shared_ptr<io::Connection> connection) -> asio::awaitable<void> {
        Bytes datagram(size, 1);
        auto cpu = thread_cpu(), start = wall();
        while (wall() - start < seconds) {
          int burst = 0;
          while (burst < 4096 && connection->send_datagram(datagram)) ++burst;
          out.count += static_cast<std::uint64_t>(burst);
          co_await io::sleep_until(end.clock, end.clock.now() + (burst < 4096 ? 200us : 0us));
        }
        out.cpu = thread_cpu() - cpu;
        out.seconds = wall() - start;
      },
      [&](End& end, std::shared_ptr<io::Connection> connection) -> asio::awaitable<void> {
        auto cpu = thread_cpu(), start = wall();
        while (auto datagram = co_await connection->receive_datagram()) ++in.count;
        in = {thread_cpu() - cpu, wall() - start, in.count};
        end.context.stop();
      });
  return {{"received", static_cast<double>(in.count) / out.seconds, "1/s"},
          {"lost_share", 1 - static_cast<double>(in.count) / static_cast<double>(out.count), ""},
          {"sender_us", out.cpu / static_cast<double>(in.count) * 1e6, "us each"},
          {"receiver_us", in.cpu / static_cast<double>(in.count) * 1e6, "us each"}};
}

Figures handshakes() {
  pin(0);
  auto settings = settings_for(quic::preferred_suites().front());
  settings.connections_max = 100'000;
  // Both on one thread, which sleeps when neither has anything to do.
  End server(1, settings), client(2, settings, &server);
  std::vector<std::shared_ptr<io::Connection>> accepted;
  server.endpoint.on_accept(
      [&](std::shared_ptr<io::Connection> connection) { accepted.push_back(std::move(connection)); });
  std::vector<std::shared_ptr<io::Connection>> dialled;
  double sum = 0;
  auto turn = [&] { server.context.run_one_for(10ms); };
  // All stay open until the end: what a goodbye costs is another question.
  auto dial_many = [&](std::size_t wanted) {
    asio::co_spawn(
        client.context,
        [](End& end, io::Endpoint to, NodeKey peer, std::size_t count,
           std::vector<std::shared_ptr<io::Connection>>& out, double& total) -> asio::awaitable<void> {
          while (out.size() < count) {
            auto start = wall();
            out.push_back(co_await dial(end, to, peer));
            total += wall() - start;
          }
        }(client, server.at(), server.keys.public_key(), wanted, dialled, sum),
        asio::detached);
    while (dialled.size() < wanted || accepted.size() < wanted) turn();
  };
  // A node that has run for a while has its memory; a first round, let go again, stands for that while.
  constexpr std::size_t wanted = 1000;
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  dial_many(wanted);
  dialled.clear();
  accepted.clear();
  for (auto end = wall() + 1.5; wall() < end;) turn();
  // The bare cost: what Noise IK multiplies on both sides, two ephemeral keys and four shared secrets each.
  // Both know the other's key from before; the conversion of a new one is a multiplication more on either
  // side. In turns with the handshakes, since the processor is not equally fast in every second.
  auto pair = noise::KeyPair::of(client.keys);
  auto multiply = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      for (int k = 0; k < 2; ++k) (void)crypto::x25519_public(pair.secret);
      for (int k = 0; k < 8; ++k) (void)crypto::x25519_shared(pair.secret, pair.public_key);
    }
  };
  constexpr std::size_t turns = 20;
  constexpr int rounds = 15;
  sum = 0;
  double cpu = 0, seconds = 0, bare = 0;
  for (std::size_t i = 1; i <= turns; ++i) {
    auto cpu_before = thread_cpu(), start = wall();
    dial_many(wanted * i / turns);
    cpu += thread_cpu() - cpu_before;
    seconds += wall() - start;
    cpu_before = thread_cpu();
    multiply(rounds);
    bare += (thread_cpu() - cpu_before) / (rounds * turns);
  }
  return {{"handshakes", wanted / seconds, "1/s on one core, both sides"},
          {"cpu_each", cpu / wanted * 1e6, "us"},
          {"x25519_alone", bare * 1e6, "us (10 multiplications)"},
          {"share_of_x25519", bare / (cpu / wanted), ""},
          {"mean_latency", sum / wanted * 1e3, "ms"}};
}

}  // namespace conclave::bench
