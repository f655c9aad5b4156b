#pragma once
/// The one UDP socket of a node, as its protocols see it. Two implementations: `io::Udp` (Linux, batched) and
/// the simulator's network.
#include <functional>
#include <optional>

#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::io {

/// One received datagram. `bytes` is valid during the callback only.
struct Packet {
  Endpoint from;
  IpAddress to;  ///< the local address it came to: answers leave from there
  ByteView bytes;
  /// How long it lay in the socket until we read it; 0 where the system does not say. Whoever measures the path takes
  /// it off: a reader that had to wait for the processor is no queue in the network.
  Duration waited{};
};

/// One of many that leave together.
struct Departing {
  Endpoint to;
  std::optional<IpAddress> from;  ///< as in Datagrams::send
  ByteView bytes;
  std::size_t segment_size = 0;   ///< as in Datagrams::send
};

class Datagrams {
 public:
  using Receiver = std::function<void(std::span<const Packet>)>;
  virtual ~Datagrams() = default;

  /// Sends `bytes` as datagrams of `segment_size` bytes (the last may be shorter); 0 means as one datagram.
  /// `from` is the local address to send from, if the caller answers somebody. A full socket buffer drops
  /// silently, as networks do; `sendable()` says when it is worth trying again.
  /// Returns false when the packets were dropped for want of buffer.
  virtual bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size = 0,
                    const std::optional<IpAddress>& from = std::nullopt) = 0;
  /// The same for many at once, to whatever addresses: one call to the system where it has one (sendmmsg). Returns
  /// how many were taken; those behind were dropped for want of buffer.
  virtual std::size_t send_many(std::span<const Departing> departing) {
    for (std::size_t i = 0; i < departing.size(); ++i) {
      auto& one = departing[i];
      if (!send(one.to, one.bytes, one.segment_size, one.from)) return i;
    }
    return departing.size();
  }
  /// Calls `ready` once when the socket takes packets again.
  virtual void when_sendable(std::function<void()> ready) = 0;
  /// Everything that arrives, in batches. One receiver: the demultiplexer (transport/io/demux.hpp).
  virtual void on_receive(Receiver receiver) = 0;
  virtual std::uint16_t local_port() const = 0;
};

}  // namespace conclave::io
