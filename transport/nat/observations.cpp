#include "transport/nat/observations.hpp"

#include <algorithm>
#include <cstdlib>

namespace conclave::nat {

void Observations::add(const io::Endpoint& by_at, const io::Endpoint& us, TimePoint now) {
  auto observer = by_at.ip.private_range() ? by_at.ip : by_at.ip.network();
  if (!seen_.contains(observer) && seen_.size() >= observers_max)
    seen_.erase(std::ranges::min_element(seen_, {}, [](auto& entry) { return entry.second.when; }));
  seen_[observer] = {us, now};
}

Observations::Verdict Observations::verdict(io::IpAddress::Family family, const std::vector<io::Endpoint>& local,
                                            TimePoint now) const {
  std::map<io::IpAddress, std::vector<std::uint16_t>> ports;
  Verdict out;
  for (auto& [observer, seen] : seen_) {
    if (seen.us.ip.family != family || now >= seen.when + life) continue;
    ports[seen.us.ip].push_back(seen.us.port);
    ++out.observers;
  }
  if (out.observers < observers_min) return out;
  auto& [ip, seen_ports] =
      *std::ranges::max_element(ports, {}, [](auto& entry) { return entry.second.size(); });
  // A quarter may lie or be stale.
  auto most = [&](std::size_t count) { return 4 * count >= 3 * out.observers; };
  if (!most(seen_ports.size())) {
    out.kind = NatKind::several;
    return out;
  }
  std::ranges::sort(seen_ports);
  std::size_t best = 0;
  std::uint16_t port = 0;
  for (auto candidate : seen_ports) {
    auto count = static_cast<std::size_t>(std::ranges::count(seen_ports, candidate));
    if (count > best) best = count, port = candidate;
  }
  out.address = io::Endpoint{ip, most(best) ? port : std::uint16_t{0}};
  if (!most(best)) {
    // Ports handed out one after the other lie together, whatever else the NAT's users do meanwhile.
    auto spread = seen_ports.back() - seen_ports.front();
    out.kind = spread <= 256 ? NatKind::counting : NatKind::random;
  } else {
    out.kind = std::ranges::find(local, *out.address) != local.end() ? NatKind::none : NatKind::easy;
  }
  return out;
}

std::string words(const Picture& picture) {
  if (picture.mapped) {
    auto port = std::to_string(picture.mapped->port);
    if (picture.mapped->ip.private_range())
      return "Your router opened port " + port + " (" + picture.mapped_by +
             "), but it is itself behind another router: others reach you only through open connections.";
    std::string tail = picture.reached == true    ? " Somebody from outside has got through."
                       : picture.reached == false ? " But nobody from outside got through: a firewall may be in the way."
                                                  : "";
    return "Your router opened port " + port + " for you (" + picture.mapped_by + "): others can reach you." + tail;
  }
  if (picture.reached == true) return "Others can reach you: somebody from outside has got through.";
  auto& seen = picture.v6.kind == NatKind::none ? picture.v6 : picture.v4;
  switch (seen.kind) {
    case NatKind::none:
      return picture.reached == false
                 ? "You have a public address, but a firewall keeps strangers out: allow incoming UDP for this program."
                 : "You have a public address.";
    case NatKind::easy:
      return "You are behind a router that did not open a port. Others reach you once both sides try at the same "
             "time.";
    case NatKind::counting:
    case NatKind::random:
      return "You are behind a strict router that uses another port for everybody. Turn on UPnP or NAT-PMP in it, or "
             "forward a port, so that others can reach you.";
    case NatKind::several:
      return "Others see you at different addresses, as behind a provider's shared address. You can reach others; not "
             "everybody can reach you.";
    case NatKind::unknown: break;
  }
  auto known = std::max(picture.v4.observers, picture.v6.observers);
  if (known == 0) return "Nobody has told this node its address yet.";
  return "Not enough others have told this node its address yet (" + std::to_string(known) + " of 4).";
}

}  // namespace conclave::nat
