#include "transport/oneshot/peers.hpp"

#include <cstdlib>

namespace conclave::oneshot {

Peers::Entry& Peers::touch(const NodeKey& peer) {
  auto found = entries_.find(peer);
  if (found == entries_.end()) {
    if (entries_.size() >= peers_max_ && !order_.empty()) {
      entries_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(peer);
    return entries_.emplace(peer, Entry{{}, {}, order_.begin()}).first->second;
  }
  order_.splice(order_.begin(), order_, found->second.place);
  return found->second;
}

std::optional<X25519Key> Peers::known_x25519(const NodeKey& peer) const {
  auto found = entries_.find(peer);
  return found == entries_.end() ? std::nullopt : found->second.key;
}

Result<X25519Key> Peers::x25519(const NodeKey& peer) {
  if (auto found = entries_.find(peer); found != entries_.end() && found->second.key) {
    touch(peer);
    return *found->second.key;
  }
  TRY(auto key, crypto::to_x25519(peer));
  touch(peer).key = key;
  return key;
}

void Peers::measured(const NodeKey& peer, Duration round_trip) {
  auto& rtt = touch(peer).rtt;
  if (!rtt) {
    rtt = Rtt{round_trip, round_trip / 2};
    return;
  }
  auto off = Duration(std::abs((rtt->smoothed - round_trip).count()));
  rtt->deviation = (3 * rtt->deviation + off) / 4;
  rtt->smoothed = (7 * rtt->smoothed + round_trip) / 8;
}

std::optional<Rtt> Peers::rtt(const NodeKey& peer) const {
  auto found = entries_.find(peer);
  return found == entries_.end() ? std::nullopt : found->second.rtt;
}

}  // namespace conclave::oneshot
