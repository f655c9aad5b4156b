#pragma once
/// The node's sockets and everything that runs over them: nQUIC and one-shot requests on one UDP port,
/// libp2p's stack on a TCP port, the swarm above both, the DHT beside it. Wires transport and dht; knows
/// nothing of people.
#include "crypto/link.hpp"
#include "node/node.hpp"
#include "node/presence.hpp"
#include "node/store/store.hpp"
#include "transport/io/demux.hpp"
#include "transport/swarm/swarm.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::node {

class Network {
 public:
  struct Parts {
    Surroundings& around;
    const Options& options;
    const NodeKeys& keys;
    store::Store& store;
  };
  explicit Network(Parts parts);
  ~Network();

  /// Opens the sockets: at the ports asked for, or at those of last time, or at any. Errc::port_taken.
  boost::asio::awaitable<Result<>> start();
  boost::asio::awaitable<void> close();

  swarm::Swarm& swarm();
  /// The UDP socket, for what browsers and conferences send.
  io::Demux& demux();
  MeetingPoints points();
  /// Where others can try us, best first; `changed` is called whenever that is new.
  std::vector<address::PeerAddress> addresses() const;
  /// Those of them at which strangers have got in.
  std::vector<io::Endpoint> proven() const;
  void on_addresses(std::function<void()> changed);

  /// Somebody to ask for others, now and after a restart. `address` names the node.
  void hear(const address::PeerAddress& address);
  bool knows_somebody() const;
  /// Nodes for a link of ours: this one, and peers that others can reach.
  std::vector<Link::Node> start_nodes() const;
  /// Addresses, reachability, peers, DHT and traffic.
  void describe(Status& status) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace conclave::node
