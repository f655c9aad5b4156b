#pragma once
/// What a clock has to do and when, in order of time and then of asking. Connections move their alarms all the time, so
/// a cancelled one stays in the order until its time comes or half of it is cancelled.
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "crypto/time.hpp"

namespace conclave::io {

class Agenda {
 public:
  using Action = std::function<void()>;

  /// Names the entry: counts from 1.
  std::uint64_t add(TimePoint when, Action action);
  /// False where it was cancelled or taken before.
  bool cancel(std::uint64_t entry);
  bool empty() const { return actions_.empty(); }
  /// When the first is due; nothing where there is none.
  std::optional<TimePoint> next();
  /// Takes the first out. There is one.
  Action take();

 private:
  void drop_first();

  std::vector<std::pair<TimePoint, std::uint64_t>> order_;  ///< a heap, the earliest in front
  boost::unordered_flat_map<std::uint64_t, Action> actions_;  ///< of those not cancelled
  std::uint64_t last_ = 0;
};

}  // namespace conclave::io
