#pragma once
/// What was seen before: counters within a session, ephemeral keys of first messages.
#include <cstdint>
#include <set>

#include "crypto/bytes.hpp"
#include "crypto/time.hpp"

namespace conclave::oneshot {

/// Accepts each counter once, and none older than 128 behind the newest (RFC 6479 in small).
class ReplayWindow {
 public:
  static constexpr std::uint32_t width = 128;
  bool fresh(std::uint32_t counter) const;
  /// Only after the packet has proven genuine.
  void mark(std::uint32_t counter);

 private:
  bool any_ = false;
  std::uint32_t newest_ = 0;
  std::uint64_t bits_[2] = {0, 0};  ///< bit i: newest_ - i was seen
};

/// The ephemeral keys of the first messages that were executed. Everything is remembered for at least `span`;
/// when it is full, nothing more is taken in rather than anything forgotten.
class SeenKeys {
 public:
  enum class Verdict : Byte { fresh, replayed, cannot_tell };
  SeenKeys(std::size_t keys_max, Duration span) : half_(std::max<std::size_t>(keys_max / 2, 1)), span_(span) {}

  bool seen(ByteView ephemeral) const;
  /// Remembers `ephemeral`, if there is room.
  Verdict add(ByteView ephemeral, TimePoint now);
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Key = std::array<Byte, 16>;
  static Key key(ByteView ephemeral);
  std::size_t half_;
  Duration span_;
  TimePoint turned_{};
  std::set<Key> young_, old_;
};

}  // namespace conclave::oneshot
