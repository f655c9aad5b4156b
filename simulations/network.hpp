#pragma once
/// A network of hosts under virtual time: what one socket sends, another receives after a delay, or never.
///
/// The round-trip time of a pair of addresses is drawn once, from the seed and the two addresses, from a
/// lognormal distribution (median and sigma in `Conditions`); every datagram adds jitter. Packets of one path
/// arrive in order unless `reorder` is set. Everything follows from the seed: same seed, same packets.
#include "crypto/random.hpp"
#include "simulations/nat.hpp"
#include "simulations/world.hpp"
#include "transport/io/datagrams.hpp"

#include <map>
#include <memory>
#include <set>

namespace conclave::sim {

/// What a path does to datagrams. Both directions of a pair are alike.
struct Conditions {
  Duration rtt_median = std::chrono::milliseconds(80);
  double rtt_sigma = 0.6;              ///< of the logarithm; 0 gives every pair `rtt_median`
  Duration jitter = Duration(0);       ///< each datagram waits up to this much longer, uniformly
  double loss = 0;                     ///< share of datagrams that vanish
  double duplicates = 0;               ///< share of datagrams that arrive twice
  bool reorder = false;                ///< jitter may let datagrams of one path overtake each other
  std::uint64_t bytes_per_second = 0;  ///< 0: no bottleneck
  Duration queue_max = std::chrono::milliseconds(100);  ///< of the bottleneck; what exceeds it is lost
  std::size_t mtu = 1500;                               ///< with headers; larger ones vanish
  friend bool operator==(const Conditions&, const Conditions&) = default;
};

/// What a host sent and received, IP and UDP headers (28 or 48 bytes a datagram) included.
struct Traffic {
  std::uint64_t datagrams_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t bytes_received = 0;
};

class Network {
 public:
  /// Sees each datagram as it leaves, under its public addresses, and says whether it may pass. It may change
  /// the bytes: the adversary on the path.
  using Tap = std::function<bool(const io::Endpoint& from, const io::Endpoint& to, Bytes& bytes)>;

  Network(World& world, std::uint64_t seed, Conditions conditions = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  /// A socket of a host with a public address. Port 0 takes a free one. Sockets may outlive nobody: close
  /// them (by destruction) before the network.
  std::unique_ptr<io::Datagrams> open(const io::Endpoint& at);
  /// A socket behind a NAT; `at` is its private address. Hosts behind one router reach each other directly.
  std::unique_ptr<io::Datagrams> open_behind(Router& router, const io::Endpoint& at);
  Router& router(const io::IpAddress& public_ip, NatKind kind);

  /// From here on this pair of public addresses has conditions of its own.
  void set_path(const io::IpAddress& a, const io::IpAddress& b, const Conditions& conditions);
  /// The round-trip time of a pair without jitter.
  Duration rtt(const io::IpAddress& a, const io::IpAddress& b) const;
  /// Hosts of different groups do not hear each other; everyone starts in group 0.
  void set_group(const io::IpAddress& host, int group);
  /// A host that is down neither sends nor receives.
  void set_down(const io::IpAddress& host, bool down);
  void set_tap(Tap tap) { tap_ = std::move(tap); }

  /// By public address: hosts behind one router are counted together.
  const Traffic& traffic(const io::IpAddress& host) { return traffic_[host]; }
  Traffic total() const;

 private:
  class Socket;
  struct Path {
    TimePoint last_arrival{};
    TimePoint busy_until{};
  };
  void send(Socket& from, const io::Endpoint& to, ByteView bytes);
  void carry(const io::Endpoint& from, const io::Endpoint& to, Bytes bytes, Duration extra);
  void deliver(const io::Endpoint& from, const io::Endpoint& to, ByteView bytes);
  bool cut(const io::IpAddress& a, const io::IpAddress& b) const;
  const Conditions& conditions(const io::IpAddress& a, const io::IpAddress& b) const;
  std::uint16_t free_port(const io::IpAddress& ip);

  World& world_;
  std::uint64_t seed_;
  SeededRandom random_;
  Conditions conditions_;
  Tap tap_;
  std::map<io::Endpoint, Socket*> sockets_;  ///< public ones
  std::map<io::IpAddress, std::unique_ptr<Router>> routers_;
  std::map<const Router*, std::map<io::Endpoint, Socket*>> inside_;
  std::map<std::pair<io::IpAddress, io::IpAddress>, Conditions> special_;
  std::map<std::pair<io::IpAddress, io::IpAddress>, Path> paths_;
  std::map<io::IpAddress, int> groups_;
  std::set<io::IpAddress> down_;
  std::map<io::IpAddress, Traffic> traffic_;
};

}  // namespace conclave::sim
