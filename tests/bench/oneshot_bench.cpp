// What one-shot requests cost over real sockets on loopback, beside a bare UDP echo over the same sockets.
//
//     build/release/bench_oneshot [--json]
//
// Two nodes, each on a thread and a core of its own, as on two machines: on one core, what an asker does after its
// question is sent would stand before the answer. "first" is a request to a node that has never been talked to: whole
// handshakes, each from a new asker. "session" is every later one. CPU is user and system time of the whole
// process, so both ends and the kernel's part are in it.
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/oneshot/endpoint.hpp"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

using namespace conclave;

namespace {

using Steady = std::chrono::steady_clock;

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto us = [](timeval time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Keeps the calling thread on the `nth` of the cores that this process may use.
void stay_on_core(int nth) {
  cpu_set_t allowed, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &allowed) && nth-- == 0) CPU_SET(core, &one);
  if (CPU_COUNT(&one) == 1) pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

struct Measured {
  double p50 = 0, p95 = 0;  ///< µs, wall
  double cpu = 0;           ///< µs per request, both ends
};

Measured summary(std::vector<double> walls, double cpu) {
  std::ranges::sort(walls);
  auto at = [&](double share) {
    return walls[static_cast<std::size_t>(share * static_cast<double>(walls.size() - 1))];
  };
  return {at(0.5), at(0.95), cpu / static_cast<double>(walls.size())};
}

struct Machine {
  Machine()
      : socket(*io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"))), demux(*socket) {}
  boost::asio::io_context context{1};
  SystemRandom random;
  NodeKeys keys = NodeKeys::generate(random);
  io::AsioClock clock{context.get_executor()};
  std::unique_ptr<io::Udp> socket;
  io::Demux demux;
  io::Datagrams& channel() { return demux.channel(io::Demux::Kind::oneshot); }
};

/// Calls `start(finished)` `count` times, `at_once` of them under way, and measures each.
Measured repeat(Machine& asker, int count, const std::function<void(std::function<void()>)>& start,
                int at_once = 1) {
  std::vector<double> walls;
  auto cpu = cpu_us();
  int started = 0;
  std::function<void()> next = [&] {
    if (static_cast<int>(walls.size()) == count) return asker.context.stop();
    if (started == count) return;
    ++started;
    start([&, begin = Steady::now()] {
      walls.push_back(std::chrono::duration<double, std::micro>(Steady::now() - begin).count());
      boost::asio::post(asker.context, next);
    });
  };
  for (int i = 0; i < at_once; ++i) boost::asio::post(asker.context, next);
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

void spin(double us) {
  for (auto begin = Steady::now();
       std::chrono::duration<double, std::micro>(Steady::now() - begin).count() < us;) {
  }
}

/// A bare UDP echo: what the sockets, the kernel and the waking of threads cost.
Measured bare_echo(Machine& asker, Machine& answerer, int count) {
  std::function<void()> heard;
  asker.channel().on_receive([&](std::span<const io::Packet>) { heard(); });
  Bytes packet(400);
  packet[0] = 4;
  return repeat(asker, count, [&](std::function<void()> finished) {
    heard = std::move(finished);
    asker.channel().send(answerer.socket->local(), packet);
  });
}

/// The same between threads that have slept a millisecond, as first requests come to sleeping nodes, over an
/// answerer that takes its time, as it does for its half of a handshake: meanwhile the asker falls asleep and
/// has to be woken.
double rested_rtt_us(Machine& asker, Machine& answerer, int count, double busy_us) {
  std::vector<double> walls;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    walls.push_back(bare_echo(asker, answerer, 1).p50);
  }
  return summary(std::move(walls), 0).p50 - busy_us;
}

}  // namespace

int main(int argc, char** argv) {
  bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  crypto::init();
  Machine asker, answerer;
  auto x25519 = bare_x25519_us(asker.random);
  std::atomic<double> busy_us = 0;
  answerer.channel().on_receive([&](std::span<const io::Packet> packets) {
    spin(busy_us);
    for (auto& packet : packets) answerer.channel().send(packet.from, packet.bytes);
  });
  std::thread thread([&] {
    stay_on_core(1);
    auto guard = boost::asio::make_work_guard(answerer.context);
    answerer.context.run();
  });
  stay_on_core(0);
  auto bare = bare_echo(asker, answerer, 5000);
  busy_us = 4 * x25519;
  auto rested = rested_rtt_us(asker, answerer, 400, busy_us);

  oneshot::Limits limits;
  limits.unproven_share = 1;  // this measures the price, not the brake
  std::unique_ptr<oneshot::Endpoint> there;
  std::atomic<bool> ready = false;
  boost::asio::post(answerer.context, [&] {
    there = std::make_unique<oneshot::Endpoint>(answerer.channel(), answerer.clock, answerer.random,
                                                answerer.keys, limits);
    there->on_request(
        [](const NodeKey&, const io::Endpoint&, ByteView body) { return std::optional(copy(body)); });
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
  auto ask = [&](std::function<void()> finished) {
    here->request(to, answerer.socket->local(), body, asker.clock.now() + std::chrono::seconds(5),
                  [finished, &used](Result<Bytes> answer) {
                    used += answer.has_value();
                    finished();
                  });
  };
  constexpr int sessions = 20'000, at_once = 32;
  auto session = repeat(asker, sessions, ask);
  auto many = repeat(asker, sessions, ask, at_once);
  bool whole = used == 2 * sessions + firsts;
  boost::asio::post(answerer.context, [&] {
    there.reset();
    answerer.context.stop();
  });
  thread.join();
  here.reset();

  const auto over = first.p50 - rested;
  if (json) {
    std::printf(
        "{\"x25519_us\": %.1f, \"bare_rtt_us\": %.1f, \"bare_cpu_us\": %.1f, \"rested_rtt_us\": %.1f, "
        "\"first_us\": %.1f, "
        "\"first_p95_us\": %.1f, \"first_over_rtt_us\": %.1f, \"first_cpu_us\": %.1f, \"session_us\": %.1f, "
        "\"session_cpu_us\": %.1f, \"session_cpu_over_bare_us\": %.1f, \"busy_session_cpu_us\": %.1f}\n",
        x25519, bare.p50, bare.cpu, rested, first.p50, first.p95, over, first.cpu, session.p50, session.cpu,
        session.cpu - bare.cpu, many.cpu);
  } else {
    std::printf(
        "figure oneshot bare UDP echo of 400 bytes: p50 %.1f us, %.1f us of CPU, both ends; between threads "
        "that "
        "slept, over an answerer that takes a handshake's time: p50 %.1f us more than that time\n",
        bare.p50, bare.cpu, rested);
    std::printf(
        "figure oneshot first request: p50 %.1f us, p95 %.1f us, %.1f us above the latter (goal 300), %.1f "
        "us of "
        "CPU; its eight X25519 operations alone %.1f us\n",
        first.p50, first.p95, over, first.cpu, 8 * x25519);
    std::printf(
        "figure oneshot request within a session: one after the other p50 %.1f us and %.1f us of CPU, %.1f "
        "above "
        "the bare echo; %d at once %.1f us of CPU each, both ends with the kernel (goal 20)\n",
        session.p50, session.cpu, session.cpu - bare.cpu, at_once, many.cpu);
  }
  if (!whole) std::fprintf(stderr, "some requests were not answered\n");
  return whole ? 0 : 1;
}
