#pragma once
/// How a node is doing, in figures and in words.
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace conclave::node {

struct PeerStatus {
  NodeKey node;
  std::optional<AccountKey> account;  ///< where it is a contact's or our own
  std::string transport;              ///< "nquic", "tcp", "websocket", "relayed"
  std::string address;                ///< where it is, as a multiaddr
  bool dialled_by_us = false;
  Duration rtt{};
};

struct DhtStatus {
  std::size_t table = 0;         ///< verified nodes in the routing table
  std::size_t entries_held = 0;  ///< sealed entries kept for others
  double network_estimate = 0;   ///< nodes in the network, estimated from the density around us
  std::uint64_t lookups = 0;     ///< since start
  Duration lookup_median{};      ///< of the recent ones
  bool published = false;        ///< our meeting-point entry of today is stored
  std::optional<UnixTime> published_at;
};

struct TrafficStatus {
  std::uint64_t sent_bytes = 0;  ///< since start, UDP and TCP payload
  std::uint64_t sent_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t received_packets = 0;
};

enum class Reachability : Byte { unknown, open, mapped, firewalled, lan_only, offline };

struct Status {
  std::string version;
  AccountKey account;
  NodeKey node;
  UnixTime started;
  std::vector<std::string> addresses;  ///< multiaddrs under which others can try this node
  Reachability reachability = Reachability::unknown;
  std::string reachability_words;  ///< one or two sentences for a person
  std::vector<PeerStatus> peers;
  DhtStatus dht;
  TrafficStatus traffic;
  std::size_t contacts = 0;
  std::size_t requests = 0;
  std::uint64_t outbox = 0;   ///< messages of ours that no node of the receiver has acknowledged
  std::string store_trouble;  ///< empty, or why the database refuses writes
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;  ///< 0: not listening
};

}  // namespace conclave::node
