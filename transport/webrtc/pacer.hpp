#pragma once
/// Lets packets out at a rate, the urgent before the rest, and throws away what has become too old to matter
/// rather than let it make everything else late. What a packet is, its owner knows (`Item`).
#include <array>
#include <deque>
#include <optional>

#include "crypto/bytes.hpp"
#include "crypto/time.hpp"

namespace conclave::webrtc {

/// In the order in which they go. Strict: an upper layer waits for everything above it.
enum class Urgency : Byte { audio, retransmission, base, upper, filling };
inline constexpr std::size_t urgencies = 5;

struct PacerLimits {
  /// How late each may get. Audio that is 200 ms late is not played; a base layer has to come or the picture
  /// stops until a key frame.
  std::array<Duration, urgencies> age_max{Duration(200'000), Duration(250'000), Duration(500'000),
                                          Duration(150'000), Duration(100'000)};
  std::size_t items_max = 4096;
  Duration burst{5'000};  ///< of budget that may be saved up: timers are not exact
};

template <class Item>
class Pacer {
 public:
  explicit Pacer(PacerLimits limits = {}) : limits_(limits) {}

  /// Bits per second.
  void set_rate(double rate, TimePoint now) {
    refill(now);
    rate_ = rate;
  }

  /// Dropped at once when the queue is full and nothing less urgent can make room.
  void push(Urgency urgency, std::size_t size, Item item, TimePoint now) {
    if (items_ >= limits_.items_max && !drop_below(urgency)) {
      ++dropped_;
      return;
    }
    queues_[static_cast<std::size_t>(urgency)].push_back({now, size, std::move(item)});
    ++items_;
    bytes_ += size;
  }

  struct Out {
    Item item;
    Urgency urgency;
    std::size_t size;
  };
  /// The next packet that may leave at `now`. Audio does not wait for budget, but costs it.
  std::optional<Out> pop(TimePoint now) {
    refill(now);
    for (std::size_t i = 0; i < urgencies; ++i) {
      auto& queue = queues_[i];
      while (!queue.empty() && now - queue.front().at > limits_.age_max[i]) drop(queue);
      if (queue.empty()) continue;
      if (static_cast<Urgency>(i) != Urgency::audio && budget_ <= 0) return std::nullopt;
      auto entry = std::move(queue.front());
      queue.pop_front();
      --items_;
      bytes_ -= entry.size;
      budget_ -= static_cast<double>(entry.size) * 8;
      return Out{std::move(entry.item), static_cast<Urgency>(i), entry.size};
    }
    return std::nullopt;
  }

  /// When `pop` may have something.
  TimePoint deadline() const {
    if (items_ == 0) return TimePoint::max();
    if (!queues_[0].empty() || budget_ > 0) return refilled_;
    if (rate_ <= 0) return TimePoint::max();
    return refilled_ + Duration(static_cast<std::int64_t>(-budget_ / rate_ * 1e6) + 1);
  }
  std::size_t bytes() const { return bytes_; }
  std::size_t items() const { return items_; }
  std::uint64_t dropped() const { return dropped_; }
  /// How long what is waiting would take at the present rate.
  Duration delay() const {
    return rate_ > 0 ? Duration(static_cast<std::int64_t>(static_cast<double>(bytes_) * 8 / rate_ * 1e6)) : Duration(0);
  }

 private:
  struct Entry {
    TimePoint at;
    std::size_t size;
    Item item;
  };
  void refill(TimePoint now) {
    if (now <= refilled_) return;
    auto saved_max = rate_ * std::chrono::duration<double>(limits_.burst).count();
    budget_ = std::min(saved_max, budget_ + rate_ * std::chrono::duration<double>(now - refilled_).count());
    refilled_ = now;
  }
  void drop(std::deque<Entry>& queue) {
    bytes_ -= queue.front().size;
    queue.pop_front();
    --items_;
    ++dropped_;
  }
  bool drop_below(Urgency urgency) {
    for (auto i = urgencies - 1; i > static_cast<std::size_t>(urgency); --i) {
      if (queues_[i].empty()) continue;
      drop(queues_[i]);
      return true;
    }
    return false;
  }

  PacerLimits limits_;
  std::array<std::deque<Entry>, urgencies> queues_;
  std::size_t items_ = 0, bytes_ = 0;
  std::uint64_t dropped_ = 0;
  double rate_ = 300'000, budget_ = 0;
  TimePoint refilled_{};
};

}  // namespace conclave::webrtc
