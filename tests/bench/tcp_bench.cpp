// Throughput of the libp2p stack on loopback, both ends in this process on a thread each: MB/s and CPU
// seconds per GB of both ends together, beside plain TCP that carries the same ChaCha20-Poly1305 records and
// beside plain TCP.
//
//   bench_tcp [megabytes]
#include "transport/tcp/socket.hpp"
#include "transport/tcp/transport.hpp"

#include <cstdio>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <sys/resource.h>

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr std::size_t block_size = 1 << 20;
constexpr std::size_t records_per_write = 4;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Cost {
  double seconds;
  double cpu;
};

void report(const char* what, std::size_t bytes, Cost result) {
  auto gigabytes = static_cast<double>(bytes) / 1e9;
  std::printf("figure %s: %.0f MB/s, %.2f CPU s/GB both ends\n", what, gigabytes * 1000 / result.seconds,
              result.cpu / gigabytes);
}

/// A node with a thread.
struct Node {
  explicit Node(std::uint64_t seed) : random(seed), keys(NodeKeys::generate(random)) {}
  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  SeededRandom random;
  NodeKeys keys;
};

asio::awaitable<void> drain(io::Stream& stream, std::size_t bytes) {
  Bytes buffer(block_size);
  while (bytes > 0) {
    auto size = co_await stream.read_some(buffer);
    if (!size) std::abort();
    bytes -= *size;
  }
  Byte done = 1;
  (void)co_await stream.write_all({&done, 1});
}

asio::awaitable<void> fill(io::Stream& stream, std::size_t bytes) {
  Bytes block(block_size, 'x');
  for (std::size_t sent = 0; sent < bytes; sent += block.size()) {
    if (!co_await stream.write_all(block)) std::abort();
  }
  Byte done;
  (void)co_await stream.read_some({&done, 1});
}

// ---- The whole stack.

asio::awaitable<void> serve(std::shared_ptr<io::Connection> connection, std::size_t bytes,
                            tcp::Transport& transport) {
  auto incoming = co_await connection->accept();
  co_await drain(*incoming->stream, bytes);
  co_await connection->wait_closed();
  co_await transport.close();
}

asio::awaitable<void> send_through(Node& node, io::Endpoint to, NodeKey peer, io::Connection::Kind kind,
                                   std::size_t bytes, Cost& out) {
  tcp::Transport transport(node.context.get_executor(), node.clock, node.random, node.keys);
  auto connection = co_await transport.dial(to, peer, node.clock.now() + 5s, kind);
  if (!connection) std::abort();
  auto stream = co_await (*connection)->open("/bench/1");
  auto cpu = cpu_seconds();
  auto begin = node.clock.now();
  co_await fill(**stream, bytes);
  out = {std::chrono::duration<double>(node.clock.now() - begin).count(), cpu_seconds() - cpu};
  (*connection)->close();
  co_await transport.close();
}

Cost whole_stack(io::Connection::Kind kind, std::size_t bytes) {
  Node near(1), far(2);
  tcp::Transport transport(far.context.get_executor(), far.clock, far.random, far.keys);
  transport.on_accept([&](auto connection) {
    asio::co_spawn(far.context, serve(connection, bytes, transport), asio::detached);
  });
  auto at = *transport.listen({io::IpAddress::v4(127, 0, 0, 1), 0});
  std::thread thread([&] { far.context.run(); });
  Cost out{};
  asio::co_spawn(near.context, send_through(near, at, far.keys.public_key(), kind, bytes, out),
                 asio::detached);
  near.context.run();
  thread.join();
  return out;
}

// ---- TCP alone, and TCP with records.

asio::awaitable<void> drain_records(io::Stream& stream, std::size_t bytes) {
  tcp::RecordCipher cipher{Secret<32>()};
  Bytes buffer(4 * tcp::record_max);
  std::size_t have = 0;
  while (bytes > 0) {
    auto size = co_await stream.read_some(MutableBytes(buffer).subspan(have));
    if (!size) std::abort();
    have += *size;
    MutableBytes rest(buffer.data(), have);
    while (auto record = tcp::next_record(rest)) {
      rest = rest.subspan(tcp::record_prefix + record->size());
      auto plain = cipher.open(*record);
      if (!plain) std::abort();
      bytes -= std::min(bytes, plain->size());
    }
    std::memmove(buffer.data(), rest.data(), rest.size());
    have = rest.size();
  }
  Byte done = 1;
  (void)co_await stream.write_all({&done, 1});
}

asio::awaitable<void> fill_records(io::Stream& stream, std::size_t bytes) {
  tcp::RecordCipher cipher{Secret<32>()};
  Bytes buffer(records_per_write * tcp::record_max, 'x');
  while (bytes > 0) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < records_per_write && bytes > 0; ++i) {
      auto plain = std::min(bytes, tcp::record_plain_max);
      size += cipher.seal(buffer.data() + size, plain);
      bytes -= plain;
    }
    if (!co_await stream.write_all(ByteView(buffer).first(size))) std::abort();
  }
  Byte done;
  (void)co_await stream.read_some({&done, 1});
}

asio::awaitable<void> accept_bare(tcp::Listener& listener, bool records, std::size_t bytes) {
  auto arrival = co_await listener.accept();
  co_await (records ? drain_records(*arrival->socket, bytes) : drain(*arrival->socket, bytes));
}

asio::awaitable<void> send_bare(Node& node, io::Endpoint to, bool records, std::size_t bytes, Cost& out) {
  auto socket = co_await tcp::Socket::connect(to, node.clock, node.clock.now() + 5s);
  auto cpu = cpu_seconds();
  auto begin = node.clock.now();
  co_await (records ? fill_records(**socket, bytes) : fill(**socket, bytes));
  out = {std::chrono::duration<double>(node.clock.now() - begin).count(), cpu_seconds() - cpu};
}

Cost bare(bool records, std::size_t bytes) {
  Node near(1), far(2);
  auto listener = *tcp::Listener::open(far.context.get_executor(), {io::IpAddress::v4(127, 0, 0, 1), 0});
  asio::co_spawn(far.context, accept_bare(*listener, records, bytes), asio::detached);
  std::thread thread([&] { far.context.run(); });
  Cost out{};
  asio::co_spawn(near.context, send_bare(near, listener->local(), records, bytes, out), asio::detached);
  near.context.run();
  thread.join();
  return out;
}

}  // namespace

int main(int count, char** words) {
  crypto::init();
  std::size_t bytes = (count > 1 ? std::stoul(words[1]) : 1024) * block_size;
  report("plain TCP", bytes, bare(false, bytes));
  report("TCP with the same records", bytes, bare(true, bytes));
  report("libp2p over TCP (noise, yamux)", bytes, whole_stack(io::Connection::Kind::tcp, bytes));
  report("libp2p over WebSocket (noise, yamux)", bytes, whole_stack(io::Connection::Kind::websocket, bytes));
  return 0;
}
