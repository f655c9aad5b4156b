#pragma once
/// Counters that wrap: RTP sequence numbers, timestamps, transport-wide numbers.
#include <cstdint>
#include <optional>
#include <type_traits>

namespace conclave::webrtc {

/// Whether `a` comes after `b` when they are less than half the circle apart.
template <class Number>
constexpr bool newer(Number a, Number b) {
  static_assert(std::is_unsigned_v<Number>);
  return static_cast<std::make_signed_t<Number>>(static_cast<Number>(a - b)) > 0;
}

/// Turns wrapping numbers into ones that do not. The nearest to the highest one seen is meant.
template <class Number>
class Unwrapper {
 public:
  /// Remembers the highest number so far.
  std::int64_t unwrap(Number value) {
    auto at = peek(value);
    if (!highest_ || at > *highest_) highest_ = at;
    return at;
  }
  std::int64_t peek(Number value) const {
    if (!highest_) return value;
    auto step = static_cast<std::make_signed_t<Number>>(static_cast<Number>(value - static_cast<Number>(*highest_)));
    return *highest_ + step;
  }
  std::optional<std::int64_t> highest() const { return highest_; }

 private:
  std::optional<std::int64_t> highest_;
};

}  // namespace conclave::webrtc
