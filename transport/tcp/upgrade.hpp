#pragma once
/// Makes an authenticated io::Connection out of any byte pipe: a TCP socket, a WebSocket, a relayed stream, two
/// queues in a test.
#include "transport/tcp/link.hpp"

namespace conclave::tcp {

/// What all upgrades of a node share. The references stay for as long as its connections.
struct UpgradeSettings {
  const NodeKeys& keys;
  const noise::KeyPair& static_keys;  ///< X25519, drawn once for the life of the process
  Random& random;
  LinkSettings link;
  bool early_muxer = true;
};

/// What one upgrade is about.
struct UpgradeOf {
  Handshake::Role role = Handshake::Role::dialler;
  io::Connection::Kind kind = io::Connection::Kind::tcp;
  io::Endpoint remote;
  std::optional<NodeKey> expected;
  TimePoint deadline;  ///< of the whole handshake
};

struct Upgraded {
  std::shared_ptr<io::Connection> connection;
  std::shared_ptr<Link> link;  ///< the same, from below: for whoever watches its end
  bool early_muxer = false;    ///< agreed inside the Noise payload
};

/// Fails with Errc::timed_out at the deadline, with the errors of Handshake::receive, or with the pipe's. The pipe is
/// gone then.
boost::asio::awaitable<Result<Upgraded>> upgrade(std::unique_ptr<io::Stream> pipe, UpgradeOf what,
                                                 UpgradeSettings settings);

}  // namespace conclave::tcp
