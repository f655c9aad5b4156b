// What one-shot requests cost over real sockets on loopback, beside a bare UDP echo over the same sockets.
//
//     build/release/bench_oneshot [--json]
//
// Two nodes, each on a thread of its own. "first" is a request to a node that has never been talked to: whole
// handshakes, each from a new asker. "session" is every later one. CPU is user and system time of the whole
// process, so both ends and the kernel's part are in it.
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstring>
#include <thread>

#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/oneshot/endpoint.hpp"

using namespace conclave;

namespace {

using Steady = std::chrono::steady_clock;

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto us = [](timeval time) { return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec); };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

struct Measured {
  double p50 = 0, p95 = 0;  ///< µs, wall
  double cpu = 0;           ///< µs per request, both ends
};

Measured summary(std::vector<double> walls, double cpu) {
  std::ranges::sort(walls);
  auto at = [&](double share) { return walls[static_cast<std::size_t>(share * static_cast<double>(walls.size() - 1))]; };
  return {at(0.5), at(0.95), cpu / static_cast<double>(walls.size())};
}

struct Machine {
  Machine() : socket(*io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"))), demux(*socket) {}
  boost::asio::io_context context{1};
  SystemRandom random;
  NodeKeys keys = NodeKeys::generate(random);
  io::AsioClock clock{context.get_executor()};
  std::unique_ptr<io::Udp> socket;
  io::Demux demux;
  io::Datagrams& channel() { return demux.channel(io::Demux::Kind::oneshot); }
};

/// Calls `start(finished)` `count` times, one after the other, and measures each.
Measured repeat(Machine& asker, int count, const std::function<void(std::function<void()>)>& start) {
  std::vector<double> walls;
  auto cpu = cpu_us();
  Steady::time_point begin;
  std::function<void()> next = [&] {
    if (static_cast<int>(walls.size()) == count) return asker.context.stop();
    begin = Steady::now();
    start([&] {
      walls.push_back(std::chrono::duration<double, std::micro>(Steady::now() - begin).count());
      boost::asio::post(asker.context, next);
    });
  };
  boost::asio::post(asker.context, next);
  asker.context.restart();
  auto guard = boost::asio::make_work_guard(asker.context);
  asker.context.run();
  return summary(std::move(walls), cpu_us() - cpu);
}

/// One X25519 operation on this machine at this moment: eight of them stand between question and answer.
double bare_x25519_us(Random& random) {
  auto secret = NodeKeys::generate(random).x25519_secret();
  auto theirs = crypto::x25519_public(secret);
  auto best = 1e9;
  for (int round = 0; round < 20; ++round) {
    auto begin = Steady::now();
    for (int i = 0; i < 20; ++i) (void)crypto::x25519_shared(secret, theirs);
    best = std::min(best, std::chrono::duration<double, std::micro>(Steady::now() - begin).count() / 20);
  }
  return best;
}

/// `pause_ms` before each: a thread that slept takes longer to wake, and first requests come to sleeping nodes.
Measured bare_echo(Machine& asker, Machine& answerer, int count, int pause_ms) {
  std::function<void()> heard;
  asker.channel().on_receive([&](std::span<const io::Packet>) { heard(); });
  Bytes packet(400);
  packet[0] = 4;
  auto send = [&](std::function<void()> finished) {
    heard = std::move(finished);
    asker.channel().send(answerer.socket->local(), packet);
  };
  if (pause_ms == 0) return repeat(asker, count, send);
  std::vector<double> walls;
  double cpu = 0;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    auto one = repeat(asker, 1, send);
    walls.push_back(one.p50);
    cpu += one.cpu;
  }
  return summary(std::move(walls), cpu);
}

}  // namespace

int main(int argc, char** argv) {
  bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  crypto::init();
  Machine asker, answerer;
  auto echo = [&](std::span<const io::Packet> packets) {
    for (auto& packet : packets) answerer.channel().send(packet.from, packet.bytes);
  };
  answerer.channel().on_receive(echo);
  std::thread thread([&] {
    auto guard = boost::asio::make_work_guard(answerer.context);
    answerer.context.run();
  });
  auto bare = bare_echo(asker, answerer, 5000, 0);
  auto rested = bare_echo(asker, answerer, 400, 1);

  oneshot::Limits limits;
  limits.unproven_share = 1;  // this measures the price, not the brake
  std::unique_ptr<oneshot::Endpoint> there;
  std::atomic<bool> ready = false;
  boost::asio::post(answerer.context, [&] {
    there = std::make_unique<oneshot::Endpoint>(answerer.channel(), answerer.clock, answerer.random, answerer.keys, limits);
    there->on_request([](const NodeKey&, const io::Endpoint&, ByteView body) { return std::optional(copy(body)); });
    ready = true;
  });
  while (!ready) std::this_thread::yield();

  constexpr int firsts = 400;
  std::vector<NodeKeys> identities;
  for (int i = 0; i < firsts; ++i) identities.push_back(NodeKeys::generate(asker.random));
  std::unique_ptr<oneshot::Endpoint> here;
  std::size_t used = 0;
  Bytes body(100, 'q');
  auto& to = answerer.keys.public_key();
  std::vector<double> walls;
  double cpu = 0;
  for (auto& identity : identities) {
    here.reset();
    here = std::make_unique<oneshot::Endpoint>(asker.channel(), asker.clock, asker.random, identity);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    auto one = repeat(asker, 1, [&](std::function<void()> finished) {
      here->request(to, answerer.socket->local(), body, asker.clock.now() + std::chrono::seconds(5),
                    [finished, &used](Result<Bytes> answer) {
                      used += answer.has_value();
                      finished();
                    });
    });
    walls.push_back(one.p50);
    cpu += one.cpu;
  }
  auto first = summary(std::move(walls), cpu);
  auto session = repeat(asker, 20'000, [&](std::function<void()> finished) {
    here->request(to, answerer.socket->local(), body, asker.clock.now() + std::chrono::seconds(5),
                  [finished, &used](Result<Bytes> answer) {
                    used += answer.has_value();
                    finished();
                  });
  });
  auto x25519 = bare_x25519_us(asker.random);
  bool whole = used == 20'000 + firsts;
  boost::asio::post(answerer.context, [&] {
    there.reset();
    answerer.context.stop();
  });
  thread.join();
  here.reset();

  if (json) {
    std::printf("{\"x25519_us\": %.1f, \"rested_rtt_us\": %.1f, \"bare_rtt_us\": %.1f, \"bare_cpu_us\": %.1f, \"first_us\": %.1f, \"first_p95_us\": %.1f, "
                "\"first_over_rtt_us\": %.1f, \"first_cpu_us\": %.1f, \"session_us\": %.1f, \"session_cpu_us\": %.1f, "
                "\"session_cpu_over_bare_us\": %.1f}\n",
                x25519, rested.p50, bare.p50, bare.cpu, first.p50, first.p95, first.p50 - rested.p50, first.cpu, session.p50, session.cpu,
                session.cpu - bare.cpu);
  } else {
    std::printf("figure oneshot bare UDP echo of 400 bytes: p50 %.1f us, %.1f us of CPU, both ends; p50 %.1f us "
                "between threads that slept a millisecond\n",
                bare.p50, bare.cpu, rested.p50);
    std::printf("figure oneshot first request: p50 %.1f us, p95 %.1f us, %.1f us above the echo between such threads (goal 300), %.1f us of CPU; "
                "its eight X25519 operations alone %.1f us\n",
                first.p50, first.p95, first.p50 - rested.p50, first.cpu, 8 * x25519);
    std::printf("figure oneshot request within a session: p50 %.1f us, %.1f us of CPU, both ends (goal 20), "
                "%.1f above the bare echo\n",
                session.p50, session.cpu, session.cpu - bare.cpu);
  }
  if (!whole) std::fprintf(stderr, "some requests were not answered\n");
  return whole ? 0 : 1;
}
