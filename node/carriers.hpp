#pragma once
/// nQUIC and libp2p's stack over TCP, as the swarm wants them.
#include "transport/quic/endpoint.hpp"
#include "transport/swarm/carrier.hpp"
#include "transport/tcp/transport.hpp"

namespace conclave::node {

class QuicCarrier final : public swarm::Carrier {
 public:
  explicit QuicCarrier(quic::Endpoint& endpoint) : endpoint_(endpoint) {}
  bool carries(address::PeerAddress::Transport transport) const override;
  boost::asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(address::PeerAddress address,
                                                                       NodeKey node,
                                                                       TimePoint deadline) override;
  void on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) override;

 private:
  quic::Endpoint& endpoint_;
};

class TcpCarrier final : public swarm::Carrier {
 public:
  explicit TcpCarrier(tcp::Transport& transport) : transport_(transport) {}
  bool carries(address::PeerAddress::Transport transport) const override;
  boost::asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(address::PeerAddress address,
                                                                       NodeKey node,
                                                                       TimePoint deadline) override;
  void on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) override;

 private:
  tcp::Transport& transport_;
};

}  // namespace conclave::node
