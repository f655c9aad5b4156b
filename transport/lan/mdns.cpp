#include "transport/lan/mdns.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>
#include <optional>
#include <set>

#include "transport/lan/dns.hpp"

namespace conclave::lan {
namespace asio = boost::asio;
using asio::ip::udp;

namespace {

constexpr std::uint16_t port = 5353;
const char* const group = "224.0.0.251";
/// More interfaces than that are containers' and tunnels'; we serve the first.
constexpr std::size_t interfaces_max = 8;

struct Interface {
  in_addr address{};
  in_addr mask{};
};

/// IPv4 addresses of interfaces that are up and carry multicast, one each; those of loopback if there is nothing else.
std::vector<Interface> interfaces() {
  std::vector<Interface> out, loopback;
  std::set<std::string> names;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (auto* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_UP) == 0) continue;
    if (!names.insert(one->ifa_name).second) continue;
    Interface found{reinterpret_cast<sockaddr_in*>(one->ifa_addr)->sin_addr,
                    reinterpret_cast<sockaddr_in*>(one->ifa_netmask)->sin_addr};
    if ((one->ifa_flags & IFF_LOOPBACK) != 0) loopback.push_back(found);
    else if ((one->ifa_flags & IFF_MULTICAST) != 0 && out.size() < interfaces_max) out.push_back(found);
  }
  freeifaddrs(list);
  return out.empty() ? loopback : out;
}

bool on_link(const std::vector<Interface>& interfaces, in_addr address) {
  for (auto& one : interfaces)
    if ((one.address.s_addr & one.mask.s_addr) == (address.s_addr & one.mask.s_addr)) return true;
  return false;
}

}  // namespace

struct Mdns::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, io::Clock& the_clock, Random& random, const NodeKey& us, OnFound on_found)
      : clock(the_clock), beacon(us, random, the_clock.now()), found(std::move(on_found)), socket(executor) {}

  Result<> open() {
    links = interfaces();
    if (links.empty()) return fail(Errc::not_found);
    boost::system::error_code error;
    auto check = [&] { return error ? Result<>(std::unexpected(Error(error))) : Result<>(); };
    socket.open(udp::v4(), error);
    CHECK(check());
    socket.set_option(udp::socket::reuse_address(true), error);
    int on = 1;
    (void)setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    socket.bind({asio::ip::address_v4::any(), port}, error);
    CHECK(check());
    socket.non_blocking(true, error);
    int ttl = 255;
    (void)setsockopt(socket.native_handle(), IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
    (void)setsockopt(socket.native_handle(), IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on);
    int joined = 0;
    for (auto& link : links) {
      ip_mreq membership{};
      inet_pton(AF_INET, group, &membership.imr_multiaddr);
      membership.imr_interface = link.address;
      joined += setsockopt(socket.native_handle(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0;
    }
    if (joined == 0) return fail(Error(errno, std::system_category()));
    return {};
  }

  void listen() {
    socket.async_wait(udp::socket::wait_read, [weak = weak_from_this()](boost::system::error_code error) {
      auto self = weak.lock();
      if (error || !self || self->closed) return;
      self->drain();
      if (!self->closed) self->listen();
    });
  }

  void drain() {
    Bytes packet(dns::Message::size_max + 1);
    // A flood on the LAN gets a slice of a turn, not the node.
    for (int packets = 0; packets < 32; ++packets) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto got = recvfrom(socket.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT,
                          reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) break;
      // RFC 6762, section 11: answers from elsewhere than this link are nobody's business here.
      if (!on_link(links, from.sin_addr)) continue;
      beacon.receive(ByteView(packet).first(static_cast<std::size_t>(got)), clock.now());
    }
    step();
  }

  void step() {
    for (auto& packet : beacon.tick(clock.now())) send(packet);
    auto keep = shared_from_this();  // a listener may close us
    for (auto& one : beacon.take_found()) {
      if (closed) return;
      found(one);
    }
    if (closed) return;
    if (alarm) clock.cancel(*alarm);
    alarm = clock.at(beacon.deadline(), [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->alarm.reset();
        self->step();
      }
    });
  }

  void send(ByteView packet) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, group, &to.sin_addr);
    for (auto& link : links) {
      (void)setsockopt(socket.native_handle(), IPPROTO_IP, IP_MULTICAST_IF, &link.address, sizeof link.address);
      (void)sendto(socket.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT,
                   reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
  }

  void close() {
    closed = true;
    if (alarm) clock.cancel(*alarm);
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  io::Clock& clock;
  Beacon beacon;
  OnFound found;
  udp::socket socket;
  std::vector<Interface> links;
  std::optional<io::Clock::Alarm> alarm;
  bool closed = false;
};

Result<std::unique_ptr<Mdns>> Mdns::open(asio::any_io_executor executor, io::Clock& clock, Random& random,
                                         const NodeKey& us, OnFound found) {
  auto state = std::make_shared<State>(std::move(executor), clock, random, us, std::move(found));
  CHECK(state->open());
  state->listen();
  state->step();
  return std::unique_ptr<Mdns>(new Mdns(std::move(state)));
}

Mdns::Mdns(std::shared_ptr<State> state) : state_(std::move(state)) {}
Mdns::~Mdns() { state_->close(); }

void Mdns::set_addresses(std::vector<address::PeerAddress> addresses) {
  state_->beacon.set_addresses(std::move(addresses), state_->clock.now());
  state_->step();
}

}  // namespace conclave::lan
