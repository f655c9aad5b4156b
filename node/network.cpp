#include "node/network.hpp"

#include "node/carriers.hpp"
#include "node/interfaces.hpp"
#include "node/neighbourhood.hpp"
#include "node/reach.hpp"
#include "node/start_addresses.hpp"
#include "transport/identify/identify.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/lan/mdns.hpp"
#include "transport/oneshot/endpoint.hpp"

#include <algorithm>

namespace conclave::node {
namespace asio = boost::asio;
using address::PeerAddress;

namespace {

constexpr const char* udp_setting = "udp_port";
constexpr const char* tcp_setting = "tcp_port";

Error port_error(const Error& error) {
  if (error == std::errc::address_in_use) return Errc::port_taken;
  return error == std::errc::address_not_available ? make_error_code(Errc::no_such_address) : error;
}

/// Counts what goes through the socket.
class Counted final : public io::Datagrams {
 public:
  Counted(io::Datagrams& socket, TrafficStatus& traffic) : socket_(socket), traffic_(traffic) {}
  bool send(const io::Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<io::IpAddress>& from) override {
    count(bytes.size(), segment_size);
    return socket_.send(to, bytes, segment_size, from);
  }
  std::size_t send_many(std::span<const io::Departing> departing) override {
    auto taken = socket_.send_many(departing);
    for (auto& one : departing.first(taken)) count(one.bytes.size(), one.segment_size);
    return taken;
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
  void count(std::size_t bytes, std::size_t segment_size) {
    traffic_.sent_bytes += bytes;
    traffic_.sent_packets += segment_size == 0 ? 1 : (bytes + segment_size - 1) / segment_size;
  }

  io::Datagrams& socket_;
  TrafficStatus& traffic_;
};

}  // namespace

struct Network::Body {
  explicit Body(Parts the_parts) : parts(std::move(the_parts)) {}

  asio::awaitable<Result<>> open_sockets();
  asio::awaitable<Result<std::uint16_t>> remembered(const char* setting, std::uint16_t asked);
  asio::awaitable<Result<>> remember(const char* setting, std::uint16_t port);
  asio::awaitable<Result<>> open_tcp(io::IpAddress ip);
  std::optional<nat::KnownNode> helper(const io::Endpoint& target, const NodeKey& asker) const;
  Result<> hear_configured();
  std::vector<io::IpAddress> interfaces() const;
  void open_lan();
  void changed();

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
  std::unique_ptr<Neighbourhood> neighbourhood;
  std::unique_ptr<Reach> reach;
  std::unique_ptr<lan::Mdns> lan;
  io::IpAddress bound;
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;
  std::function<void()> addresses_changed;
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
  auto given = io::IpAddress::parse(parts.options.listen);
  if (!given) co_return fail(Errc::no_such_address);
  bound = *given;
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
                       PeerAddress seen;
                       seen.endpoint = connection->remote();
                       if (connection->kind() != io::Connection::Kind::nquic)
                         seen.transport = PeerAddress::Transport::tcp;
                       ours.observed = seen.multiaddr();
                       (void)co_await identify::tell(*stream, std::move(ours));
                     });
  auto& own = body.parts.keys.public_key();
  bool simulated = around.datagrams != nullptr;
  body.neighbourhood = std::make_unique<Neighbourhood>(
      Neighbourhood::Parts{around.executor, around.clock, around.random, *body.oneshot, own, body.parts.store,
                           body.parts.options.work_bits, /*worker=*/!simulated});
  body.swarm->on_connected([&body](auto connection) {
    // Over nQUIC a node speaks from where it answers requests.
    if (connection->kind() == io::Connection::Kind::nquic)
      body.neighbourhood->hear({connection->peer(), connection->remote()});
  });
  body.reach = std::make_unique<Reach>(
      Reach::Parts{
          around.executor, around.clock, around.random, *body.oneshot, own,
          [&body](const io::Endpoint& target, const NodeKey& asker) { return body.helper(target, asker); }},
      body.parts.options.map_port && !simulated);
  body.reach->on_change([&body] { body.changed(); });
  CO_CHECK(body.hear_configured());
  CO_CHECK(co_await body.neighbourhood->start());
  std::vector<io::IpAddress> local;
  if (simulated) {
    for (auto& endpoint : around.simulated_addresses) local.push_back(endpoint.ip);
  } else if (body.bound.unspecified()) {
    local = body.interfaces();
  } else {
    local.push_back(body.bound);
  }
  body.reach->start(std::move(local), !simulated && body.bound.unspecified(), body.udp_port, body.tcp_port);
  if (!simulated && body.parts.options.lan) body.open_lan();
  co_return Result<>();
}

std::vector<io::IpAddress> Network::Body::interfaces() const {
  auto ips = interface_addresses();
  if (bound.family == io::IpAddress::Family::v4)
    std::erase_if(ips, [](auto& ip) { return ip.family == io::IpAddress::Family::v6; });
  return ips;
}

Result<> Network::Body::hear_configured() {
  for (auto& text : parts.options.bootstrap) {
    TRY(auto addresses, start_addresses(text));
    for (auto& one : addresses)
      if (one.transport == PeerAddress::Transport::nquic) neighbourhood->hear({*one.node, one.endpoint});
  }
  return {};
}

void Network::Body::open_lan() {
  auto& around = parts.around;
  auto opened = lan::Mdns::open(around.executor, around.clock, around.random, parts.keys.public_key(),
                                [this](const lan::Found& found) {
                                  for (auto& one : found.addresses)
                                    if (one.transport == PeerAddress::Transport::nquic)
                                      neighbourhood->hear({found.node, one.endpoint});
                                });
  // No interface with multicast, or somebody else has the port for himself: then there is no LAN for us.
  if (!opened) return;
  lan = std::move(*opened);
  lan->set_addresses(reach->addresses());
}

void Network::Body::changed() {
  if (lan) lan->set_addresses(reach->addresses());
  neighbourhood->set_client(reach->client());
  if (addresses_changed) addresses_changed();
}

std::optional<nat::KnownNode> Network::Body::helper(const io::Endpoint& target, const NodeKey& asker) const {
  auto network = target.ip.network();
  for (auto& peer : neighbourhood->peers())
    if (peer.node != asker && peer.at.ip.network() != network && peer.at.ip.family == target.ip.family)
      return nat::KnownNode{peer.node, peer.at};
  return std::nullopt;
}

asio::awaitable<void> Network::close() {
  auto& body = *body_;
  body.lan.reset();
  if (body.reach) co_await body.reach->close();
  if (body.neighbourhood) co_await body.neighbourhood->close();
  if (body.swarm) co_await body.swarm->close();
  if (body.tcp) co_await body.tcp->close();
  if (body.quic) body.quic->close();
  // The sockets go now: while one listens, the program does not end. From above to below.
  body.reach.reset();
  body.neighbourhood.reset();
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
io::Demux& Network::demux() { return *body_->demux; }

MeetingPoints Network::points() {
  MeetingPoints out;
  out.read = [this](MeetingPoint point, std::function<void(const SealedEntry&)> found) {
    return body_->neighbourhood->read(point, std::move(found));
  };
  out.publish = [this](const SealedEntry& entry) { body_->neighbourhood->publish(entry); };
  return out;
}

std::vector<PeerAddress> Network::addresses() const { return body_->reach->addresses(); }

std::vector<io::Endpoint> Network::proven() const { return body_->reach->proven(); }

void Network::on_addresses(std::function<void()> changed) { body_->addresses_changed = std::move(changed); }

void Network::hear(const PeerAddress& address) {
  if (address.node && address.transport == PeerAddress::Transport::nquic && !address.relay)
    body_->neighbourhood->hear({*address.node, address.endpoint});
}

bool Network::knows_somebody() const {
  return body_->neighbourhood->knows_somebody() || !body_->swarm->connections().empty();
}

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
  auto& peers = body_->neighbourhood->peers();
  for (auto peer = peers.rbegin(); peer != peers.rend(); ++peer) {
    PeerAddress one;
    one.endpoint = peer->at;
    one.node = peer->node;
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
  status.reachability = body.reach->reachability();
  status.reachability_words = body.reach->words();
  auto figures = body.neighbourhood->figures();
  status.dht.table = figures.table;
  status.dht.entries_held = figures.records;
  status.dht.network_estimate = figures.network;
  status.dht.lookups = body.neighbourhood->lookups();
  status.dht.lookup_median = body.neighbourhood->lookup_median();
  status.dht.published = body.neighbourhood->published();
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
