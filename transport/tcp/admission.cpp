#include "transport/tcp/admission.hpp"

#include "crypto/ensure.hpp"

namespace conclave::tcp {

bool Admission::Bucket::take(double rate, double size, TimePoint now) {
  tokens = std::min(size, tokens + rate * std::chrono::duration<double>(now - filled_at).count());
  filled_at = now;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

Result<> Admission::begin(const io::IpAddress& from, TimePoint now) {
  if (handshakes_ >= limits_.handshakes_max || connections_ >= limits_.connections_max) {
    return fail(Errc::limit_reached);
  }
  if (counts(from)) {
    auto* who = network(from, now);
    if (!who || who->handshakes >= limits_.handshakes_per_network_max ||
        who->connections >= limits_.connections_per_network_max ||
        !who->bucket.take(limits_.handshakes_per_second_network, limits_.burst, now)) {
      return fail(Errc::limit_reached);
    }
    if (!all_) all_ = Bucket{limits_.handshakes_per_second, now};
    if (!all_->take(limits_.handshakes_per_second, limits_.handshakes_per_second, now)) {
      return fail(Errc::limit_reached);
    }
    ++who->handshakes;
  }
  ++handshakes_;
  return {};
}

void Admission::failed(const io::IpAddress& from) {
  ensure(handshakes_ > 0, "a handshake that began has failed");
  --handshakes_;
  if (counts(from)) --networks_.at(from.network()).handshakes;
}

Result<> Admission::admitted(const io::IpAddress& from, const NodeKey& peer) {
  failed(from);  // no longer under way
  if (connections_ >= limits_.connections_max) return fail(Errc::limit_reached);
  if (auto known = peers_.find(peer); known != peers_.end() && known->second >= limits_.connections_per_peer_max) {
    return fail(Errc::limit_reached);
  }
  if (counts(from)) {
    auto& who = networks_.at(from.network());
    if (who.connections >= limits_.connections_per_network_max) return fail(Errc::limit_reached);
    ++who.connections;
  }
  ++peers_[peer];
  ++connections_;
  return {};
}

void Admission::ended(const io::IpAddress& from, const NodeKey& peer) {
  ensure(connections_ > 0, "a connection that was admitted has ended");
  --connections_;
  if (auto known = peers_.find(peer); --known->second == 0) peers_.erase(known);
  if (counts(from)) --networks_.at(from.network()).connections;
}

/// The books of a network; nothing where they are full of networks that are busy.
Admission::Network* Admission::network(const io::IpAddress& from, TimePoint now) {
  auto found = networks_.find(from.network());
  if (found != networks_.end()) return &found->second;
  if (networks_.size() >= limits_.networks_max) forget_idle(now);
  if (networks_.size() >= limits_.networks_max) return nullptr;
  return &networks_.emplace(from.network(), Network{{limits_.burst, now}}).first->second;
}

/// A network with nothing under way and a full bucket is as good as one never seen.
void Admission::forget_idle(TimePoint now) {
  std::erase_if(networks_, [&](const auto& entry) {
    const auto& who = entry.second;
    std::chrono::duration<double> since = now - who.bucket.filled_at;
    bool full = who.bucket.tokens + limits_.handshakes_per_second_network * since.count() >= limits_.burst;
    return who.handshakes == 0 && who.connections == 0 && full;
  });
}

}  // namespace conclave::tcp
