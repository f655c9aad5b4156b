#pragma once
/// One-shot requests over a node's UDP socket: one datagram there, one back, encrypted, both ends
/// authenticated. Protocol: docs/oneshot.md; its core without socket and clock is transport/oneshot/core.hpp.
///
/// The first request to a node is a whole Noise IK handshake with the body inside; later ones ride on the
/// session that it left. A request may be executed twice (it is repeated once when no answer comes) and, in the
/// worst case, replayed by somebody on the path within minutes: bodies are idempotent and not secret beyond
/// what the responder's key protects.
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "crypto/keys.hpp"
#include "transport/io/clock.hpp"
#include "transport/io/datagrams.hpp"
#include "transport/oneshot/limits.hpp"

namespace conclave::oneshot {

class Core;

/// How long answers take: exponentially smoothed as in RFC 6298.
struct Rtt {
  Duration smoothed{};
  Duration deviation{};
  /// When to stop hoping: smoothed + 4 deviations, at least 100 ms. On a path whose round trips are all alike the
  /// deviation vanishes: the peer still has `grace` to be busy, or every other request would be repeated for nothing.
  static constexpr Duration grace = std::chrono::milliseconds(25);
  Duration patience() const {
    return std::max<Duration>(smoothed + std::max(4 * deviation, grace), std::chrono::milliseconds(100));
  }
};

/// What has happened since the start, for `conclave status` and the tests.
struct Figures {
  std::uint64_t firsts_answered = 0;     ///< first messages read and answered
  std::uint64_t sessions_answered = 0;   ///< requests answered within a session
  std::uint64_t cookies_sent = 0;
  std::uint64_t dropped_unread = 0;      ///< over budget: not even the MAC was looked at
  std::uint64_t dropped_mac = 0;         ///< did not know our key
  std::uint64_t dropped_replay = 0;
  std::uint64_t dropped_forged = 0;      ///< does not decrypt, or an identity that does not hold
  std::uint64_t dropped_unasked = 0;     ///< answers nobody asked for, packets of no session
  std::size_t exchanges = 0;             ///< requests of ours under way now
  std::size_t sessions = 0;              ///< sessions now
};

class Endpoint {
 public:
  /// The answer; or Errc::timed_out, Errc::refused (the peer does not serve this), Errc::too_long (body above
  /// `body_max`, or an answer that fits no datagram: use a connection), Errc::bad_key (`to` is no key),
  /// Errc::limit_reached (too many requests under way), Errc::closed (the endpoint goes away).
  using Done = std::function<void(Result<Bytes>)>;
  /// Runs on the node's thread, at once; nothing means "refused". `from` is proven to have sent `body`
  /// at some time of the last minutes; that it is at `at` is proven only within a session.
  using Answer = std::function<std::optional<Bytes>(const NodeKey& from, const io::Endpoint& at, ByteView body)>;
  /// `us` is our address as `by` at `by_at` sees it.
  using Observed = std::function<void(const NodeKey& by, const io::Endpoint& by_at, const io::Endpoint& us)>;

  /// `socket` carries one-shot packets only: a channel of the demultiplexer (transport/io/demux.hpp). All four
  /// outlive the endpoint.
  Endpoint(io::Datagrams& socket, io::Clock& clock, Random& random, const NodeKeys& keys, Limits limits = {});
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  /// Ends requests under way with Errc::closed.
  ~Endpoint();

  /// Asks `to`, which is believed to be at `at`. `done` runs once, never inside this call, at the latest at
  /// `deadline`. Repeated once after the peer's `Rtt::patience()`, or half a second for an unknown one.
  void request(const NodeKey& to, const io::Endpoint& at, ByteView body, TimePoint deadline, Done done,
               Service service = Service::dht);
  /// Who answers requests for `service`. One answerer each; an empty function takes it back.
  void on_request(Answer answer, Service service = Service::dht);
  void on_observed(Observed observed);

  /// Nothing where nobody of that key has answered lately.
  std::optional<Rtt> rtt(const NodeKey& peer) const;
  Figures figures() const;

 private:
  void receive(std::span<const io::Packet> packets);
  void send();
  void flush();
  void arm();
  io::Datagrams& socket_;
  io::Clock& clock_;
  std::unique_ptr<Core> core_;
  std::map<std::uint64_t, Done> waiting_;
  std::map<Service, Answer> answers_;
  Observed observed_;
  std::optional<io::Clock::Alarm> alarm_;
  TimePoint armed_ = TimePoint::max();
  std::shared_ptr<bool> alive_;
};

}  // namespace conclave::oneshot
