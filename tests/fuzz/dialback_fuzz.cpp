// Questions of the reachability service, from one who proved nothing but a key: whatever is asked, nobody is sent more
// than was received, and ports of the system are not called.
#include "crypto/ensure.hpp"
#include "simulations/network.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "transport/nat/dialback.hpp"

using namespace conclave;

namespace {

struct Site {
  Site(sim::World& world, sim::Network& network, std::uint64_t seed, Byte net)
      : random(seed), keys(NodeKeys::generate(random)), at{io::IpAddress::v4(net, 0, 0, 1), 4000},
        socket(network.open(at)), oneshot(*socket, world, random, keys) {}
  SeededRandom random;
  NodeKeys keys;
  io::Endpoint at;
  std::unique_ptr<io::Datagrams> socket;
  oneshot::Endpoint oneshot;
};

/// All paths alike, so that no question is repeated because its answer is late.
sim::Conditions even() {
  sim::Conditions out;
  out.rtt_sigma = 0;
  return out;
}

struct Town {
  sim::World world;
  sim::Network network{world, 5, even()};
  Site asker{world, network, 1, 50}, served{world, network, 2, 51}, helper{world, network, 3, 52};
  std::size_t called = 0;
  nat::Dialback dialback{served.oneshot, world, served.random,
                         [this](const io::Endpoint& target, const NodeKey&) {
                           ensure(target.port >= 1024, "no port of the system");
                           return std::optional(nat::KnownNode{helper.keys.public_key(), helper.at});
                         }};
  Town() {
    helper.oneshot.on_request(
        [this](const NodeKey&, const io::Endpoint&, ByteView body) {
          ++called;
          ensure(body.size() >= 400, "a call is as long as a question");
          return std::optional(Bytes());
        },
        oneshot::Service::dialback);
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  if (size > 2048) return 0;
  Town town;
  ByteView rest(data, size);
  std::size_t asked = 0;
  while (!rest.empty()) {
    auto choice = fuzz::take_choice(rest);
    auto piece = rest.first(std::min<std::size_t>(rest.size(), 64));
    rest = rest.subspan(piece.size());
    Bytes body = copy(piece);
    if ((choice & 3) != 0) body.resize(400);
    town.asker.oneshot.request(town.served.keys.public_key(), town.served.at, body,
                               town.world.now() + std::chrono::seconds(5), [](Result<Bytes>) {},
                               oneshot::Service::dialback);
    ++asked;
    if ((choice & 4) != 0) town.world.run_for(std::chrono::milliseconds(100));
  }
  town.world.run_for(std::chrono::seconds(20));
  ensure(town.called <= asked, "no more calls than questions");
  return 0;
}
