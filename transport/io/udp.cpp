#include "transport/io/udp.hpp"

#include "transport/io/udp_packets.hpp"

#include <cerrno>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

namespace conclave::io {
namespace asio = boost::asio;
namespace {

/// Room for a few round trips at full speed: a burst that the reader's thread is too busy to take is not
/// lost.
constexpr int buffer_size = 4 * 1024 * 1024;

Error system_error() { return {errno, std::system_category()}; }

void enlarge(int socket, int option, int forced) {
  // Beyond the system's limit only with privileges; without them the system gives what it allows.
  if (::setsockopt(socket, SOL_SOCKET, forced, &buffer_size, sizeof buffer_size) != 0)
    (void)::setsockopt(socket, SOL_SOCKET, option, &buffer_size, sizeof buffer_size);
}

Result<UdpSocket> bind_socket(const Endpoint& local) {
  UdpSocket out;
  out.v6 = local.ip.family == IpAddress::Family::v6;
  out.handle = ::socket(out.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  if (out.handle < 0) return fail(system_error());
  auto give_up = [&out] {
    auto error = system_error();
    ::close(out.handle);
    return fail(error);
  };
  int off = 0;
  if (out.v6 && ::setsockopt(out.handle, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) return give_up();
  sockaddr_storage address{};
  auto size = to_sockaddr(local, out.v6, address);
  if (::bind(out.handle, reinterpret_cast<const sockaddr*>(&address), size) != 0) return give_up();
  size = sizeof address;
  if (::getsockname(out.handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) return give_up();
  out.bound = from_sockaddr(address);
  if (::fcntl(out.handle, F_SETFL, O_NONBLOCK) != 0 || ::fcntl(out.handle, F_SETFD, FD_CLOEXEC) != 0)
    return give_up();
#ifdef __linux__
  enlarge(out.handle, SO_RCVBUF, SO_RCVBUFFORCE);
  enlarge(out.handle, SO_SNDBUF, SO_SNDBUFFORCE);
#else
  enlarge(out.handle, SO_RCVBUF, SO_RCVBUF);
  enlarge(out.handle, SO_SNDBUF, SO_SNDBUF);
#endif
  return out;
}

}  // namespace

struct Udp::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, const UdpSocket& the_socket, std::unique_ptr<UdpPackets> the_packets)
      : socket(the_socket),
        descriptor(std::move(executor), the_socket.handle),
        packets(std::move(the_packets)) {}

  void wait() {
    if (waiting || !receiver || !descriptor.is_open()) return;
    waiting = true;
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](boost::system::error_code error) {
                            self->waiting = false;
                            if (!error) self->drain();
                          });
  }

  /// One batch per turn: timers and other sockets get theirs in between.
  void drain() {
    bool more = false;
    auto batch = packets->receive(more);
    if (auto held = receiver; held && !batch.empty()) (*held)(batch);
    if (!more) return wait();
    waiting = true;
    asio::post(descriptor.get_executor(), [self = shared_from_this()] {
      self->waiting = false;
      if (self->descriptor.is_open() && self->receiver) self->drain();
    });
  }

  UdpSocket socket;
  asio::posix::stream_descriptor descriptor;
  std::unique_ptr<UdpPackets> packets;
  std::shared_ptr<Receiver> receiver;  ///< shared, because it may replace itself while it runs
  bool waiting = false;
};

Result<std::unique_ptr<Udp>> Udp::open(asio::any_io_executor executor, const Endpoint& local,
                                       Batching batching) {
  auto socket = bind_socket(local);
  if (!socket && local.ip.family == IpAddress::Family::v6 && local.ip.unspecified() &&
      (socket.error() == std::errc::address_family_not_supported ||
       socket.error() == std::errc::address_not_available))
    socket = bind_socket({IpAddress::v4(0, 0, 0, 0), local.port});
  if (!socket) return fail(socket.error());
  auto packets = batching == Batching::automatic ? batched_udp(*socket) : nullptr;
  if (!packets) packets = plain_udp(*socket);
  return std::unique_ptr<Udp>(
      new Udp(std::make_shared<State>(std::move(executor), *socket, std::move(packets))));
}

Udp::Udp(std::shared_ptr<State> state) : state_(std::move(state)) {}

Udp::~Udp() {
  state_->receiver.reset();
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

bool Udp::send(const Endpoint& to, ByteView bytes, std::size_t segment_size,
               const std::optional<IpAddress>& from) {
  return state_->packets->send(to, bytes, segment_size, from);
}

std::size_t Udp::send_many(std::span<const Departing> departing) {
  return state_->packets->send_many(departing);
}

void Udp::when_sendable(std::function<void()> ready) {
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                [ready = std::move(ready)](boost::system::error_code error) {
                                  if (!error) ready();
                                });
}

void Udp::on_receive(Receiver receiver) {
  state_->receiver = receiver ? std::make_shared<Receiver>(std::move(receiver)) : nullptr;
  state_->wait();
}

std::uint16_t Udp::local_port() const { return state_->socket.bound.port; }
Endpoint Udp::local() const { return state_->socket.bound; }

std::size_t Udp::receive_buffer() const {
  int value = 0;
  socklen_t size = sizeof value;
  (void)::getsockopt(state_->socket.handle, SOL_SOCKET, SO_RCVBUF, &value, &size);
  return static_cast<std::size_t>(value);
}

}  // namespace conclave::io
