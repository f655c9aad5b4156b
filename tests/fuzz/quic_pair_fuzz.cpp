// Two endpoints, and a network that the fuzzer is: it drops, repeats, swaps, delays and damages packets,
// moves an end to another address, and lets time pass. Whatever it does, nothing breaks, what is read was
// written, and nobody is accepted but who dialled.
#include "simulations/world.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "transport/quic/connection.hpp"
#include "transport/quic/endpoint.hpp"

#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

class Wire final : public io::Datagrams {
 public:
  bool send(const io::Endpoint&, ByteView bytes, std::size_t segment,
            const std::optional<io::IpAddress>&) override {
    if (segment == 0) segment = bytes.size();
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min(segment, bytes.size()));
      bytes = bytes.subspan(piece.size());
      if (sent.size() < 256) sent.push_back(copy(piece));
    }
    return true;
  }
  void when_sendable(std::function<void()>) override {}
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  std::uint16_t local_port() const override { return 1; }
  void feed(const io::Endpoint& from, ByteView bytes) {
    io::Packet packet{from, io::IpAddress::v4(10, 0, 0, 1), bytes};
    if (receiver_) receiver_({&packet, 1});
  }
  std::deque<Bytes> sent;

 private:
  Receiver receiver_;
};

/// Byte n of what is said on a stream.
Byte word(std::size_t at) { return static_cast<Byte>(at * 131 + at / 256); }

asio::awaitable<void> listen(std::shared_ptr<io::Connection> connection) {
  while (auto next = co_await connection->accept()) {
    ensure(next->protocol == "/fuzz/1", "the name arrives as it was sent");
    Bytes buffer(3000);
    std::size_t at = 0;
    while (auto size = co_await next->stream->read_some(buffer))
      for (std::size_t i = 0; i < *size; ++i) ensure(buffer[i] == word(at++), "what is read was written");
  }
}

asio::awaitable<void> talk(quic::Endpoint& from, NodeKey to, io::Clock& clock) {
  auto connection = co_await from.dial({io::IpAddress::v4(10, 0, 0, 2), 2}, to, clock.now() + 8s);
  if (!connection) co_return;
  for (int i = 0; i < 3; ++i) {
    auto stream = co_await (*connection)->open("/fuzz/1");
    if (!stream) co_return;
    Bytes words(5000);
    for (std::size_t at = 0; at < words.size(); ++at) words[at] = word(at);
    if (!co_await (*stream)->write_all(words)) co_return;
    if (i != 1) (void)co_await (*stream)->close_write();
    (*connection)->send_datagram(words);
    (*connection)->send_datagram(Bytes(30));
  }
  co_await (*connection)->wait_closed();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  crypto::init();
  ByteView input(data, std::min<std::size_t>(size, 400));
  sim::World world;
  SeededRandom random(1);
  static const NodeKeys alice_keys = [] {
    SeededRandom r(2);
    return NodeKeys::generate(r);
  }();
  static const NodeKeys bob_keys = [] {
    SeededRandom r(3);
    return NodeKeys::generate(r);
  }();
  Wire alice_wire, bob_wire;
  auto executor = world.context().get_executor();
  {
    quic::Endpoint alice(executor, world, alice_wire, alice_keys, random),
        bob(executor, world, bob_wire, bob_keys, random);
    bob.on_accept([&](std::shared_ptr<io::Connection> connection) {
      ensure(connection->peer() == alice_keys.public_key(), "only who dialled is accepted");
      asio::co_spawn(executor, listen(std::move(connection)), asio::detached);
    });
    asio::co_spawn(executor, talk(alice, bob_keys.public_key(), world), asio::detached);
    world.context().poll();  // a dial must have begun while its endpoint is there
    io::Endpoint alice_at{io::IpAddress::v4(10, 0, 0, 1), 1}, bob_at{io::IpAddress::v4(10, 0, 0, 2), 2};
    while (!input.empty()) {
      world.context().restart();
      world.context().poll();
      auto choice = fuzz::take_choice(input);
      bool to_bob = choice & 1;
      auto& queue = to_bob ? alice_wire.sent : bob_wire.sent;
      auto& target = to_bob ? bob_wire : alice_wire;
      auto& from = to_bob ? alice_at : bob_at;
      auto next = [&](bool take) {
        Bytes out = queue.front();
        if (take) queue.pop_front();
        return out;
      };
      switch (choice >> 1 & 7) {
        case 0:
        case 1:
          for (int i = 0; i <= choice >> 4 && !queue.empty(); ++i) target.feed(from, next(true));
          break;
        case 2:
          if (!queue.empty()) next(true);
          break;
        case 3:
          if (!queue.empty()) target.feed(from, next(false));
          break;
        case 4:
          if (queue.size() > 1) std::swap(queue.front(), queue.back());
          break;
        case 5: {
          if (queue.empty()) break;
          auto damaged = next(choice & 0x80);
          auto at = static_cast<std::size_t>(fuzz::take_choice(input)) * 5 % damaged.size();
          damaged[at] ^= static_cast<Byte>(1 + fuzz::take_choice(input) % 255);
          if (choice & 0x40) damaged.resize(at + 1);
          target.feed(from, damaged);
          break;
        }
        case 6:
          if (to_bob)
            alice_at.port = static_cast<std::uint16_t>(1 + (choice >> 4));
          else
            target.feed(from, input.first(std::min<std::size_t>(input.size(), 40)));
          break;
        default:
          world.run_for(std::chrono::milliseconds(1) * (1 << (choice >> 4)));
      }
    }
  }
  world.run_for(30s);
  return 0;
}
