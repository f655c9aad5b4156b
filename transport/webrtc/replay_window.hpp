#pragma once
/// Which packet indices have been seen (RFC 3711 section 3.3.2), over the last 1024: at 1500 packets a second a
/// retransmission two thirds of a second late still gets in.
#include <array>
#include <cstddef>
#include <cstdint>

namespace conclave::webrtc {

class ReplayWindow {
 public:
  static constexpr std::uint64_t span = 1024;

  /// Whether `index` is new and not too old. Nothing is remembered until `mark`, which follows authentication.
  bool fresh(std::uint64_t index) const {
    if (empty_ || index > highest_) return true;
    if (highest_ - index >= span) return false;
    return (words_[index / 64 % words_.size()] >> index % 64 & 1) == 0;
  }

  void mark(std::uint64_t index) {
    if (empty_) {
      empty_ = false;
      highest_ = index;
    } else if (index > highest_) {
      forget(index);
      highest_ = index;
    }
    words_[index / 64 % words_.size()] |= std::uint64_t{1} << index % 64;
  }

  bool empty() const { return empty_; }
  std::uint64_t highest() const { return highest_; }

 private:
  /// Clears the bits of the indices above the highest and up to `index`: they belonged to older ones.
  void forget(std::uint64_t index) {
    if (index - highest_ >= span) {
      words_.fill(0);
      return;
    }
    for (auto i = highest_ + 1; i <= index; ++i) words_[i / 64 % words_.size()] &= ~(std::uint64_t{1} << i % 64);
  }

  std::array<std::uint64_t, span / 64> words_{};
  std::uint64_t highest_ = 0;
  bool empty_ = true;
};

}  // namespace conclave::webrtc
