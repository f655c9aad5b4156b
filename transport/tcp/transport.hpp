#pragma once
/// libp2p over TCP and over WebSocket: dials and listens, and gives authenticated connections.
///
/// Spec and deviations: docs/tcp.md. One listening port serves plain TCP and WebSocket (`/ip4/…/tcp/N` and
/// `/ip4/…/tcp/N/ws`), told apart by the first byte. Every handshake has a deadline; strangers are limited by
/// Admission before they cost anything.
#include <functional>

#include "transport/tcp/admission.hpp"
#include "transport/tcp/socket.hpp"
#include "transport/tcp/upgrade.hpp"

namespace conclave::tcp {

struct TransportSettings {
  /// The protocols that `accept` of a connection may hand out; others are answered `na`. Default: all.
  Choice::Speaks speaks = [](std::string_view) { return true; };
  YamuxLimits yamux;
  AdmissionLimits admission;
  /// Of an inbound connection, from its first packet to both identities proven.
  Duration handshake_patience = std::chrono::seconds(10);
  bool early_muxer = true;
};

class Transport {
 public:
  using Accept = std::function<void(std::shared_ptr<io::Connection>)>;

  /// The references stay for as long as the transport, and so does `keys` for its connections.
  Transport(boost::asio::any_io_executor executor, io::Clock& clock, Random& random, const NodeKeys& keys,
            TransportSettings settings = {});
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  /// `co_await close()` first.
  ~Transport();

  /// Inbound connections, when both identities are proven. Set before `listen`.
  void on_accept(Accept accept) { accept_ = std::move(accept); }
  /// Port 0 picks one; the unspecified v6 address takes v4 as well. May be called for several endpoints. Returns where
  /// it listens, or the system's error.
  Result<io::Endpoint> listen(const io::Endpoint& at);
  /// The connection to `expected`, or to whoever answers. `kind` is tcp or websocket. Fails with Errc::timed_out,
  /// Errc::bad_key (somebody else answers), the errors of Handshake::receive, or the system's.
  boost::asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(
      io::Endpoint to, std::optional<NodeKey> expected, TimePoint deadline,
      io::Connection::Kind kind = io::Connection::Kind::tcp);
  /// Ends the listeners and every connection, politely within Link::linger, and waits for it.
  boost::asio::awaitable<void> close();

  const Admission& admission() const { return admission_; }

 private:
  boost::asio::awaitable<void> accept_loop(std::shared_ptr<Listener> listener);
  boost::asio::awaitable<void> receive(std::unique_ptr<Socket> socket, io::Endpoint remote);
  boost::asio::awaitable<Result<Upgraded>> enter(std::unique_ptr<Socket> socket, io::Endpoint remote);
  void keep(const std::shared_ptr<Link>& link, std::function<void()> at_end);

  boost::asio::any_io_executor executor_;
  io::Clock& clock_;
  TransportSettings settings_;
  noise::KeyPair static_keys_;
  Accept accept_;
  Admission admission_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::map<std::uint64_t, std::weak_ptr<Link>> links_;
  std::uint64_t last_link_ = 0;
  bool closing_ = false;
  io::Scope strangers_;  ///< listeners, and handshakes of those who came
  io::Scope running_;    ///< connections
  UpgradeSettings upgrade_;
};

}  // namespace conclave::tcp
