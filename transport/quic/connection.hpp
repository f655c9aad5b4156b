#pragma once
/// An nQUIC connection as its user holds it. Dropping it closes it.
#include "transport/io/connection.hpp"
#include "transport/quic/packet_key.hpp"

namespace conclave::quic {

class Session;

class Connection final : public io::Connection {
 public:
  explicit Connection(std::shared_ptr<Session> session);
  ~Connection() override;

  const NodeKey& peer() const override;
  Kind kind() const override { return Kind::nquic; }
  io::Endpoint remote() const override;
  bool dialled_by_us() const override;
  Duration smoothed_rtt() const override;
  boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>> open(std::string protocol) override;
  boost::asio::awaitable<Result<Incoming>> accept() override;
  std::size_t datagram_max() const override;
  bool send_datagram(ByteView bytes) override;
  boost::asio::awaitable<Result<Bytes>> receive_datagram() override;
  Result<Secret<32>> export_secret(std::string_view label) const override;
  void close() override;
  bool closed() const override;
  boost::asio::awaitable<void> wait_closed() override;

  /// What only nQUIC has.

  /// The dialler is done after one round trip, but only half a round trip later has the other side verified
  /// it. Until then nothing says that we were accepted.
  bool confirmed() const;
  /// False when the connection ended or `deadline` came first.
  boost::asio::awaitable<bool> wait_confirmed(TimePoint deadline);
  /// New packet keys for both directions. Fails with Errc::refused within three PTOs of the last time.
  Result<> update_keys();
  /// Our network changed: proves the new path to the peer. For the dialler only; fails with Errc::refused
  /// within 1.5 s of the last change of path.
  Result<> migrate();
  Suite suite() const;
  /// What the responder showed in its hello; empty on its own side.
  const Bytes& peer_certificate() const;
  /// Bytes of UDP payload that the path is known to carry.
  std::size_t packet_max() const;

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace conclave::quic
