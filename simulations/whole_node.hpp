#pragma once
/// A node of the simulated network with its real protocols: key, UDP socket, one-shot requests, DHT service. Its
/// packets are the bytes that a real node sends.
#include "dht/service.hpp"
#include "simulations/network.hpp"
#include "transport/oneshot/endpoint.hpp"

namespace conclave::sim {

class WholeNode {
 public:
  /// Work for a position is small here: what it costs is measured elsewhere.
  static constexpr int work_bits = 4;

  WholeNode(World& world, Network& network, const io::Endpoint& at, std::uint64_t seed,
            dht::Parameters parameters = {})
      : at_(at),
        random_(seed, 0x6e6f6465),
        keys_(NodeKeys::generate(random_)),
        socket_(network.open(at)),
        oneshot_(*socket_, world, random_, keys_) {
    dht::Service::Config config{parameters, work_bits,
                                *dht::find_nonce(keys_.public_key(), work_bits, 0, 1 << 16)};
    dht_ = std::make_unique<dht::Service>(world.context().get_executor(), world, random_, oneshot_,
                                          keys_.public_key(), config);
  }

  dht::Service& dht() { return *dht_; }
  oneshot::Endpoint& oneshot() { return oneshot_; }
  const NodeKeys& keys() const { return keys_; }
  Random& random() { return random_; }
  const io::Endpoint& at() const { return at_; }
  dht::Peer peer() const { return {keys_.public_key(), at_}; }

 private:
  io::Endpoint at_;
  SeededRandom random_;
  NodeKeys keys_;
  std::unique_ptr<io::Datagrams> socket_;
  oneshot::Endpoint oneshot_;
  std::unique_ptr<dht::Service> dht_;
};

}  // namespace conclave::sim
