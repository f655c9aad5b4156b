#pragma once
/// Finds nodes on the local network, and lets them find us: multicast DNS on 224.0.0.251, port 5353, on every interface
/// that carries multicast (libp2p/specs, discovery/mdns.md; docs/lan.md).
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "transport/io/clock.hpp"
#include "transport/lan/beacon.hpp"

namespace conclave::lan {

class Mdns {
 public:
  using OnFound = std::function<void(const Found&)>;

  /// Opens the sockets, as many as there are interfaces. Fails with the system's error, or Errc::not_found where
  /// there is no interface with multicast. All outlive it.
  static Result<std::unique_ptr<Mdns>> open(boost::asio::any_io_executor executor, io::Clock& clock, Random& random,
                                            const NodeKey& us, OnFound found);
  Mdns(const Mdns&) = delete;
  Mdns& operator=(const Mdns&) = delete;
  ~Mdns();

  /// What others are told; addresses outside private ranges are left out. Announced when it differs from before.
  void set_addresses(std::vector<address::PeerAddress> addresses);

 private:
  struct State;
  explicit Mdns(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace conclave::lan
