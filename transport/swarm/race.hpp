#pragma once
/// Which address of a peer is tried when: RFC 8305 without the name resolution.
///
/// UDP before TCP before WebSocket, relays last; within that IPv6 and IPv4 take turns. The next address starts
/// when the one before has failed, or a while after it started; for TCP that while is longer, because a
/// connection that loses the race has cost a handshake.
#include <optional>
#include <variant>
#include <vector>

#include "crypto/time.hpp"
#include "transport/address/peer_address.hpp"

namespace conclave::swarm {

class Race {
 public:
  struct Start {
    address::PeerAddress address;
  };
  struct Wait {
    TimePoint until;  ///< or until something is reported; TimePoint::max() for that alone
  };
  struct Lost {};  ///< all have failed
  using Step = std::variant<Start, Wait, Lost>;

  explicit Race(std::size_t addresses_max) : addresses_max_(addresses_max) {}

  /// More addresses, also while the race is on; known ones are ignored.
  void add(std::vector<address::PeerAddress> addresses);
  Step next(TimePoint now);
  /// One of those started has failed.
  void on_failure(TimePoint now);
  std::size_t running() const { return running_; }

 private:
  static constexpr Duration stagger = std::chrono::milliseconds(100);
  static constexpr Duration stagger_tcp = std::chrono::milliseconds(250);
  std::size_t addresses_max_;
  std::vector<address::PeerAddress> known_;    ///< everything ever added
  std::vector<address::PeerAddress> waiting_;  ///< next one first
  std::size_t running_ = 0;
  TimePoint next_start_{};
};

}  // namespace conclave::swarm
