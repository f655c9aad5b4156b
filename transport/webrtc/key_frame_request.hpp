#pragma once
/// When to ask a sender for a key frame. Every receiver that joins or loses its way wants one, and a key frame
/// costs everybody: at most one question per source in 300 ms, repeated until one comes.
#include <optional>

#include "crypto/time.hpp"

namespace conclave::webrtc {

class KeyFrameRequest {
 public:
  static constexpr Duration pause{300'000};

  void want() { wanted_ = true; }
  /// A key frame came: whoever wanted one has it.
  void satisfied() { wanted_ = false; }
  /// Whether to send PLI or FIR now.
  bool take(TimePoint now) {
    if (now < deadline()) return false;
    asked_ = now;
    return true;
  }
  TimePoint deadline() const {
    if (!wanted_) return TimePoint::max();
    return asked_ ? *asked_ + pause : TimePoint{};
  }

 private:
  bool wanted_ = false;
  std::optional<TimePoint> asked_;
};

}  // namespace conclave::webrtc
