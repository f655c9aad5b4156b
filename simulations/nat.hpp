#pragma once
/// The address translation of a home router, in the words of RFC 4787: how it maps, and whom it lets in.
#include "crypto/random.hpp"
#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

#include <map>
#include <optional>

namespace conclave::sim {

enum class NatKind : Byte {
  full_cone,           ///< endpoint-independent mapping and filtering
  address_restricted,  ///< endpoint-independent mapping, address-dependent filtering
  port_restricted,     ///< endpoint-independent mapping, address and port-dependent filtering
  symmetric,           ///< a random port for each destination, address and port-dependent filtering
  sequential,          ///< the same, but ports count up: they can be predicted
};

/// Mappings live `mapping_lifetime` after the last packet from inside (RFC 4787 asks for two minutes; homes
/// have less). No hairpinning.
class Router {
 public:
  static constexpr Duration mapping_lifetime = std::chrono::seconds(30);

  Router(const io::IpAddress& public_ip, NatKind kind, std::uint64_t seed)
      : public_ip_(public_ip), kind_(kind), random_(seed, 0x4a7) {}

  const io::IpAddress& public_ip() const { return public_ip_; }
  /// A packet goes out: the public endpoint it seems to come from.
  io::Endpoint outbound(const io::Endpoint& inside, const io::Endpoint& to, TimePoint now);
  /// A packet comes in to `port`: who inside gets it, if the filter lets it pass.
  std::optional<io::Endpoint> inbound(const io::Endpoint& from, std::uint16_t port, TimePoint now) const;
  /// What UPnP and NAT-PMP do: this port leads inside, for everybody, until `unmap`.
  void map(std::uint16_t port, const io::Endpoint& inside) { mapped_[port] = inside; }
  void unmap(std::uint16_t port) { mapped_.erase(port); }
  /// The router restarts, or its owner turns to another provider: all mappings are gone.
  void forget();

 private:
  struct Mapping {
    io::Endpoint inside;
    std::uint16_t port = 0;
    TimePoint used{};
    std::map<io::Endpoint, TimePoint> permitted;
  };
  std::uint16_t new_port(std::uint16_t wanted);
  bool taken(std::uint16_t port) const;

  io::IpAddress public_ip_;
  NatKind kind_;
  SeededRandom random_;
  std::uint16_t next_port_ = 20000;
  /// Inside endpoint and, where the mapping depends on it, destination.
  std::map<std::pair<io::Endpoint, io::Endpoint>, Mapping> mappings_;
  std::map<std::uint16_t, io::Endpoint> mapped_;
};

}  // namespace conclave::sim
