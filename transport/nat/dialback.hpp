#pragma once
/// Proof that strangers can reach us: a node that we never contacted sends us a packet. Wire: docs/nat.md.
///
/// We ask a node we know ("asked"); it passes the question on to a node it knows ("caller"), in another network
/// than ours; that one makes a one-shot request to us. A filter that lets in only those we have written to
/// keeps it out, so its arrival is proof.
///
/// Nobody can be made to flood others: every request here is padded to 400 bytes, the address called is the one
/// the question came from (only the port is the asker's choice), and each step is limited in rate.
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "transport/io/clock.hpp"
#include "transport/oneshot/budget.hpp"
#include "transport/oneshot/endpoint.hpp"

namespace conclave::nat {

struct KnownNode {
  NodeKey key;
  io::Endpoint at;
};

class Dialback {
 public:
  /// A node that we are in contact with, to call somebody at `target`: in another network than it, if there is
  /// one; nothing if there is nobody.
  using Helper = std::function<std::optional<KnownNode>(const io::Endpoint& target, const NodeKey& asker)>;
  using Done = std::function<void(std::optional<bool>)>;

  /// Serves oneshot::Service::dialback on `oneshot` until it goes. All outlive this.
  Dialback(oneshot::Endpoint& oneshot, io::Clock& clock, Random& random, Helper helper);
  Dialback(const Dialback&) = delete;
  Dialback& operator=(const Dialback&) = delete;
  ~Dialback();

  /// Asks `asked` to have us called at `port` (0: the port that it sees). `done` hears true when the call has come,
  /// false when it was promised and did not come within five seconds, nothing when it could not be tried.
  void prove(const KnownNode& asked, std::uint16_t port, Done done);

 private:
  struct Proof {
    Done done;
    NodeKey asked;
    io::Clock::Alarm alarm;
    bool promised = false;
  };
  std::optional<Bytes> answer(const NodeKey& from, const io::Endpoint& at, ByteView body);
  std::optional<Bytes> on_ask(const NodeKey& from, const io::Endpoint& at, ByteView rest);
  std::optional<Bytes> on_pass(const NodeKey& from, ByteView rest);
  std::optional<Bytes> on_call(const NodeKey& from, ByteView rest);
  void end(std::uint64_t nonce, std::optional<bool> result);
  bool allowed(const io::IpAddress& network);

  static constexpr std::size_t proofs_max = 8;
  static constexpr Duration patience = std::chrono::seconds(5);
  oneshot::Endpoint& oneshot_;
  io::Clock& clock_;
  Random& random_;
  Helper helper_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::uint64_t, Proof> proofs_;
  oneshot::Budget total_;
  oneshot::NetworkRates per_network_;
};

}  // namespace conclave::nat
