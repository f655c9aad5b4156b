#pragma once
/// A number with a name: `StreamId` and `Credit` may both be 32 bits wide and never mix.
#include <compare>

namespace conclave {

template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep raw) : raw_(raw) {}
  constexpr Rep raw() const { return raw_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep raw_{};
};

}  // namespace conclave
