#pragma once
/// What strangers may cost: buckets of processor time that fill with the time that passes.
#include <algorithm>
#include <map>
#include <set>

#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::oneshot {

/// Holds at most `depth` of processor time and fills at `share` of a core.
class Budget {
 public:
  Budget(double share, Duration depth)
      : share_(share), depth_(static_cast<double>(depth.count())), level_(depth_) {}

  /// Takes `price`, or nothing and says false.
  bool take(Duration price, TimePoint now) {
    if (now > filled_) {
      level_ = std::min(depth_, level_ + share_ * static_cast<double>((now - filled_).count()));
      filled_ = now;
    }
    if (level_ < static_cast<double>(price.count())) return false;
    level_ -= static_cast<double>(price.count());
    return true;
  }

 private:
  double share_;
  double depth_;
  double level_;
  TimePoint filled_{};
};

/// How many first messages each network has had answered lately. Remembers `networks_max` networks; the one
/// that came longest ago is forgotten first, and with it what it used up: the total is `Budget`'s business.
class NetworkRates {
 public:
  NetworkRates(double per_second, std::size_t networks_max)
      : per_second_(per_second), networks_max_(std::max<std::size_t>(networks_max, 1)) {}

  bool take(const io::IpAddress& from, TimePoint now);
  std::size_t size() const { return by_network_.size(); }

 private:
  struct Entry {
    double level;
    TimePoint filled;
  };
  double per_second_;
  std::size_t networks_max_;
  std::map<io::IpAddress, Entry> by_network_;
  std::set<std::pair<TimePoint, io::IpAddress>> oldest_;
};

}  // namespace conclave::oneshot
