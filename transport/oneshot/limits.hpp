#pragma once
/// What one-shot requests may cost and how big they may be. Protocol: docs/oneshot.md.
#include <cstdint>

#include "crypto/bytes.hpp"
#include "crypto/time.hpp"

namespace conclave::oneshot {

/// Who the body of a request is for; one byte on the wire.
enum class Service : Byte {
  hello = 0,     ///< nobody: opens a session and tells the asker its address
  dht = 1,       ///< docs/dht.md
  dialback = 2,  ///< "can you reach me?", docs/nat.md
};

/// No datagram is longer: it fits IPv6's smallest MTU (1280) with its IP and UDP headers.
inline constexpr std::size_t datagram_max = 1232;
/// A first message is padded to this length, so that an answer of 1200 bytes may follow it.
inline constexpr std::size_t first_message_min = 400;
/// An answer to an unproven address is at most this many times as long as its request.
inline constexpr std::size_t amplification_max = 3;
/// Longest body of a request and of an answer. Bodies above `first_body_max` need a session: where there is
/// none, one is opened with a hello, which costs a round trip more.
inline constexpr std::size_t body_max = 1200;
inline constexpr std::size_t first_body_max = 1055;

struct Limits {
  /// Requests under way from us. Each holds about 1 KB.
  std::size_t exchanges_max = 1024;
  /// Sessions, about 300 bytes each; the one used longest ago goes first. Those whose asker has not yet proven
  /// its address have their own bound, so that spoofed first messages push out only each other.
  std::size_t sessions_max = 4096;
  std::size_t unproven_sessions_max = 512;
  /// Peers whose round trips and X25519 key we remember.
  std::size_t peers_max = 2048;
  /// First messages remembered against replay, 16 bytes each, in two generations of half of that. What does
  /// not fit is answered with "ask again within the session".
  std::size_t seen_max = 32768;
  /// Networks (/24, /48) whose use of handshakes is counted.
  std::size_t networks_max = 1024;

  /// What reading and answering a first message costs us: five X25519 operations and a conversion of keys. It is
  /// charged to the sender's budget; a slow machine states more.
  Duration first_message_price = std::chrono::microseconds(400);
  /// What looking at the MACs of one costs, and what a cookie costs on top.
  Duration check_price = std::chrono::microseconds(1);
  Duration cookie_price = std::chrono::microseconds(6);
  /// Shares of a core. Together the first two are what somebody without a proven address can take: below 10 %.
  double unproven_share = 0.06;
  double check_share = 0.035;
  double proven_share = 0.25;
  /// First messages a second that one network may have answered when it has to show a cookie.
  double per_network_rate = 20;

  /// A session is used for this long after its handshake; its receiver keeps it a minute longer.
  Duration session_life = std::chrono::minutes(30);
  /// How far the claimed time of a first message may be off. The replay cache covers twice this.
  std::chrono::milliseconds clock_tolerance = std::chrono::minutes(2);
};

}  // namespace conclave::oneshot
