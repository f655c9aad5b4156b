#pragma once
/// The short-lived symmetric keys that a first request leaves behind, and the bounded table of them.
///
/// Both ends may ask within a session. The one who answered the first message does not use it before a packet
/// under its keys has come back: message 1 alone proves neither who sent it nor from where.
#include <list>
#include <map>
#include <unordered_map>

#include "crypto/aead.hpp"
#include "transport/oneshot/packet.hpp"
#include "transport/oneshot/replay.hpp"

namespace conclave::oneshot {

struct Session {
  NodeKey peer;
  Index ours = 0;    ///< in packets to us
  Index theirs = 0;  ///< in packets to them
  crypto::Aead sending;
  crypto::Aead receiving;
  TimePoint made;
  io::Endpoint at;         ///< where the peer has proven to receive, once `confirmed`
  bool confirmed = false;  ///< the peer has shown that it has the keys
  bool identity_checked = false;  ///< `peer` is a point of the main subgroup, which takes time to find out
  std::uint32_t sent = 0;  ///< counter of the next packet
  ReplayWindow window{};

  /// Header and sealed `plain`.
  Bytes seal(Type type, ByteView plain);
  /// The plain text of a packet to us; marks its counter. Fails with Errc::undecryptable, or Errc::refused for a
  /// counter that was there before.
  Result<Bytes> open(const SessionHeader& header, ByteView packet);
};

class Sessions {
 public:
  Sessions(std::size_t confirmed_max, std::size_t unconfirmed_max, Duration life)
      : confirmed_max_(confirmed_max), unconfirmed_max_(unconfirmed_max), life_(life) {}

  /// Takes it in; may let the one used longest ago go.
  void add(Session session, TimePoint now);
  /// The session that packets with this index belong to; nothing if there is none or its time is over.
  Session* find(Index ours, TimePoint now);
  /// The newest confirmed session with `peer` that we may still ask in.
  Session* to(const NodeKey& peer, TimePoint now);
  /// The peer has shown that it has the keys.
  void confirm(Session& session);
  /// It is over; nobody refers to it any more.
  void end(Index ours) { drop(ours); }
  /// It is not asked in any more; what still comes in it is answered.
  void give_up(const Session& session);
  bool taken(Index ours) const { return by_index_.contains(ours); }
  std::size_t size() const { return by_index_.size(); }

 private:
  struct Slot {
    Session session;
    std::list<Index>::iterator place;
  };
  using Order = std::list<Index>;  ///< used last, at the front
  Order& order(const Session& session) { return session.confirmed ? confirmed_ : unconfirmed_; }
  void drop(Index ours);
  /// A counter is never used twice under a key; this is far below 2^32.
  static constexpr std::uint32_t packets_max = 1u << 24;
  /// The receiver keeps a session longer than its asker uses it: packets take time, clocks drift.
  static constexpr Duration grace = std::chrono::minutes(1);

  std::size_t confirmed_max_;
  std::size_t unconfirmed_max_;
  Duration life_;
  std::unordered_map<Index, Slot> by_index_;  ///< keys are our own random choice
  std::map<NodeKey, Index> by_peer_;
  Order confirmed_;
  Order unconfirmed_;
};

}  // namespace conclave::oneshot
