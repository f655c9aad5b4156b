#include "node/reach.hpp"

#include "node/interfaces.hpp"

#include <algorithm>

namespace conclave::node {
namespace asio = boost::asio;
using address::PeerAddress;
using Family = io::IpAddress::Family;

namespace {

constexpr Duration interfaces_every = std::chrono::seconds(30);
/// A stranger's call is asked for when something about our addresses is new, and again after this.
constexpr Duration proof_every = std::chrono::hours(1);
constexpr Duration proof_pause = std::chrono::seconds(15);

}  // namespace

Reach::Reach(Parts parts, bool map_port)
    : parts_(std::move(parts)),
      dialback_(parts_.oneshot, parts_.clock, parts_.random, parts_.helper),
      map_port_(map_port),
      observed_(parts_.executor, parts_.clock),
      scope_(parts_.executor, parts_.clock) {}

void Reach::start(std::vector<io::IpAddress> local, bool all_interfaces, std::uint16_t udp_port,
                  std::uint16_t tcp_port) {
  local_ = std::move(local);
  udp_port_ = udp_port;
  tcp_port_ = tcp_port;
  told_ = addresses();
  parts_.oneshot.on_observed([this](const NodeKey&, const io::Endpoint& by_at, const io::Endpoint& us) {
    observations_.add(by_at, us, parts_.clock.now());
    observed_.ring();
    tell();
  });
  // Who listens on loopback only is nobody the router could lead to.
  bool somewhere = std::ranges::any_of(local_, [](auto& ip) { return !ip.loopback(); });
  if (map_port_ && somewhere) {
    std::vector<nat::Port> ports{{nat::PortKind::udp, udp_port}};
    if (tcp_port != 0) ports.push_back({nat::PortKind::tcp, tcp_port});
    mapper_ = std::make_unique<nat::PortMapper>(parts_.executor, parts_.clock, std::move(ports));
    mapper_->on_change([this](auto&) {
      reached_.reset();
      observed_.ring();
      tell();
    });
    mapper_->start();
  }
  if (all_interfaces) scope_.start(watch_interfaces());
  scope_.start(prove_loop());
}

asio::awaitable<void> Reach::close() {
  *alive_ = false;
  parts_.oneshot.on_observed({});
  co_await scope_.close();
  if (mapper_) co_await mapper_->close();
}

asio::awaitable<void> Reach::watch_interfaces() {
  for (;;) {
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + interfaces_every);
    learn_local(interface_addresses());
  }
}

void Reach::learn_local(std::vector<io::IpAddress> local) {
  if (local == local_ || local.empty()) return;
  // Another network: what was seen from the old one means nothing.
  local_ = std::move(local);
  observations_.clear();
  reached_.reset();
  tell();
}

asio::awaitable<void> Reach::prove_loop() {
  for (;;) {
    (void)co_await observed_.wait_until(parts_.clock.now() + proof_every);
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + proof_pause);
    if (reached_ == true) continue;
    auto seen = picture();
    auto outside = seen.mapped ? seen.mapped : seen.v4.address;
    if (!outside || outside->ip.private_range()) continue;
    auto asked = parts_.helper(*outside, parts_.node);
    if (!asked) continue;
    auto port = seen.mapped ? seen.mapped->port : std::uint16_t{0};
    dialback_.prove(*asked, port, [this, alive = alive_](std::optional<bool> result) {
      if (!*alive || !result) return;
      reached_ = *result;
      tell();
    });
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + std::chrono::minutes(1));
  }
}

nat::Picture Reach::picture() const {
  nat::Picture out;
  std::vector<io::Endpoint> endpoints;
  for (auto& ip : local_) endpoints.push_back({ip, udp_port_});
  out.v4 = observations_.verdict(Family::v4, endpoints, parts_.clock.now());
  out.v6 = observations_.verdict(Family::v6, endpoints, parts_.clock.now());
  if (mapper_) {
    for (auto& lease : mapper_->leases())
      if (lease.kind == nat::PortKind::udp) out.mapped = lease.external;
    out.mapped_by = mapper_->how();
  }
  out.reached = reached_;
  return out;
}

std::vector<PeerAddress> Reach::addresses() const {
  std::vector<PeerAddress> out;
  auto add = [&](const io::Endpoint& endpoint, PeerAddress::Transport transport) {
    if (endpoint.port == 0 || endpoint.ip.unspecified()) return;
    PeerAddress one;
    one.transport = transport;
    one.endpoint = endpoint;
    one.node = parts_.node;
    if (std::ranges::find(out, one) == out.end()) out.push_back(one);
  };
  using Transport = PeerAddress::Transport;
  auto seen = picture();
  if (mapper_)
    for (auto& lease : mapper_->leases())
      if (lease.kind == nat::PortKind::udp) add(lease.external, Transport::nquic);
  for (auto* verdict : {&seen.v6, &seen.v4})
    if (verdict->address) add(*verdict->address, Transport::nquic);
  for (auto& ip : local_) add({ip, udp_port_}, Transport::nquic);
  if (mapper_)
    for (auto& lease : mapper_->leases())
      if (lease.kind == nat::PortKind::tcp) add(lease.external, Transport::tcp);
  for (auto& ip : local_) add({ip, tcp_port_}, Transport::tcp);
  return out;
}

std::vector<io::Endpoint> Reach::proven() const {
  auto seen = picture();
  auto outside = seen.mapped ? seen.mapped : seen.v4.address;
  if (seen.reached != true || !outside) return {};
  return {*outside};
}

Reachability Reach::reachability() const {
  if (local_.empty()) return Reachability::offline;
  auto seen = picture();
  if (seen.mapped && !seen.mapped->ip.private_range()) return Reachability::mapped;
  if (seen.reached == true) return Reachability::open;
  bool direct = seen.v4.kind == nat::NatKind::none || seen.v6.kind == nat::NatKind::none;
  if (direct && seen.reached != false) return Reachability::open;
  if (seen.v4.kind != nat::NatKind::unknown || seen.reached == false) return Reachability::firewalled;
  bool only_private = std::ranges::all_of(local_, [](auto& ip) { return ip.private_range(); });
  return only_private ? Reachability::lan_only : Reachability::unknown;
}

std::string Reach::words() const {
  if (local_.empty()) return "This machine has no network.";
  return nat::words(picture());
}

bool Reach::client() const { return reachability() == Reachability::firewalled; }

void Reach::tell() {
  auto now = addresses();
  if (now == told_) return;
  told_ = std::move(now);
  if (changed_) changed_();
}

}  // namespace conclave::node
