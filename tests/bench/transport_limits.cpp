// What nQUIC is compared with: the kernel's own speed, and the cipher's.
#include "crypto/aead.hpp"
#include "tests/bench/transport_bench.hpp"

#include <atomic>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace conclave::bench {
namespace {
using namespace std::chrono_literals;

bool read_all(int socket, Bytes& into) {
  for (std::size_t have = 0; have < into.size();) {
    auto size = ::read(socket, into.data() + have, into.size() - have);
    if (size <= 0) return false;
    have += static_cast<std::size_t>(size);
  }
  return true;
}

bool write_all(int socket, ByteView bytes) {
  while (!bytes.empty()) {
    auto size = ::write(socket, bytes.data(), bytes.size());
    if (size <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return true;
}
}  // namespace

Figures raw_udp() {
  boost::asio::io_context here{1}, there{1};
  io::Endpoint any{io::IpAddress::v4(127, 0, 0, 1), 0};
  auto sender = std::move(*io::Udp::open(here.get_executor(), any));
  auto receiver = std::move(*io::Udp::open(there.get_executor(), any));
  std::atomic<std::uint64_t> heard = 0;
  std::atomic<bool> stop = false;
  double receiver_cpu = 0;
  std::uint64_t sum = 0;
  receiver->on_receive([&](std::span<const io::Packet> packets) {
    for (auto& packet : packets) sum += packet.bytes.size();
    heard.store(sum, std::memory_order_relaxed);
  });
  std::thread thread([&] {
    pin(1);
    auto cpu = thread_cpu();
    while (!stop) there.run_for(10ms);
    receiver_cpu = thread_cpu() - cpu;
  });
  pin(0);
  constexpr std::size_t packet = 1406, batch = packet * 46;
  Bytes bytes(batch, 1);
  auto to = receiver->local();
  const auto wanted = volume(4000);
  auto cpu = thread_cpu(), start = wall();
  std::uint64_t sent = 0;
  while (heard < wanted && wall() - start < 20) {
    // As much in flight as the socket takes; there is no other flow control.
    if (sent - heard < 1'500'000 || wall() - start > 5) {
      sender->send(to, bytes, packet);
      sent += batch;
    }
  }
  auto seconds = wall() - start;
  cpu = thread_cpu() - cpu;
  stop = true;
  thread.join();
  auto gigabytes = static_cast<double>(heard) / 1e9;
  return {{"throughput", gigabytes / seconds, "GB/s"},
          {"cpu_both", (cpu + receiver_cpu) / gigabytes, "s/GB (the sender spins)"}};
}

Figures tcp_records() {
  constexpr std::size_t record = 16 * 1024;
  const auto records = volume(2000) / record;
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener, 1) != 0)
    return {};
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  Bytes key(32, 7), nonce(12, 0);
  double receiver_cpu = 0;
  std::thread thread([&] {
    pin(1);
    int socket = ::accept(listener, nullptr, nullptr);
    crypto::Aead aead(crypto::AeadAlgorithm::aes_256_gcm, key);
    Bytes sealed(record + crypto::Aead::tag_size), plain(record);
    auto cpu = thread_cpu();
    while (read_all(socket, sealed))
      if (!aead.open_into(plain, nonce, {}, sealed)) break;
    receiver_cpu = thread_cpu() - cpu;
    ::close(socket);
  });
  pin(0);
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return {};
  crypto::Aead aead(crypto::AeadAlgorithm::aes_256_gcm, key);
  Bytes plain(record, 1), sealed(record + crypto::Aead::tag_size);
  auto cpu = thread_cpu(), start = wall();
  for (std::size_t i = 0; i < records; ++i) {
    aead.seal_into(sealed, nonce, {}, plain);
    if (!write_all(socket, sealed)) break;
  }
  ::shutdown(socket, SHUT_WR);
  cpu = thread_cpu() - cpu;
  thread.join();
  auto seconds = wall() - start;
  ::close(socket);
  ::close(listener);
  auto gigabytes = static_cast<double>(records * record) / 1e9;
  return {{"throughput", gigabytes / seconds, "GB/s"},
          {"cpu_both", (cpu + receiver_cpu) / gigabytes, "s/GB"}};
}

Figures aead_alone() {
  pin(0);
  constexpr std::size_t packet = 1400;
  const auto packets = volume(2000) / packet;
  Bytes key(32, 7), source(1 << 22, 1), out(packet + crypto::Aead::tag_size), header(12, 3);
  crypto::Aead aead(crypto::AeadAlgorithm::aes_256_gcm, key);
  Bytes iv(12, 1);
  auto cpu = thread_cpu();
  for (std::size_t i = 0; i < packets; ++i) {
    auto from = ByteView(source).subspan((i * packet) % (source.size() - packet), packet);
    std::memcpy(out.data(), from.data(), packet);
    aead.seal_into(out, crypto::counter_nonce(iv, i), header, ByteView(out).first(packet));
  }
  cpu = thread_cpu() - cpu;
  return {{"throughput", static_cast<double>(packets * packet) / 1e9 / cpu, "GB/s"}};
}

}  // namespace conclave::bench
