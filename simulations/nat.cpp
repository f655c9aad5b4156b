#include "simulations/nat.hpp"

#include "crypto/ensure.hpp"

namespace conclave::sim {

bool Router::taken(std::uint16_t port) const {
  if (mapped_.contains(port)) return true;
  for (auto& [key, mapping] : mappings_)
    if (mapping.port == port) return true;
  return false;
}

std::uint16_t Router::new_port(std::uint16_t wanted) {
  if (kind_ == NatKind::sequential) {
    do ++next_port_;
    while (next_port_ < 1024 || taken(next_port_));
    return next_port_;
  }
  // Cones keep the port where they can, as Linux masquerading does.
  if (kind_ != NatKind::symmetric && wanted != 0 && !taken(wanted)) return wanted;
  for (int tries = 0; tries < 100'000; ++tries) {
    auto port = static_cast<std::uint16_t>(1024 + random_.below(65536 - 1024));
    if (!taken(port)) return port;
  }
  ensure(false, "a simulated router has run out of ports");
  return 0;
}

io::Endpoint Router::outbound(const io::Endpoint& inside, const io::Endpoint& to, TimePoint now) {
  for (auto& [port, owner] : mapped_)
    if (owner == inside) return {public_ip_, port};
  const bool per_destination = kind_ == NatKind::symmetric || kind_ == NatKind::sequential;
  auto key = std::pair(inside, per_destination ? to : io::Endpoint{});
  auto found = mappings_.find(key);
  if (found != mappings_.end() && now - found->second.used > mapping_lifetime) {
    mappings_.erase(found);
    found = mappings_.end();
  }
  if (found == mappings_.end()) {
    Mapping fresh{inside, new_port(inside.port), now, {}};
    found = mappings_.emplace(key, std::move(fresh)).first;
  }
  found->second.used = now;
  found->second.permitted[to] = now;
  return {public_ip_, found->second.port};
}

std::optional<io::Endpoint> Router::inbound(const io::Endpoint& from, std::uint16_t port,
                                            TimePoint now) const {
  if (auto found = mapped_.find(port); found != mapped_.end()) return found->second;
  for (auto& [key, mapping] : mappings_) {
    if (mapping.port != port || now - mapping.used > mapping_lifetime) continue;
    if (kind_ == NatKind::full_cone) return mapping.inside;
    for (auto& [to, when] : mapping.permitted) {
      if (now - when > mapping_lifetime || to.ip != from.ip) continue;
      if (kind_ == NatKind::address_restricted || to.port == from.port) return mapping.inside;
    }
  }
  return std::nullopt;
}

void Router::forget() {
  mappings_.clear();
  mapped_.clear();
}

}  // namespace conclave::sim
