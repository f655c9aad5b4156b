#pragma once
/// What we remember of peers that we asked: round trips, and the X25519 key that costs 50 µs to compute.
#include <list>
#include <map>
#include <optional>

#include "transport/oneshot/endpoint.hpp"

namespace conclave::oneshot {

class Peers {
 public:
  explicit Peers(std::size_t peers_max) : peers_max_(peers_max) {}

  std::optional<X25519Key> known_x25519(const NodeKey& peer) const;
  /// Computed and checked, if it is not known. Fails with Errc::bad_key.
  Result<X25519Key> x25519(const NodeKey& peer);
  /// RFC 6298, section 2, with the gains 1/8 and 1/4.
  void measured(const NodeKey& peer, Duration round_trip);
  std::optional<Rtt> rtt(const NodeKey& peer) const;

 private:
  struct Entry {
    std::optional<X25519Key> key;
    std::optional<Rtt> rtt;
    std::list<NodeKey>::iterator place;
  };
  Entry& touch(const NodeKey& peer);
  std::size_t peers_max_;
  std::map<NodeKey, Entry> entries_;
  std::list<NodeKey> order_;  ///< used last, at the front
};

}  // namespace conclave::oneshot
