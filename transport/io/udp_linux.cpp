// Linux's fast road: recvmmsg with UDP_GRO in, sendmsg and sendmmsg with UDP_SEGMENT out, and the packet's
// local address.
#include "transport/io/udp_packets.hpp"

#ifdef __linux__
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <vector>

#include <netinet/in.h>
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace conclave::io {
namespace {

constexpr std::size_t messages = 8;         ///< per recvmmsg
constexpr std::size_t message_max = 65536;  ///< GRO glues up to 64 KiB
constexpr std::size_t together = 64;        ///< per sendmmsg
constexpr std::size_t send_max =
    65000;  ///< below the 65507 of an IPv4 datagram, which bounds a GSO send as well
constexpr std::size_t segments_max = 64;  ///< UDP_MAX_SEGMENTS of the older kernels

union Control {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
             CMSG_SPACE(sizeof(std::uint16_t)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec))];
};

template <class T>
void put_control(msghdr& message, int level, int type, const T& value) {
  auto* header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(T));
  std::memcpy(CMSG_DATA(header), &value, sizeof(T));
  message.msg_controllen += CMSG_SPACE(sizeof(T));
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

/// By the kernel's stamp. The wall clock may be set in between: what makes no sense counts for nothing.
Duration waited_since(const timespec& stamp, const timespec& now) {
  constexpr std::chrono::nanoseconds most = std::chrono::seconds(10);
  std::chrono::nanoseconds span(nanoseconds(now) - nanoseconds(stamp));
  if (span.count() < 0 || span > most) return {};
  return std::chrono::duration_cast<Duration>(span);
}

IpAddress mapped(const Byte* address) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  std::memcpy(&in.sin6_addr, address, 16);
  sockaddr_storage storage{};
  std::memcpy(&storage, &in, sizeof in);
  return from_sockaddr(storage).ip;
}

class BatchedUdp final : public UdpPackets {
 public:
  BatchedUdp(const UdpSocket& socket, bool segmentation)
      : socket_(socket),
        segmentation_(segmentation),
        buffer_(std::make_unique_for_overwrite<Byte[]>(messages * message_max)) {
    packets_.reserve(256);
  }

  std::span<const Packet> receive(bool& more) override {
    more = false;
    std::array<mmsghdr, messages> headers{};
    std::array<iovec, messages> pieces;
    std::array<sockaddr_storage, messages> from;
    std::array<Control, messages> controls;
    for (std::size_t i = 0; i < messages; ++i) {
      pieces[i] = {buffer_.get() + i * message_max, message_max};
      auto& header = headers[i].msg_hdr;
      header.msg_name = &from[i];
      header.msg_namelen = sizeof from[i];
      header.msg_iov = &pieces[i];
      header.msg_iovlen = 1;
      header.msg_control = &controls[i];
      header.msg_controllen = sizeof controls[i];
    }
    auto count = ::recvmmsg(socket_.handle, headers.data(), messages, MSG_DONTWAIT, nullptr);
    packets_.clear();
    if (count <= 0) return {};
    more = count == static_cast<int>(messages);
    ::clock_gettime(CLOCK_REALTIME, &read_at_);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (headers[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) continue;
      take(headers[i], from_sockaddr(from[i]), {buffer_.get() + i * message_max, headers[i].msg_len});
    }
    return packets_;
  }

  bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<IpAddress>& from) override {
    if (segment_size == 0 || segment_size >= bytes.size()) return send_one(to, bytes, 0, from);
    if (!segmentation_) return send_each(to, bytes, segment_size, from);
    auto batch = segment_size * std::min(segments_max, std::max<std::size_t>(send_max / segment_size, 1));
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min(batch, bytes.size()));
      if (!send_one(to, piece, piece.size() > segment_size ? segment_size : 0, from)) return false;
      bytes = bytes.subspan(piece.size());
    }
    return true;
  }

  std::size_t send_many(std::span<const Departing> departing) override {
    std::size_t done = 0;
    while (done < departing.size()) {
      auto some = departing.subspan(done, std::min(together, departing.size() - done));
      auto sent = send_some(some);
      done += sent;
      if (sent == some.size()) continue;
      // The first that was refused goes its own way, which knows what to make of every error.
      auto& one = departing[done];
      if (!send(one.to, one.bytes, one.segment_size, one.from)) return done;
      ++done;
    }
    return done;
  }

 private:
  /// How many of them the system took in one call.
  std::size_t send_some(std::span<const Departing> departing) {
    std::array<mmsghdr, together> headers;
    std::array<iovec, together> pieces;
    std::array<sockaddr_storage, together> addresses;
    std::array<Control, together> controls;
    std::size_t count = 0;
    for (auto& one : departing) {
      bool cut = one.segment_size != 0 && one.segment_size < one.bytes.size();
      auto size = to_sockaddr(one.to, socket_.v6, addresses[count]);
      if (size == 0 || (cut && (!segmentation_ || one.bytes.size() > send_max))) break;
      pieces[count] = {const_cast<Byte*>(one.bytes.data()), one.bytes.size()};
      msghdr message{};
      message.msg_name = &addresses[count];
      message.msg_namelen = size;
      message.msg_iov = &pieces[count];
      message.msg_iovlen = 1;
      message.msg_control = &controls[count];
      if (one.from && !one.from->unspecified()) put_source(message, *one.from);
      if (cut) put_control(message, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(one.segment_size));
      if (message.msg_controllen == 0) message.msg_control = nullptr;
      headers[count].msg_hdr = message;
      headers[count++].msg_len = 0;
    }
    if (count == 0) return 0;
    auto sent = ::sendmmsg(socket_.handle, headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }

  /// Cuts a message that the kernel glued together back into the packets that were sent.
  void take(mmsghdr& received, const Endpoint& from, ByteView bytes) {
    auto& message = received.msg_hdr;
    std::size_t segment = bytes.size();
    IpAddress to = socket_.bound.ip;
    Duration waited{};
    for (auto* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
      if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        int size = 0;
        std::memcpy(&size, CMSG_DATA(control), sizeof size);
        if (size > 0) segment = static_cast<std::size_t>(size);
      } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
        waited = waited_since(stamp, read_at_);
      } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        in_pktinfo info{};
        std::memcpy(&info, CMSG_DATA(control), sizeof info);
        to = {};
        std::memcpy(to.bytes.data(), &info.ipi_addr, 4);
      } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        in6_pktinfo info{};
        std::memcpy(&info, CMSG_DATA(control), sizeof info);
        to = mapped(reinterpret_cast<const Byte*>(&info.ipi6_addr));
      }
    }
    do {
      auto piece = bytes.first(std::min(segment, bytes.size()));
      packets_.push_back({from, to, piece, waited});
      bytes = bytes.subspan(piece.size());
    } while (!bytes.empty());
  }

  bool send_each(const Endpoint& to, ByteView bytes, std::size_t segment_size,
                 const std::optional<IpAddress>& from) {
    while (!bytes.empty()) {
      auto piece = bytes.first(std::min(segment_size, bytes.size()));
      if (!send_one(to, piece, 0, from)) return false;
      bytes = bytes.subspan(piece.size());
    }
    return true;
  }

  bool send_one(const Endpoint& to, ByteView bytes, std::size_t segment_size,
                const std::optional<IpAddress>& from) {
    sockaddr_storage address{};
    auto address_size = to_sockaddr(to, socket_.v6, address);
    if (address_size == 0) return true;  // a family that this socket cannot reach: lost
    iovec piece{const_cast<Byte*>(bytes.data()), bytes.size()};
    Control control{};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = address_size;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    if (from && !from->unspecified()) put_source(message, *from);
    if (segment_size)
      put_control(message, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_size));
    if (message.msg_controllen == 0) message.msg_control = nullptr;
    if (::sendmsg(socket_.handle, &message, MSG_DONTWAIT) >= 0) return true;
    switch (errno) {
      case EAGAIN:
      case ENOBUFS:
        return false;
      case EIO:
      case EINVAL:
        // No checksum offload on this interface, or fewer segments than we think: one by one from now on.
        if (segment_size == 0) return true;
        if (errno == EIO) segmentation_ = false;
        return send_each(to, bytes, segment_size, from);
      default:
        return true;  // unreachable, too long, forbidden: lost, as in any network
    }
  }

  void put_source(msghdr& message, const IpAddress& from) const {
    if (!socket_.v6) {
      if (from.family != IpAddress::Family::v4) return;
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, from.bytes.data(), 4);
      put_control(message, IPPROTO_IP, IP_PKTINFO, info);
      return;
    }
    sockaddr_storage storage{};
    to_sockaddr({from, 0}, true, storage);
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof address);
    in6_pktinfo info{};
    info.ipi6_addr = address.sin6_addr;
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }

  UdpSocket socket_;
  bool segmentation_;
  std::unique_ptr<Byte[]> buffer_;
  std::vector<Packet> packets_;
  timespec read_at_{};
};

void switch_on(int socket, int level, int option, int value = 1) {
  // What the kernel refuses we do without: GRO gives speed, PKTINFO the right source on hosts with several
  // addresses, TIMESTAMPNS tells a full network from a busy machine.
  (void)::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

std::unique_ptr<UdpPackets> batched_udp(const UdpSocket& socket) {
  switch_on(socket.handle, IPPROTO_UDP, UDP_GRO);
  switch_on(socket.handle, SOL_SOCKET, SO_TIMESTAMPNS);
  switch_on(socket.handle, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (socket.v6) {
    switch_on(socket.handle, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    switch_on(socket.handle, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  } else {
    switch_on(socket.handle, IPPROTO_IP, IP_PKTINFO);
  }
  int segment = 0;
  socklen_t size = sizeof segment;
  bool segmentation = ::getsockopt(socket.handle, IPPROTO_UDP, UDP_SEGMENT, &segment, &size) == 0;
  return std::make_unique<BatchedUdp>(socket, segmentation);
}

}  // namespace conclave::io

#else

namespace conclave::io {
std::unique_ptr<UdpPackets> batched_udp(const UdpSocket&) { return nullptr; }
}  // namespace conclave::io

#endif
