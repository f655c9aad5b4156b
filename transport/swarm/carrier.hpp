#pragma once
/// What a transport offers to the swarm.
#include <functional>
#include <memory>

#include "transport/address/peer_address.hpp"
#include "transport/io/connection.hpp"

namespace conclave::swarm {

class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual bool carries(address::PeerAddress::Transport transport) const = 0;
  /// A connection on which `node` has proven who it is. May be cancelled at any time. Fails with
  /// Errc::timed_out, Errc::refused, or what the network says.
  virtual boost::asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(address::PeerAddress address,
                                                                               NodeKey node,
                                                                               TimePoint deadline) = 0;
  /// Every connection that others make to us from now on. An empty function stops it.
  virtual void on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) = 0;
};

}  // namespace conclave::swarm
