#pragma once
/// Who may take up our time: limits on strangers that connect to us. Sans-IO.
///
/// An inbound TCP connection has proven its address and nothing else, and a handshake costs us about 0.3 ms of CPU
/// (three X25519 operations and a signature). So handshakes are few at once and few a second, for each network (/24
/// or /48: what one attacker pays for) and for all; 300 a second are a tenth of a core. Connections that are through
/// are limited for each network and each node key.
#include <map>
#include <optional>

#include "crypto/keys.hpp"
#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::tcp {

struct AdmissionLimits {
  std::size_t handshakes_max = 128;           ///< under way at once
  std::size_t handshakes_per_network_max = 16;
  double handshakes_per_second = 300;         ///< begun, all networks
  double handshakes_per_second_network = 20;
  double burst = 40;                          ///< above the rate of a network
  std::size_t connections_max = 1000;         ///< inbound
  std::size_t connections_per_network_max = 64;
  std::size_t connections_per_peer_max = 8;   ///< with one node key: a redial may overtake the old one's end
  std::size_t networks_max = 4096;            ///< remembered; more strangers at once are refused
  bool loopback_exempt = true;  ///< from the limits for a network: programs of this machine's own user
};

class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  /// A stranger connects. Fails with Errc::limit_reached; else one of `admitted`, `failed` follows.
  Result<> begin(const io::IpAddress& from, TimePoint now);
  void failed(const io::IpAddress& from);
  /// The handshake is through. Fails with Errc::limit_reached, and the connection is to be closed; else `ended`
  /// follows.
  Result<> admitted(const io::IpAddress& from, const NodeKey& peer);
  void ended(const io::IpAddress& from, const NodeKey& peer);

  std::size_t handshakes() const { return handshakes_; }
  std::size_t connections() const { return connections_; }

 private:
  /// Tokens refill with time; one is taken for each handshake.
  struct Bucket {
    double tokens;
    TimePoint filled_at;
    bool take(double rate, double size, TimePoint now);
  };
  struct Network {
    Bucket bucket;
    std::size_t handshakes = 0;
    std::size_t connections = 0;
  };
  Network* network(const io::IpAddress& from, TimePoint now);
  bool counts(const io::IpAddress& from) const { return !(limits_.loopback_exempt && from.loopback()); }
  void forget_idle(TimePoint now);

  AdmissionLimits limits_;
  std::map<io::IpAddress, Network> networks_;
  std::map<NodeKey, std::size_t> peers_;
  std::optional<Bucket> all_;
  std::size_t handshakes_ = 0;
  std::size_t connections_ = 0;
};

}  // namespace conclave::tcp
