#pragma once
/// Our address as others see it, and what that says about the NAT in front of us.
///
/// One peer may lie, be behind the same NAT, or be reached through a VPN: only what at least four peers in
/// different networks (/24, /48; loopback and private ranges count each by itself) say is believed.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::nat {

enum class NatKind : Byte {
  unknown,     ///< fewer than four networks have told us
  none,        ///< others see the address and port that we have: no NAT
  easy,        ///< one address and port for everybody: hole punching works
  counting,    ///< another port for each peer, close together: can be predicted
  random,      ///< another port for each peer, anywhere: hole punching needs luck
  several      ///< even the address differs from peer to peer
};

class Observations {
 public:
  static constexpr std::size_t observers_min = 4;
  static constexpr std::size_t observers_max = 32;  ///< the latest of so many networks
  static constexpr Duration life = std::chrono::hours(2);

  /// `by` at `by_at` sees us at `us`.
  void add(const io::Endpoint& by_at, const io::Endpoint& us, TimePoint now);
  /// After a change of network: what was seen before means nothing.
  void clear() { seen_.clear(); }

  struct Verdict {
    NatKind kind = NatKind::unknown;
    std::optional<io::Endpoint> address;  ///< what most see; with the port, if that is the same for most
    std::size_t observers = 0;
  };
  /// For one family. `local` are our own addresses with the port of our socket.
  Verdict verdict(io::IpAddress::Family family, const std::vector<io::Endpoint>& local, TimePoint now) const;

 private:
  struct Seen {
    io::Endpoint us;
    TimePoint when;
  };
  std::map<io::IpAddress, Seen> seen_;  ///< by the observer's network
};

/// What is known about how others reach us.
struct Picture {
  Observations::Verdict v4;
  Observations::Verdict v6;
  std::optional<io::Endpoint> mapped;  ///< the router's port that leads to us
  std::string mapped_by;               ///< "UPnP", "NAT-PMP"
  std::optional<bool> reached;         ///< whether somebody we had never contacted got through, if it was tried
};
/// One or two sentences for a person.
std::string words(const Picture& picture);

}  // namespace conclave::nat
