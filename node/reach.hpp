#pragma once
/// Whether and where others can reach us: the machine's addresses, what peers see of us, the router's open
/// port, and a stranger's call as proof.
#include "node/status.hpp"
#include "transport/address/peer_address.hpp"
#include "transport/io/scope.hpp"
#include "transport/nat/dialback.hpp"
#include "transport/nat/observations.hpp"
#include "transport/nat/port_mapper.hpp"

namespace conclave::node {

class Reach {
 public:
  struct Parts {
    boost::asio::any_io_executor executor;
    io::Clock& clock;
    Random& random;
    oneshot::Endpoint& oneshot;
    NodeKey node;
    /// Some node that we are in contact with, to ask for a call, or to make one.
    nat::Dialback::Helper helper;
  };
  Reach(Parts parts, bool map_port);
  Reach(const Reach&) = delete;
  Reach& operator=(const Reach&) = delete;

  /// Our sockets: their ports, and the addresses of the machine that lead to them; with `all_interfaces`
  /// these are looked up again and again. Port 0: no TCP.
  void start(std::vector<io::IpAddress> local, bool all_interfaces, std::uint16_t udp_port,
             std::uint16_t tcp_port);
  boost::asio::awaitable<void> close();
  /// Called when the addresses, or what is known about them, have changed.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  /// Best first.
  std::vector<address::PeerAddress> addresses() const;
  /// Where a stranger has called us; the port of a router counts as long as it is mapped.
  std::vector<io::Endpoint> proven() const;
  Reachability reachability() const;
  std::string words() const;
  /// Behind a NAT or firewall that nobody unasked gets through.
  bool client() const;

 private:
  nat::Picture picture() const;
  boost::asio::awaitable<void> prove_loop();
  boost::asio::awaitable<void> watch_interfaces();
  void learn_local(std::vector<io::IpAddress> local);
  void tell();

  Parts parts_;
  nat::Observations observations_;
  nat::Dialback dialback_;
  bool map_port_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for a proof that ends after us
  std::unique_ptr<nat::PortMapper> mapper_;
  std::vector<io::IpAddress> local_;
  std::uint16_t udp_port_ = 0;
  std::uint16_t tcp_port_ = 0;
  std::optional<bool> reached_;
  std::vector<address::PeerAddress> told_;
  std::function<void()> changed_;
  io::Event observed_;
  io::Scope scope_;
};

}  // namespace conclave::node
