#pragma once
/// Two kinds of time, and no way to ask for either here: time is handed in.
#include <chrono>
#include <cstdint>

namespace conclave {

/// The time line of a node. It has no `now()`: protocol code is handed the time, it never asks for it.
/// `transport/io/clock.hpp` owns the only source, real or simulated.
struct NodeClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<NodeClock>;
  static constexpr bool is_steady = true;
};
using TimePoint = NodeClock::time_point;
using Duration = NodeClock::duration;

/// Milliseconds since 1970, UTC, as some clock somewhere claims. Signed statements carry it; nobody measures
/// durations with it.
struct UnixTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(UnixTime, UnixTime) = default;
  constexpr UnixTime operator+(std::chrono::milliseconds more) const { return {ms + more.count()}; }
  constexpr UnixTime operator-(std::chrono::milliseconds less) const { return {ms - less.count()}; }
};

/// How far the clock of an honest machine may be off. Whoever compares a foreign `UnixTime` with the own one grants it.
inline constexpr std::chrono::milliseconds clock_skew = std::chrono::minutes(10);

}  // namespace conclave
