#pragma once
/// The protocol of one-shot requests without socket and clock: datagrams and a time in; datagrams, results and a
/// deadline out. Protocol: docs/oneshot.md.
///
/// Whatever strangers send, memory stays within `Limits`, and what they cost stays within their budgets, as
/// counted by the prices in `Limits` and the time handed in.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "crypto/noise/handshake.hpp"
#include "transport/oneshot/budget.hpp"
#include "transport/oneshot/cookie.hpp"
#include "transport/oneshot/endpoint.hpp"
#include "transport/oneshot/peers.hpp"
#include "transport/oneshot/session.hpp"

namespace conclave::oneshot {

/// The moment of a call: the node's time line, and what its wall clock claims.
struct Moment {
  TimePoint now;
  UnixTime unix_now;
};

class Core {
 public:
  using ExchangeId = std::uint64_t;
  struct Outgoing {
    io::Endpoint to;
    Bytes bytes;
    std::optional<io::IpAddress> from;  ///< answers leave from the address that was asked
  };
  struct Finished {
    ExchangeId exchange;
    Result<Bytes> answer;
  };
  struct Observed {
    NodeKey by;
    io::Endpoint by_at;
    io::Endpoint us;
  };
  /// Nothing: refused.
  using Answerer = std::function<std::optional<Bytes>(Service, const NodeKey& from, const io::Endpoint& at,
                                                      ByteView body)>;

  /// `random` outlives the core.
  /// `started` is what the wall clock claims: first messages of an earlier time are not trusted to be fresh.
  Core(const NodeKeys& keys, Random& random, Limits limits, Answerer answerer, UnixTime started);

  ExchangeId request(const NodeKey& to, const io::Endpoint& at, Service service, ByteView body,
                     TimePoint deadline, Moment moment);
  void receive(const io::Packet& packet, Moment moment);
  /// Repeats and gives up what is due.
  void tick(Moment moment);
  /// What can wait until everything has been sent: the ephemeral key of the next handshake, the whole check of keys
  /// that we have just written to. Both happen in time without this, too, only later for those who wait.
  void prepare(TimePoint now);
  /// When `tick` has something to do; TimePoint::max() if never.
  TimePoint deadline() const { return agenda_.empty() ? TimePoint::max() : agenda_.begin()->first; }

  std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }
  std::vector<Finished> take_finished() { return std::exchange(finished_, {}); }
  bool finished_waiting() const { return !finished_.empty(); }
  std::vector<Observed> take_observed() { return std::exchange(observed_, {}); }
  const Peers& peers() const { return peers_; }
  Figures figures() const;

 private:
  /// A first message of ours that waits for its answer.
  struct First {
    Index index;
    noise::Handshake handshake;
    Bytes datagram;
    TimePoint sent;
    bool hello;         ///< the body waits for the session
    int cookies = 0;    ///< how often it went again under a cookie
    int forgeries = 0;  ///< answers that did not check out: each cost us an X25519 operation or two
  };
  /// A packet of ours within a session that waits for its reply.
  struct Ride {
    Index session;
    std::uint32_t counter;
    TimePoint sent;
  };
  /// A request of ours under way: it starts within a session or with a first message and may change over.
  struct Exchange {
    ExchangeId id;
    NodeKey to;
    io::Endpoint at;
    Service service;
    Bytes body;
    TimePoint deadline;
    TimePoint due;          ///< its entry in the agenda
    bool repeated = false;  ///< for want of an answer; once
    std::vector<First> firsts;
    std::vector<Ride> rides;
  };
  static constexpr std::size_t firsts_max = 3;
  static constexpr std::size_t rides_max = 3;
  static constexpr int cookies_max = 2;
  static constexpr int forgeries_max = 8;

  // Asking (asking.cpp).
  void send(Exchange& exchange, Moment moment);
  Result<> send_first(Exchange& exchange, Moment moment);
  void send_in_session(Exchange& exchange, Session& session, TimePoint now);
  void on_answer(const io::Packet& packet, Index index, Moment moment);
  void on_cookie(const io::Packet& packet, Index index);
  void on_reply(const io::Packet& packet, Index session, ByteView plain, Moment moment);
  void conclude(Exchange& exchange, Status status, ByteView body);
  void finish(ExchangeId id, Result<Bytes> answer);
  void schedule(Exchange& exchange, TimePoint when);
  std::pair<Exchange*, First*> waiting_first(Index index, const io::Endpoint& from);
  Index fresh_index();
  std::optional<noise::KeyPair> take_ephemeral() { return std::exchange(ephemeral_, std::nullopt); }

  // Answering (answering.cpp).
  void on_first(const io::Packet& packet, Index index, Moment moment);
  bool admit(const io::Packet& packet, TimePoint now);
  void answer_first(const io::Packet& packet, Index index, noise::Handshake& handshake,
                    const Question& question, bool fresh, TimePoint now);
  bool identity_holds(Session& session);
  void on_session_packet(const io::Packet& packet, Moment moment);
  void on_request(const io::Packet& packet, const SessionHeader& header, ByteView plain, TimePoint now);
  void answer_in_session(const io::Packet& packet, Session& session, std::uint32_t counter,
                         const std::optional<Bytes>& answer);
  Bytes prologue(const Header& header, const NodeKey& responder) const;

  NodeKey us_;
  noise::KeyPair static_;
  std::optional<noise::KeyPair> ephemeral_;  ///< for the next handshake
  Random& random_;
  Limits limits_;
  Answerer answerer_;

  std::unordered_map<ExchangeId, Exchange> exchanges_;
  std::unordered_map<Index, ExchangeId> by_index_;
  std::map<std::pair<Index, std::uint32_t>, ExchangeId> by_counter_;
  std::set<std::pair<TimePoint, ExchangeId>> agenda_;
  ExchangeId last_ = 0;
  std::vector<ExchangeId> unchecked_;       ///< their peer's key has not been looked at closely
  std::vector<Index> unchecked_sessions_;  ///< nor has these sessions'

  Peers peers_;
  Sessions sessions_;
  MacKeys our_mac_keys_;
  CookieJar jar_;
  SeenKeys seen_;
  Budget unproven_, checks_, proven_;
  NetworkRates rates_;
  UnixTime started_;

  std::vector<Outgoing> outgoing_;
  std::vector<Finished> finished_;
  std::vector<Observed> observed_;
  Figures figures_;
};

}  // namespace conclave::oneshot
