#include "transport/oneshot/budget.hpp"

namespace conclave::oneshot {

bool NetworkRates::take(const io::IpAddress& from, TimePoint now) {
  auto network = from.network();
  auto found = by_network_.find(network);
  if (found == by_network_.end()) {
    if (by_network_.size() >= networks_max_) {
      auto oldest = *oldest_.begin();
      by_network_.erase(oldest.second);
      oldest_.erase(oldest);
    }
    found = by_network_.emplace(network, Entry{per_second_, now}).first;
  } else {
    oldest_.erase({found->second.filled, network});
  }
  auto& entry = found->second;
  auto seconds = std::chrono::duration<double>(std::max(now, entry.filled) - entry.filled).count();
  entry.level = std::min(per_second_, entry.level + seconds * per_second_);
  entry.filled = std::max(now, entry.filled);
  oldest_.emplace(entry.filled, network);
  if (entry.level < 1) return false;
  entry.level -= 1;
  return true;
}

}  // namespace conclave::oneshot
