#pragma once
/// One connection per node: dial a key at given addresses, serve protocols, know who is there.
///
/// Addresses race (RFC 8305, UDP first). When two nodes dial each other at once, both keep the connection whose
/// dialler has the smaller node key; the other one serves what is already open on it and goes. A connection on
/// which nothing happens is closed, unless its peer is kept.
///
/// All calls are made on the node's thread.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/address/peer_address.hpp"
#include "transport/io/clock.hpp"
#include "transport/io/connection.hpp"
#include "transport/swarm/carrier.hpp"

namespace conclave::swarm {

struct Limits {
  std::size_t connections_max = 512;
  /// Connections that others made to us from one /24 or /48. Loopback and private ranges are exempt.
  std::size_t per_network_max = 32;
  /// Streams a peer has open to us at a time; more are reset.
  std::size_t streams_per_peer_max = 256;
  /// Addresses of one dial that are tried; the rest is ignored.
  std::size_t addresses_max = 16;
  std::size_t dials_max = 128;
  /// A connection without streams is closed after this, counted from its last stream or datagram.
  Duration idle_max = std::chrono::seconds(60);
};

class Swarm {
 public:
  using ConnectionPtr = std::shared_ptr<io::Connection>;
  /// Serves one stream. The stream is reset when it goes.
  using Handler = std::function<boost::asio::awaitable<void>(ConnectionPtr, std::unique_ptr<io::Stream>)>;
  using Connected = std::function<void(ConnectionPtr)>;
  using Disconnected = std::function<void(const NodeKey&)>;
  using Replaced = std::function<void(const NodeKey&)>;

  /// `clock` and the carriers outlive the swarm. `us` is our own key: nobody else may have it.
  Swarm(boost::asio::any_io_executor executor, io::Clock& clock, const NodeKey& us,
        std::vector<Carrier*> carriers, Limits limits = {});
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;
  /// After `close()`.
  ~Swarm();

  /// The connection to `node`: the one there is, the one somebody else is dialling just now, or a new one by the
  /// fastest of `addresses`. Addresses that name another node, or that no carrier carries, are skipped. Fails
  /// with Errc::not_found (no usable address), Errc::timed_out, Errc::refused (banned, or ourselves),
  /// Errc::limit_reached, Errc::closed, or what the last address said.
  boost::asio::awaitable<Result<ConnectionPtr>> dial(NodeKey node, std::vector<address::PeerAddress> addresses,
                                                     TimePoint deadline);
  /// The connection to `node` if there is one.
  ConnectionPtr find(const NodeKey& node) const;
  std::vector<ConnectionPtr> connections() const;

  /// Streams of `protocol` ("/conclave/chat/1") that peers open go to `handler`; an empty one takes it back.
  void handle(std::string protocol, Handler handler);
  /// Called for each peer when its first connection comes and when its last one goes. They listen as long as the
  /// swarm lives.
  void on_connected(Connected listener);
  void on_disconnected(Disconnected listener);
  /// Called when another connection to a peer has taken the place of the one that `find` gave: after crossing
  /// dials, or because the peer has lost it. What is open on the old one goes on where the peer still has it;
  /// what must arrive is better said again on the new one.
  void on_replaced(Replaced listener);

  /// A kept peer's connection is not closed for idleness. Counted: as many `release` as `keep`.
  void keep(const NodeKey& node);
  void release(const NodeKey& node);
  bool kept(const NodeKey& node) const;

  /// `points` of 100: at 100 the peer is cut off and refused until time has made up for it (half every ten
  /// minutes). Half of the points go to its network, so that new keys from the same place do not help.
  void misbehaved(const NodeKey& node, int points);
  bool banned(const NodeKey& node) const;

  /// Ends all connections and waits for every handler. Idempotent.
  boost::asio::awaitable<void> close();

  struct State;  ///< transport/swarm/state.hpp

 private:
  std::shared_ptr<State> state_;
};

}  // namespace conclave::swarm
