#pragma once
/// Round-trip times as RFC 6298 smooths them, small enough to keep one per table entry.
#include "crypto/time.hpp"

#include <algorithm>
#include <cstdint>

namespace conclave::dht {

/// In quarters of a millisecond, up to 16 seconds.
struct Rtt {
  std::uint16_t smoothed = 0;
  std::uint16_t deviation = 0;

  static std::uint16_t units(Duration time) {
    return static_cast<std::uint16_t>(std::clamp<Duration::rep>(time.count() / 250, 1, 0xffff));
  }
  bool known() const { return smoothed != 0; }
  void sample(Duration time) {
    int now = units(time);
    if (!known()) {
      smoothed = static_cast<std::uint16_t>(now);
      deviation = static_cast<std::uint16_t>(now / 2);
      return;
    }
    int error = now - smoothed;
    smoothed = static_cast<std::uint16_t>(std::clamp(smoothed + error / 8, 1, 0xffff));
    deviation =
        static_cast<std::uint16_t>(std::clamp(deviation + (std::abs(error) - deviation) / 4, 0, 0xffff));
  }
  Duration mean() const { return Duration(smoothed * 250); }
  /// How long an answer is worth waiting for: smoothed + 4 deviations.
  Duration patience() const { return Duration((smoothed + 4 * deviation) * 250); }
};

}  // namespace conclave::dht
