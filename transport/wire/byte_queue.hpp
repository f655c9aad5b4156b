#pragma once
/// First in, first out, in any pieces; what waits is one contiguous view.
#include "crypto/bytes.hpp"

namespace conclave::wire {

class ByteQueue {
 public:
  void push(ByteView bytes) {
    // Move what is left to the front only when as much was taken as is left: each byte moves once on average.
    if (head_ > 0 && head_ >= size()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    append(bytes_, bytes);
  }
  ByteView front() const { return ByteView(bytes_).subspan(head_); }
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  /// `count` is at most `size()`.
  void drop(std::size_t count) {
    head_ += count;
    if (!empty()) return;
    head_ = 0;
    bytes_.clear();
    // One slow moment must not keep megabytes for the rest of a stream's life.
    if (bytes_.capacity() > kept_max) Bytes().swap(bytes_);
  }
  void clear() { drop(size()); }

 private:
  static constexpr std::size_t kept_max = 1024 * 1024;
  Bytes bytes_;
  std::size_t head_ = 0;
};

}  // namespace conclave::wire
