#pragma once
/// How many strangers may knock. Sans-IO.
///
/// A key pair costs nothing, so strangers are counted by what does cost something: the network they come from
/// (/24 or /48). Private ranges and loopback count towards the total only: they are one's own house.
#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"

#include <map>

namespace conclave::contacts {

class Knocks {
 public:
  static constexpr std::size_t pending_max = 64;      ///< requests that wait for a person
  static constexpr std::size_t per_network_hour = 4;  ///< new strangers
  static constexpr std::size_t per_hour = 64;
  static constexpr Duration hour = std::chrono::hours(1);

  /// Whether one more stranger, from this address, may leave a request. Counts it if so.
  bool admit(const io::IpAddress& from, std::size_t pending, TimePoint now) {
    if (pending >= pending_max) return false;
    std::erase_if(windows_, [&](auto& entry) { return now - entry.second.since >= hour; });
    if (now - all_.since >= hour) all_ = {now, 0};
    if (all_.count >= per_hour) return false;
    if (!from.private_range()) {
      auto& window = windows_.try_emplace(from.network(), Window{now, 0}).first->second;
      if (window.count >= per_network_hour) return false;
      ++window.count;
    }
    ++all_.count;
    return true;
  }

 private:
  struct Window {
    TimePoint since{};
    std::size_t count = 0;
  };
  std::map<io::IpAddress, Window>
      windows_;  ///< at most per_hour of them: each holds one admitted stranger or more
  Window all_;
};

}  // namespace conclave::contacts
