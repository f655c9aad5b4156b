#pragma once
/// Who is on the local network: libp2p's mDNS discovery (libp2p/specs, discovery/mdns.md) without its socket.
///
/// Asks at the start and ever more seldom afterwards (RFC 6762, 5.2), answers at most once a second after a
/// random pause, and announces itself when it starts and when its addresses change. Everything heard is bounded
/// and only a hint: who dials proves by the handshake whom it reached.
#include <functional>
#include <map>
#include <utility>
#include <optional>
#include <vector>

#include "crypto/keys.hpp"
#include "crypto/time.hpp"
#include "transport/address/peer_address.hpp"

namespace conclave::lan {

struct Found {
  NodeKey node;
  std::vector<address::PeerAddress> addresses;  ///< private ones only, at most `addresses_max`
};

class Beacon {
 public:
  static constexpr std::size_t addresses_max = 16;
  static constexpr std::size_t peers_max = 256;  ///< reported again when they come back after being forgotten
  static constexpr std::string_view service = "_p2p._udp.local";

  Beacon(const NodeKey& us, Random& random, TimePoint now);

  /// What others are told; at once, too.
  void set_addresses(std::vector<address::PeerAddress> addresses, TimePoint now);
  /// A packet of the group. Nobody is believed about addresses outside private ranges.
  void receive(ByteView packet, TimePoint now);
  /// What is to be sent to the group by now.
  std::vector<Bytes> tick(TimePoint now);
  TimePoint deadline() const { return std::min(ask_at_, answer_at_); }
  /// Each peer when it is new, has changed its addresses, or a minute has passed.
  std::vector<Found> take_found() { return std::exchange(found_, {}); }

 private:
  struct Heard {
    std::vector<address::PeerAddress> addresses;
    TimePoint when;
  };
  void hear(const NodeKey& node, std::vector<address::PeerAddress> addresses, TimePoint now);
  Bytes question() const;
  Bytes answer() const;

  NodeKey us_;
  Random& random_;
  std::string name_;  ///< ours in the service: random, so that it says nothing
  std::vector<address::PeerAddress> addresses_;
  TimePoint ask_at_;
  Duration ask_pause_;
  TimePoint answer_at_ = TimePoint::max();
  TimePoint answered_ = TimePoint::min();
  int announcements_ = 0;  ///< still to come
  std::map<NodeKey, Heard> heard_;
  std::vector<Found> found_;
};

}  // namespace conclave::lan
