#include "transport/swarm/race.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace conclave::swarm {
namespace {

using address::PeerAddress;

/// Lower is tried earlier.
int rank(const PeerAddress& address) {
  return (address.relay ? 8 : 0) + static_cast<int>(address.transport);
}

/// Families take turns within each rank, IPv6 first.
std::vector<PeerAddress> in_order(const std::vector<PeerAddress>& addresses) {
  std::map<int, std::array<std::deque<PeerAddress>, 2>> ranks;
  for (auto& address : addresses) {
    bool v4 = address.endpoint.ip.family == io::IpAddress::Family::v4;
    ranks[rank(address)][v4 ? 1 : 0].push_back(address);
  }
  std::vector<PeerAddress> out;
  for (auto& [unused, families] : ranks) {
    while (!families[0].empty() || !families[1].empty()) {
      for (auto& family : families) {
        if (family.empty()) continue;
        out.push_back(family.front());
        family.pop_front();
      }
    }
  }
  return out;
}

}  // namespace

void Race::add(std::vector<PeerAddress> addresses) {
  for (auto& address : addresses) {
    if (known_.size() >= addresses_max_) break;
    if (std::ranges::find(known_, address) != known_.end()) continue;
    known_.push_back(address);
    waiting_.push_back(address);
  }
  waiting_ = in_order(waiting_);
}

Race::Step Race::next(TimePoint now) {
  if (waiting_.empty()) {
    if (running_ == 0) return Lost{};
    return Wait{TimePoint::max()};
  }
  if (running_ > 0 && now < next_start_) return Wait{next_start_};
  auto address = waiting_.front();
  waiting_.erase(waiting_.begin());
  ++running_;
  bool tcp_follows = !waiting_.empty() && waiting_.front().transport != PeerAddress::Transport::nquic;
  next_start_ = now + (tcp_follows ? stagger_tcp : stagger);
  return Start{address};
}

void Race::on_failure(TimePoint now) {
  if (running_ > 0) --running_;
  next_start_ = now;
}

}  // namespace conclave::swarm
