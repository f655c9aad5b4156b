#pragma once
/// How packets get in and out of a UDP socket: in batches on Linux, one by one everywhere.
#include "transport/io/datagrams.hpp"

#include <memory>

#include <sys/socket.h>

namespace conclave::io {

/// The socket, and what is known about it.
struct UdpSocket {
  int handle = -1;
  bool v6 = false;  ///< sockaddr_in6 throughout, v4 peers v4-mapped
  Endpoint bound;
};

class UdpPackets {
 public:
  virtual ~UdpPackets() = default;
  /// What waits in the socket, up to one batch; valid until the next call. `more` says that another call may
  /// find something.
  virtual std::span<const Packet> receive(bool& more) = 0;
  /// As Datagrams::send.
  virtual bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size,
                    const std::optional<IpAddress>& from) = 0;
  /// As Datagrams::send_many; one by one unless the system knows better.
  virtual std::size_t send_many(std::span<const Departing> departing) {
    for (std::size_t i = 0; i < departing.size(); ++i) {
      auto& one = departing[i];
      if (!send(one.to, one.bytes, one.segment_size, one.from)) return i;
    }
    return departing.size();
  }
};

/// Null where the system has nothing better than `plain_udp`.
std::unique_ptr<UdpPackets> batched_udp(const UdpSocket& socket);
std::unique_ptr<UdpPackets> plain_udp(const UdpSocket& socket);

/// An address in the socket's own family. `storage` must have room for a sockaddr_in6.
socklen_t to_sockaddr(const Endpoint& endpoint, bool v6, sockaddr_storage& storage);
/// The other way; v4-mapped addresses become v4.
Endpoint from_sockaddr(const sockaddr_storage& storage);

}  // namespace conclave::io
