#include "transport/io/udp_packets.hpp"

#include <array>
#include <cerrno>

#include <netinet/in.h>

namespace conclave::io {
namespace {

constexpr std::array<Byte, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// One packet a call, with what every system's sockets have.
class PlainUdp final : public UdpPackets {
 public:
  explicit PlainUdp(const UdpSocket& socket)
      : socket_(socket), buffer_(std::make_unique_for_overwrite<Byte[]>(packet_max)) {}

  std::span<const Packet> receive(bool& more) override {
    more = false;
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    auto size = ::recvfrom(socket_.handle, buffer_.get(), packet_max, 0, reinterpret_cast<sockaddr*>(&from),
                           &from_size);
    if (size < 0) return {};
    more = true;
    packet_ = {from_sockaddr(from), socket_.bound.ip, {buffer_.get(), static_cast<std::size_t>(size)}};
    return {&packet_, 1};
  }

  bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<IpAddress>&) override {
    sockaddr_storage address{};
    auto address_size = to_sockaddr(to, socket_.v6, address);
    if (address_size == 0) return true;  // a family that this socket cannot reach: lost
    if (segment_size == 0) segment_size = bytes.size();
    do {
      auto piece = bytes.first(std::min(segment_size, bytes.size()));
      bytes = bytes.subspan(piece.size());
      auto sent = ::sendto(socket_.handle, piece.data(), piece.size(), 0,
                           reinterpret_cast<const sockaddr*>(&address), address_size);
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) return false;
    } while (!bytes.empty());
    return true;
  }

 private:
  static constexpr std::size_t packet_max = 65536;
  UdpSocket socket_;
  std::unique_ptr<Byte[]> buffer_;
  Packet packet_{};
};

}  // namespace

std::unique_ptr<UdpPackets> plain_udp(const UdpSocket& socket) { return std::make_unique<PlainUdp>(socket); }

socklen_t to_sockaddr(const Endpoint& endpoint, bool v6, sockaddr_storage& storage) {
  if (!v6) {
    if (endpoint.ip.family != IpAddress::Family::v4) return 0;
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(endpoint.port);
    std::memcpy(&out.sin_addr, endpoint.ip.bytes.data(), 4);
    std::memcpy(&storage, &out, sizeof out);
    return sizeof out;
  }
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(endpoint.port);
  auto* address = reinterpret_cast<Byte*>(&out.sin6_addr);
  if (endpoint.ip.family == IpAddress::Family::v4) {
    std::copy(v4_mapped.begin(), v4_mapped.end(), address);
    std::memcpy(address + v4_mapped.size(), endpoint.ip.bytes.data(), 4);
  } else {
    std::memcpy(address, endpoint.ip.bytes.data(), 16);
  }
  std::memcpy(&storage, &out, sizeof out);
  return sizeof out;
}

Endpoint from_sockaddr(const sockaddr_storage& storage) {
  Endpoint out;
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    out.port = ntohs(in.sin_port);
    std::memcpy(out.ip.bytes.data(), &in.sin_addr, 4);
    return out;
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &storage, sizeof in);
  out.port = ntohs(in.sin6_port);
  const auto* address = reinterpret_cast<const Byte*>(&in.sin6_addr);
  if (std::equal(v4_mapped.begin(), v4_mapped.end(), address)) {
    std::memcpy(out.ip.bytes.data(), address + v4_mapped.size(), 4);
  } else {
    out.ip.family = IpAddress::Family::v6;
    std::memcpy(out.ip.bytes.data(), address, 16);
  }
  return out;
}

}  // namespace conclave::io
