#pragma once
/// Two endpoints whose packets go nowhere by themselves: the test is the network.
#include "tests/transport/quic_pair.hpp"

namespace conclave::quic::test {

class Wire final : public io::Datagrams {
 public:
  struct Sent {
    io::Endpoint to;
    Bytes bytes;
  };
  explicit Wire(io::Endpoint at) : at_(at) {}
  bool send(const io::Endpoint& to, ByteView bytes, std::size_t segment,
            const std::optional<io::IpAddress>&) override {
    if (segment == 0) segment = bytes.size();
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min(segment, bytes.size()));
      sent.push_back({to, copy(piece)});
      bytes = bytes.subspan(piece.size());
    }
    return true;
  }
  void when_sendable(std::function<void()>) override {}
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  std::uint16_t local_port() const override { return at_.port; }

  void feed(const io::Endpoint& from, ByteView bytes) {
    io::Packet packet{from, at_.ip, bytes};
    if (receiver_) receiver_({&packet, 1});
  }
  std::vector<Sent> take() { return std::exchange(sent, {}); }
  io::Endpoint at() const { return at_; }
  std::vector<Sent> sent;

 private:
  io::Endpoint at_;
  Receiver receiver_;
};

struct Bench {
  explicit Bench(Settings alice_settings = {}, Settings bob_settings = {})
      : random(5),
        alice_keys(node_keys(1)),
        bob_keys(node_keys(2)),
        alice(world.context().get_executor(), world, alice_wire, alice_keys, random,
              std::move(alice_settings)),
        bob(world.context().get_executor(), world, bob_wire, bob_keys, random, std::move(bob_settings)) {
    crypto::init();
    bob.on_accept([this](std::shared_ptr<io::Connection> connection) {
      accepted.push_back(std::static_pointer_cast<Connection>(std::move(connection)));
    });
  }
  using Dialled = std::optional<Result<std::shared_ptr<io::Connection>>>;
  /// Starts to dial; what came of it is in the result, later.
  std::shared_ptr<Dialled> dial(const NodeKey& peer, Duration patience = 5s) {
    auto out = std::make_shared<Dialled>();
    asio::co_spawn(
        world.context(),
        [](Bench& bench, NodeKey key, Duration limit,
           std::shared_ptr<Dialled> result) -> asio::awaitable<void> {
          result->emplace(co_await bench.alice.dial(bob_at, key, bench.world.now() + limit));
        }(*this, peer, patience, out),
        asio::detached);
    settle();
    return out;
  }
  /// Everything that can happen without time passing.
  void settle() {
    world.context().restart();
    world.context().poll();
  }
  void to_bob(const std::vector<Wire::Sent>& flight) {
    for (auto& packet : flight) bob_wire.feed(alice_at, packet.bytes);
    settle();
  }
  void to_alice(const std::vector<Wire::Sent>& flight) {
    for (auto& packet : flight) alice_wire.feed(bob_at, packet.bytes);
    settle();
  }
  /// Carries packets both ways until nobody says anything.
  void converse() {
    for (int turns = 0; turns < 50 && !(alice_wire.sent.empty() && bob_wire.sent.empty()); ++turns) {
      to_bob(alice_wire.take());
      to_alice(bob_wire.take());
    }
  }

  sim::World world;
  SeededRandom random;
  NodeKeys alice_keys, bob_keys;
  Wire alice_wire{alice_at}, bob_wire{bob_at};
  Endpoint alice, bob;
  std::vector<std::shared_ptr<Connection>> accepted;
};

}  // namespace conclave::quic::test
