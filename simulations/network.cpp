#include "simulations/network.hpp"

#include "crypto/ensure.hpp"

#include <cmath>
#include <numbers>

namespace conclave::sim {

namespace {

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t mix(std::uint64_t seed, const io::IpAddress& ip) {
  std::uint64_t halves[2];
  std::memcpy(halves, ip.bytes.data(), sizeof halves);
  return mix(mix(mix(seed) ^ halves[0]) ^ halves[1] ^ static_cast<std::uint64_t>(ip.family));
}

std::size_t headers(const io::IpAddress& ip) { return ip.family == io::IpAddress::Family::v4 ? 28 : 48; }

auto ordered(const io::IpAddress& a, const io::IpAddress& b) {
  return a < b ? std::pair(a, b) : std::pair(b, a);
}

}  // namespace

class Network::Socket final : public io::Datagrams {
 public:
  Socket(Network& network, Router* router, const io::Endpoint& local)
      : network_(network), router_(router), local_(local) {
    table()[local_] = this;
  }
  ~Socket() override { table().erase(local_); }

  bool send(const io::Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<io::IpAddress>&) override {
    if (segment_size == 0) segment_size = std::max<std::size_t>(bytes.size(), 1);
    do {
      auto segment = bytes.first(std::min(segment_size, bytes.size()));
      network_.send(*this, to, segment);
      bytes = bytes.subspan(segment.size());
    } while (!bytes.empty());
    return true;
  }
  void when_sendable(std::function<void()> ready) override {
    network_.world_.at(network_.world_.now(), std::move(ready));
  }
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  std::uint16_t local_port() const override { return local_.port; }

  void receive(const io::Endpoint& from, ByteView bytes) {
    if (!receiver_) return;
    io::Packet packet{from, local_.ip, bytes};
    receiver_({&packet, 1});
  }
  Router* router() const { return router_; }
  const io::Endpoint& local() const { return local_; }

 private:
  std::map<io::Endpoint, Socket*>& table() { return router_ ? network_.inside_[router_] : network_.sockets_; }
  Network& network_;
  Router* router_;
  io::Endpoint local_;
  Receiver receiver_;
};

Network::Network(World& world, std::uint64_t seed, Conditions conditions)
    : world_(world), seed_(seed), random_(seed, 0x6e6574), conditions_(conditions) {}
Network::~Network() = default;

std::uint16_t Network::free_port(const io::IpAddress& ip) {
  for (std::uint16_t port = 40000; port < 65535; ++port)
    if (!sockets_.contains({ip, port})) return port;
  ensure(false, "a simulated host has run out of ports");
  return 0;
}

std::unique_ptr<io::Datagrams> Network::open(const io::Endpoint& at) {
  io::Endpoint local = at;
  if (local.port == 0) local.port = free_port(local.ip);
  ensure(!sockets_.contains(local), "an endpoint is opened once");
  return std::make_unique<Socket>(*this, nullptr, local);
}

std::unique_ptr<io::Datagrams> Network::open_behind(Router& router, const io::Endpoint& at) {
  ensure(at.port != 0 && !inside_[&router].contains(at), "a private endpoint is opened once");
  return std::make_unique<Socket>(*this, &router, at);
}

Router& Network::router(const io::IpAddress& public_ip, NatKind kind) {
  auto& router = routers_[public_ip];
  if (!router) router = std::make_unique<Router>(public_ip, kind, mix(seed_, public_ip));
  return *router;
}

void Network::set_path(const io::IpAddress& a, const io::IpAddress& b, const Conditions& conditions) {
  special_[ordered(a, b)] = conditions;
}

const Conditions& Network::conditions(const io::IpAddress& a, const io::IpAddress& b) const {
  if (special_.empty()) return conditions_;
  auto found = special_.find(ordered(a, b));
  return found == special_.end() ? conditions_ : found->second;
}

Duration Network::rtt(const io::IpAddress& a, const io::IpAddress& b) const {
  auto& path = conditions(a, b);
  if (path.rtt_sigma == 0) return path.rtt_median;
  auto [low, high] = ordered(a, b);
  std::uint64_t drawn = mix(mix(seed_, low), high);
  // Box and Muller: two uniform numbers make a normal one.
  double u = (static_cast<double>(drawn >> 32) + 0.5) * 0x1p-32;
  double v = static_cast<double>(drawn & 0xffffffff) * 0x1p-32;
  double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  return Duration(static_cast<Duration::rep>(static_cast<double>(path.rtt_median.count()) *
                                             std::exp(path.rtt_sigma * normal)));
}

void Network::set_group(const io::IpAddress& host, int group) { groups_[host] = group; }

void Network::set_down(const io::IpAddress& host, bool down) {
  if (down) {
    down_.insert(host);
  } else {
    down_.erase(host);
  }
}

bool Network::cut(const io::IpAddress& a, const io::IpAddress& b) const {
  if (down_.contains(a) || down_.contains(b)) return true;
  if (groups_.empty()) return false;
  auto group = [this](const io::IpAddress& ip) {
    auto found = groups_.find(ip);
    return found == groups_.end() ? 0 : found->second;
  };
  return group(a) != group(b);
}

Traffic Network::total() const {
  Traffic sum;
  for (auto& [host, traffic] : traffic_) {
    sum.datagrams_sent += traffic.datagrams_sent;
    sum.bytes_sent += traffic.bytes_sent;
    sum.datagrams_received += traffic.datagrams_received;
    sum.bytes_received += traffic.bytes_received;
  }
  return sum;
}

void Network::send(Socket& socket, const io::Endpoint& to, ByteView bytes) {
  io::Endpoint from = socket.local();
  if (Router* router = socket.router()) {
    auto& lan = inside_[router];
    if (lan.contains(to)) {  // neighbours: no router between them
      world_.at(world_.now() + std::chrono::microseconds(500), [this, router, from, to, data = copy(bytes)] {
        auto found = inside_[router].find(to);
        if (found != inside_[router].end()) found->second->receive(from, data);
      });
      return;
    }
    from = router->outbound(from, to, world_.now());
  }
  if (down_.contains(from.ip)) return;
  auto& sent = traffic_[from.ip];
  ++sent.datagrams_sent;
  sent.bytes_sent += bytes.size() + headers(to.ip);

  Bytes data = copy(bytes);
  if (tap_ && !tap_(from, to, data)) return;
  if (cut(from.ip, to.ip)) return;
  auto& path = conditions(from.ip, to.ip);
  if (bytes.size() + headers(to.ip) > path.mtu) return;
  if (path.loss > 0 && random_.unit() < path.loss) return;
  if (path.duplicates > 0 && random_.unit() < path.duplicates) carry(from, to, data, path.jitter);
  carry(from, to, std::move(data), Duration(0));
}

void Network::carry(const io::Endpoint& from, const io::Endpoint& to, Bytes bytes, Duration extra) {
  auto& conditions_here = conditions(from.ip, to.ip);
  auto arrival = world_.now() + rtt(from.ip, to.ip) / 2 + extra;
  if (conditions_here.jitter.count() > 0)
    arrival += Duration(static_cast<Duration::rep>(
        random_.below(static_cast<std::uint64_t>(conditions_here.jitter.count()) + 1)));
  if (!conditions_here.reorder || conditions_here.bytes_per_second > 0) {
    auto& path = paths_[{from.ip, to.ip}];
    if (conditions_here.bytes_per_second > 0) {
      auto start = std::max(world_.now(), path.busy_until);
      if (start - world_.now() > conditions_here.queue_max) return;
      auto wire = static_cast<Duration::rep>((bytes.size() + headers(to.ip)) * 1'000'000 /
                                             conditions_here.bytes_per_second);
      path.busy_until = start + Duration(wire);
      arrival += path.busy_until - world_.now();
    }
    if (!conditions_here.reorder) arrival = path.last_arrival = std::max(arrival, path.last_arrival);
  }
  world_.at(arrival, [this, from, to, data = std::move(bytes)] { deliver(from, to, data); });
}

void Network::deliver(const io::Endpoint& from, const io::Endpoint& to, ByteView bytes) {
  if (cut(from.ip, to.ip)) return;  // went down, or was cut off, while the packet was under way
  auto& received = traffic_[to.ip];
  ++received.datagrams_received;
  received.bytes_received += bytes.size() + headers(to.ip);
  if (auto found = sockets_.find(to); found != sockets_.end()) return found->second->receive(from, bytes);
  auto router = routers_.find(to.ip);
  if (router == routers_.end()) return;
  auto target = router->second->inbound(from, to.port, world_.now());
  if (!target) return;
  auto& lan = inside_[router->second.get()];
  if (auto found = lan.find(*target); found != lan.end()) found->second->receive(from, bytes);
}

}  // namespace conclave::sim
