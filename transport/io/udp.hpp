#pragma once
/// The UDP socket of a node.
///
/// One socket for everything: opened on `[::]` it is dual-stack (IPV6_V6ONLY off; v4 peers appear as v4,
/// never as v4-mapped v6), so that there is one port to map and one hole to punch. Where the machine has no
/// IPv6,
/// `[::]` falls back to `0.0.0.0`. Opened on any v4 address it is a v4 socket.
///
/// On Linux packets move in batches (recvmmsg with UDP_GRO, sendmsg with UDP_SEGMENT): without them the CPU
/// cost per byte was 3.5 times higher. Path MTU discovery is the protocols' business: packets leave with
/// "don't fragment", and one that does not fit is lost like any other.
#include "transport/io/datagrams.hpp"

#include <memory>

#include <boost/asio/any_io_executor.hpp>

namespace conclave::io {

class Udp final : public Datagrams {
 public:
  enum class Batching : Byte {
    automatic,  ///< the best the system has
    none  ///< one packet a call, portable sockets only; `Packet::to` stays unspecified on a wildcard socket
  };

  /// Binds to `local`; port 0 lets the system choose. Fails with the system's error: address in use, not
  /// permitted, no such address.
  static Result<std::unique_ptr<Udp>> open(boost::asio::any_io_executor executor, const Endpoint& local,
                                           Batching batching = Batching::automatic);
  ~Udp() override;

  bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size = 0,
            const std::optional<IpAddress>& from = std::nullopt) override;
  std::size_t send_many(std::span<const Departing> departing) override;
  void when_sendable(std::function<void()> ready) override;
  void on_receive(Receiver receiver) override;
  std::uint16_t local_port() const override;

  /// What it is bound to; the wildcard address stays the wildcard address.
  Endpoint local() const;
  /// Bytes the system agreed to buffer for us, as it counts them.
  std::size_t receive_buffer() const;

 private:
  struct State;
  explicit Udp(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace conclave::io
