#pragma once
/// What the cases of bench_transport share: two ends of a connection, each on its own thread and core.
#include "transport/io/clock.hpp"
#include "transport/io/event.hpp"
#include "transport/io/udp.hpp"
#include "transport/quic/connection.hpp"
#include "transport/quic/endpoint.hpp"

#include <ctime>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace conclave::bench {

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
};
using Figures = std::vector<Figure>;

struct Case {
  std::string name, what;
  std::function<Figures()> run;
};

/// CPU time of the calling thread, seconds.
inline double thread_cpu() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}
inline double wall() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}
/// From here on the calling thread stays on one core.
void pin(int core);
/// Bytes that a case moves; CONCLAVE_BENCH_MB overrides.
std::size_t volume(std::size_t megabytes);

/// One node: socket, clock, endpoint, on an io_context of its own or on that of another.
struct End {
  End(std::uint64_t seed, quic::Settings settings, End* beside = nullptr);
  boost::asio::io_context own{1};
  boost::asio::io_context& context;
  io::AsioClock clock{context.get_executor()};
  SystemRandom random;
  NodeKeys keys;
  std::unique_ptr<io::Udp> udp;
  quic::Endpoint endpoint;
  io::Endpoint at() const { return {io::IpAddress::v4(127, 0, 0, 1), udp->local_port()}; }
};
quic::Settings settings_for(quic::Suite suite);

Figures stream(quic::Suite suite);
Figures datagrams();
Figures handshakes();
Figures lossy_path();
Figures raw_udp();
Figures tcp_records();
Figures aead_alone();

}  // namespace conclave::bench
