// A long, fast, lossy path in this process: datagrams wait 20 ms each way, one in a hundred is lost, and a
// bottleneck with 50 ms of queue, about what the path itself holds, lets 500 Mbit/s through. (This machine's
// kernel has no netem.)
#include "tests/bench/transport_bench.hpp"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace conclave::bench {
namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace {

/// A socket whose packets take their time on the way out.
class SlowSocket final : public io::Datagrams {
 public:
  SlowSocket(io::Datagrams& inner, io::Clock& clock, std::uint64_t seed)
      : inner_(inner), clock_(clock), random_(seed) {}

  bool send(const io::Endpoint& to, ByteView bytes, std::size_t segment,
            const std::optional<io::IpAddress>&) override {
    if (segment == 0) segment = bytes.size();
    auto now = clock_.now();
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min(segment, bytes.size()));
      bytes = bytes.subspan(piece.size());
      if (random_.unit() < loss) continue;
      free_at_ = std::max(free_at_, static_cast<double>(now.time_since_epoch().count()));
      auto wait = free_at_ - static_cast<double>(now.time_since_epoch().count());
      if (wait > queue_us) {
        ++overflowed;
        continue;
      }
      free_at_ += static_cast<double>(piece.size() + 28) * 8 / rate_mbit;
      waiting_.push_back(
          {TimePoint(Duration(static_cast<Duration::rep>(free_at_) + delay_us)), to, copy(piece)});
    }
    arm();
    return true;
  }
  void when_sendable(std::function<void()> ready) override { inner_.when_sendable(std::move(ready)); }
  void on_receive(Receiver receiver) override { inner_.on_receive(std::move(receiver)); }
  std::uint16_t local_port() const override { return inner_.local_port(); }

  std::uint64_t overflowed = 0;

 private:
  struct Waiting {
    TimePoint at;
    io::Endpoint to;
    Bytes bytes;
  };
  static constexpr double loss = 0.01, rate_mbit = 500, queue_us = 50'000;
  static constexpr Duration::rep delay_us = 20'000;

  void arm() {
    if (armed_ || waiting_.empty()) return;
    armed_ = true;
    clock_.at(waiting_.front().at, [this] {
      armed_ = false;
      for (auto now = clock_.now(); !waiting_.empty() && waiting_.front().at <= now; waiting_.pop_front())
        inner_.send(waiting_.front().to, waiting_.front().bytes);
      arm();
    });
  }

  io::Datagrams& inner_;
  io::Clock& clock_;
  SeededRandom random_;
  double free_at_ = 0;
  bool armed_ = false;
  std::deque<Waiting> waiting_;
};

struct SlowEnd {
  explicit SlowEnd(std::uint64_t seed)
      : keys([seed] {
          SeededRandom random_keys(seed);
          return NodeKeys::generate(random_keys);
        }()),
        udp(std::move(*io::Udp::open(context.get_executor(), {io::IpAddress::v4(127, 0, 0, 1), 0}))),
        slow(*udp, clock, seed),
        endpoint(context.get_executor(), clock, slow, keys, random) {}
  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  SystemRandom random;
  NodeKeys keys;
  std::unique_ptr<io::Udp> udp;
  SlowSocket slow;
  quic::Endpoint endpoint;
};

}  // namespace

Figures lossy_path() {
  SlowEnd server(1), client(2);
  const auto bytes = volume(200);
  double seconds = 0;
  server.endpoint.on_accept([&](std::shared_ptr<io::Connection> connection) {
    asio::co_spawn(
        server.context,
        [](SlowEnd& end, std::shared_ptr<io::Connection> link) -> asio::awaitable<void> {
          auto next = co_await link->accept();
          Bytes buffer(1 << 20);
          while (co_await next->stream->read_some(buffer)) {
          }
          (void)co_await next->stream->close_write();
          co_await link->wait_closed();
          end.context.stop();
        }(server, connection),
        asio::detached);
  });
  std::thread thread([&] {
    pin(1);
    server.context.run();
  });
  pin(0);
  asio::co_spawn(
      client.context,
      [](SlowEnd& from, SlowEnd& to, std::size_t size, double& took) -> asio::awaitable<void> {
        io::Endpoint at{io::IpAddress::v4(127, 0, 0, 1), to.udp->local_port()};
        auto connection = co_await from.endpoint.dial(at, to.keys.public_key(), from.clock.now() + 10s);
        if (!connection) std::exit(1);
        auto stream = co_await (*connection)->open("/bench/1");
        Bytes block(1 << 20, 1);
        auto start = wall();
        for (std::size_t sent = 0; sent < size; sent += block.size())
          (void)co_await (*stream)->write_all(block);
        (void)co_await (*stream)->close_write();
        Bytes answer(1);
        (void)co_await (*stream)->read_some(answer);
        took = wall() - start;
        (*connection)->close();
        co_await io::sleep_until(from.clock, from.clock.now() + 100ms);
        from.context.stop();
      }(client, server, bytes, seconds),
      asio::detached);
  client.context.run();
  thread.join();
  auto rate = static_cast<double>(bytes) * 8 / seconds / 1e6;
  return {{"seconds", seconds, "s"},
          {"rate", rate, "Mbit/s of payload"},
          {"share", rate / 500, "of the line"},
          {"queue_drops", static_cast<double>(client.slow.overflowed), "packets"}};
}

}  // namespace conclave::bench
