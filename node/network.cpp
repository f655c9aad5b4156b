#include "node/network.hpp"

#include "node/carriers.hpp"
#include "node/interfaces.hpp"
#include "transport/identify/identify.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/oneshot/endpoint.hpp"

#include <algorithm>

namespace conclave::node {
namespace asio = boost::asio;
using address::PeerAddress;

namespace {

constexpr const char* udp_setting = "udp_port";
constexpr const char* tcp_setting = "tcp_port";

Error port_error(const Error& error) {
  return error == std::errc::address_in_use ? make_error_code(Errc::port_taken) : error;
}

/// Counts what goes through the socket.
class Counted final : public io::Datagrams {
 public:
  Counted(io::Datagrams& socket, TrafficStatus& traffic) : socket_(socket), traffic_(traffic) {}
  bool send(const io::Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<io::IpAddress>& from) override {
    traffic_.sent_bytes += bytes.size();
    traffic_.sent_packets += segment_size == 0 ? 1 : (bytes.size() + segment_size - 1) / segment_size;
    return socket_.send(to, bytes, segment_size, from);
  }
  void when_sendable(std::function<void()> ready) override { socket_.when_sendable(std::move(ready)); }
  void on_receive(Receiver receiver) override {
    if (!receiver) return socket_.on_receive({});
    socket_.on_receive([this, receiver = std::move(receiver)](std::span<const io::Packet> packets) {
      traffic_.received_packets += packets.size();
      for (auto& packet : packets) traffic_.received_bytes += packet.bytes.size();
      receiver(packets);
    });
  }
  std::uint16_t local_port() const override { return socket_.local_port(); }

 private:
  io::Datagrams& socket_;
  TrafficStatus& traffic_;
};

}  // namespace

struct Network::Body {
  explicit Body(Parts the_parts)
      : parts(std::move(the_parts)), scope(parts.around.executor, parts.around.clock) {}

  asio::awaitable<Result<>> open_sockets();
  asio::awaitable<Result<std::uint16_t>> remembered(const char* setting, std::uint16_t asked);
  asio::awaitable<Result<>> remember(const char* setting, std::uint16_t port);
  asio::awaitable<Result<>> open_tcp(io::IpAddress ip);
  void add(std::vector<PeerAddress>& to, const io::Endpoint& endpoint) const;

  Parts parts;
  TrafficStatus traffic;
  std::unique_ptr<io::Datagrams> udp;
  std::unique_ptr<Counted> counted;
  std::unique_ptr<io::Demux> demux;
  std::unique_ptr<oneshot::Endpoint> oneshot;
  std::unique_ptr<quic::Endpoint> quic;
  std::unique_ptr<tcp::Transport> tcp;
  std::unique_ptr<QuicCarrier> quic_carrier;
  std::unique_ptr<TcpCarrier> tcp_carrier;
  std::unique_ptr<swarm::Swarm> swarm;
  std::vector<PeerAddress> heard;  ///< at most heard_max, the latest last
  static constexpr std::size_t heard_max = 64;
  io::IpAddress bound;
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;
  std::function<void()> addresses_changed;
  io::Scope scope;
};

Network::Network(Parts parts) : body_(std::make_unique<Body>(std::move(parts))) {}
Network::~Network() = default;

asio::awaitable<Result<std::uint16_t>> Network::Body::remembered(const char* setting, std::uint16_t asked) {
  if (asked != 0) co_return asked;
  co_return co_await parts.store.transact<std::uint16_t>(
      [setting](store::Database& db) -> Result<std::uint16_t> {
        TRY(auto port, db.integer("SELECT value FROM setting WHERE name = ?", {setting}));
        return static_cast<std::uint16_t>(port);
      });
}

asio::awaitable<Result<>> Network::Body::remember(const char* setting, std::uint16_t port) {
  co_return co_await parts.store.post([setting, port](store::Database& db) {
    return db.run(
        "INSERT INTO setting(name, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        {setting, static_cast<int>(port)});
  });
}

asio::awaitable<Result<>> Network::Body::open_sockets() {
  auto& around = parts.around;
  if (around.datagrams) {
    counted = std::make_unique<Counted>(*around.datagrams, traffic);
    udp_port = around.datagrams->local_port();
    co_return Result<>();
  }
  CO_TRY(bound, io::IpAddress::parse(parts.options.listen));
  CO_TRY(auto port, co_await remembered(udp_setting, parts.options.udp_port));
  auto opened = io::Udp::open(around.executor, {bound, port});
  // The port of last time is a wish; one that was asked for is not.
  if (!opened && parts.options.udp_port == 0 && port != 0)
    opened = io::Udp::open(around.executor, {bound, 0});
  if (!opened) co_return fail(port_error(opened.error()));
  udp = std::move(*opened);
  counted = std::make_unique<Counted>(*udp, traffic);
  udp_port = udp->local_port();
  if (udp_port != port) CO_CHECK(co_await remember(udp_setting, udp_port));
  co_return Result<>();
}

asio::awaitable<Result<>> Network::Body::open_tcp(io::IpAddress ip) {
  auto& around = parts.around;
  tcp = std::make_unique<tcp::Transport>(around.executor, around.clock, around.random, parts.keys);
  tcp_carrier = std::make_unique<TcpCarrier>(*tcp);
  CO_TRY(auto port, co_await remembered(tcp_setting, parts.options.tcp_port));
  auto at = tcp->listen({ip, port});
  if (!at && parts.options.tcp_port == 0 && port != 0) at = tcp->listen({ip, 0});
  if (!at) co_return fail(port_error(at.error()));
  tcp_port = at->port;
  if (tcp_port != port) CO_CHECK(co_await remember(tcp_setting, tcp_port));
  co_return Result<>();
}

asio::awaitable<Result<>> Network::start() {
  auto& body = *body_;
  auto& around = body.parts.around;
  CO_CHECK(co_await body.open_sockets());
  body.demux = std::make_unique<io::Demux>(*body.counted);
  auto& oneshot_channel = body.demux->channel(io::Demux::Kind::oneshot);
  body.oneshot =
      std::make_unique<oneshot::Endpoint>(oneshot_channel, around.clock, around.random, body.parts.keys);
  body.quic = std::make_unique<quic::Endpoint>(around.executor, around.clock,
                                               body.demux->channel(io::Demux::Kind::quic), body.parts.keys,
                                               around.random);
  body.quic_carrier = std::make_unique<QuicCarrier>(*body.quic);
  std::vector<swarm::Carrier*> carriers{body.quic_carrier.get()};
  if (!around.datagrams && body.parts.options.tcp) {
    CO_CHECK(co_await body.open_tcp(body.bound));
    carriers.push_back(body.tcp_carrier.get());
  }
  body.swarm = std::make_unique<swarm::Swarm>(around.executor, around.clock, body.parts.keys.public_key(),
                                              std::move(carriers));
  body.swarm->handle(std::string(identify::protocol),
                     [this](auto connection, auto stream) -> asio::awaitable<void> {
                       identify::Identity ours;
                       ours.key = body_->parts.keys.public_key();
                       ours.protocol_version = "ipfs/0.1.0";
                       ours.agent = "conclave/" CONCLAVE_VERSION;
                       for (auto& one : addresses()) ours.listening.push_back(one.multiaddr());
                       (void)connection;
                       (void)co_await identify::tell(*stream, std::move(ours));
                     });
  co_return Result<>();
}

asio::awaitable<void> Network::close() {
  auto& body = *body_;
  co_await body.scope.close();
  if (body.swarm) co_await body.swarm->close();
  if (body.tcp) co_await body.tcp->close();
  if (body.quic) body.quic->close();
  // The sockets go now: while one listens, the program does not end. From above to below.
  body.swarm.reset();
  body.tcp_carrier.reset();
  body.quic_carrier.reset();
  body.tcp.reset();
  body.quic.reset();
  body.oneshot.reset();
  body.demux.reset();
  body.counted.reset();
  body.udp.reset();
}

swarm::Swarm& Network::swarm() { return *body_->swarm; }

MeetingPoints Network::points() {
  MeetingPoints out;
  out.read = [](MeetingPoint, auto) -> asio::awaitable<void> { co_return; };
  out.publish = [](const SealedEntry&) {};
  return out;
}

void Network::Body::add(std::vector<PeerAddress>& to, const io::Endpoint& endpoint) const {
  PeerAddress one;
  one.endpoint = endpoint;
  one.node = parts.keys.public_key();
  to.push_back(one);
}

std::vector<PeerAddress> Network::addresses() const {
  auto& body = *body_;
  std::vector<PeerAddress> out;
  if (body.parts.around.datagrams) {
    for (auto& endpoint : body.parts.around.simulated_addresses) body.add(out, endpoint);
    return out;
  }
  std::vector<io::IpAddress> ips;
  if (body.bound.unspecified()) {
    ips = interface_addresses();
    if (body.bound.family == io::IpAddress::Family::v4)
      std::erase_if(ips, [](auto& ip) { return ip.family == io::IpAddress::Family::v6; });
  } else {
    ips.push_back(body.bound);
  }
  for (auto& ip : ips) body.add(out, {ip, body.udp_port});
  if (body.tcp_port != 0) {
    for (auto& ip : ips) {
      body.add(out, {ip, body.tcp_port});
      out.back().transport = PeerAddress::Transport::tcp;
    }
  }
  return out;
}

void Network::on_addresses(std::function<void()> changed) { body_->addresses_changed = std::move(changed); }

void Network::hear(const PeerAddress& address) {
  auto& heard = body_->heard;
  if (!address.node || *address.node == body_->parts.keys.public_key()) return;
  std::erase(heard, address);
  heard.push_back(address);
  if (heard.size() > Body::heard_max) heard.erase(heard.begin());
}

bool Network::knows_somebody() const { return !body_->heard.empty() || !body_->swarm->connections().empty(); }

std::vector<Link::Node> Network::start_nodes() const {
  std::vector<Link::Node> out;
  auto add = [&](PeerAddress one) {
    if (one.relay || !one.node || out.size() >= Link::nodes_max) return;
    auto node = *one.node;
    one.node.reset();
    Link::Node entry{node, one.multiaddr().encode()};
    if (std::ranges::find(out, entry) == out.end()) out.push_back(std::move(entry));
  };
  for (auto& one : addresses())
    if (out.size() < 2) add(one);
  for (auto& connection : body_->swarm->connections()) {
    if (!connection->dialled_by_us() || connection->kind() != io::Connection::Kind::nquic) continue;
    PeerAddress one;
    one.endpoint = connection->remote();
    one.node = connection->peer();
    add(one);
  }
  return out;
}

void Network::describe(Status& status) const {
  auto& body = *body_;
  for (auto& one : addresses()) status.addresses.push_back(one.text());
  status.udp_port = body.udp_port;
  status.tcp_port = body.tcp_port;
  status.traffic = body.traffic;
  constexpr const char* kinds[] = {"nquic", "tcp", "websocket", "relayed"};
  for (auto& connection : body.swarm->connections()) {
    PeerStatus peer;
    peer.node = connection->peer();
    peer.transport = kinds[static_cast<std::size_t>(connection->kind())];
    PeerAddress at;
    at.endpoint = connection->remote();
    if (connection->kind() == io::Connection::Kind::tcp) at.transport = PeerAddress::Transport::tcp;
    if (connection->kind() == io::Connection::Kind::websocket) at.transport = PeerAddress::Transport::ws;
    peer.address = at.text();
    peer.dialled_by_us = connection->dialled_by_us();
    peer.rtt = connection->smoothed_rtt();
    status.peers.push_back(std::move(peer));
  }
}

}  // namespace conclave::node
