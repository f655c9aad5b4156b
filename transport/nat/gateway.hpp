#pragma once
/// A router that opens ports when asked. Everything here blocks for up to a few seconds: it runs on a worker.
#include <chrono>
#include <memory>
#include <string_view>

#include "transport/io/endpoint.hpp"

namespace conclave::nat {

enum class PortKind : Byte { udp, tcp };

/// How long a mapping is asked for; it is renewed before.
constexpr std::chrono::seconds lease_life{3600};

/// A port of the router that leads to ours.
struct Lease {
  PortKind kind = PortKind::udp;
  std::uint16_t internal_port = 0;
  io::Endpoint external;
  std::chrono::seconds life{0};  ///< zero: until the router restarts
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  virtual std::string_view name() const = 0;  ///< "UPnP", "NAT-PMP"
  /// Looks for the router. Fails with Errc::not_found.
  virtual Result<> find() = 0;
  /// Asks for `external_port`, takes another one if that is given to somebody else. Also renews. Fails with
  /// Errc::refused or Errc::timed_out.
  virtual Result<Lease> map(PortKind kind, std::uint16_t internal_port, std::uint16_t external_port) = 0;
  /// Whether the router still knows `lease`, as far as it can be asked: false after it has restarted. Fails when
  /// the router does not answer.
  virtual Result<bool> holds(const Lease& lease) = 0;
  virtual void unmap(const Lease& lease) = 0;
};

/// UPnP Internet Gateway Device, WANIPConnection:1/2 and WANPPPConnection (miniupnpc).
std::unique_ptr<Gateway> upnp_gateway();
/// NAT-PMP, RFC 6886 (libnatpmp), at the default gateway.
std::unique_ptr<Gateway> natpmp_gateway();

}  // namespace conclave::nat
