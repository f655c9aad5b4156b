#pragma once
/// How much a peer may send before we have read it (RFC 9000 4.1), and when that becomes more. The library's
/// own tuning doubles a window at most once in a round trip that used it up, which takes a second on a path
/// that loses packets: there everything behind a lost one waits here, and is then read at once.
#include "crypto/time.hpp"

#include <algorithm>
#include <cstdint>

namespace conclave::quic {

class ReceiveWindow {
 public:
  explicit ReceiveWindow(std::uint64_t size = 0) : size_(size) {}

  /// `bytes` were read. Says by how many more than those the peer's limit moves: as many again, while it is
  /// read as fast as half a window within four round trips, up to a window of `most`.
  std::uint64_t grow(std::uint64_t bytes, Duration rtt, TimePoint now, std::uint64_t most) {
    if (now - since_ > 4 * rtt) {
      since_ = now;
      read_ = 0;
    }
    read_ += bytes;
    if (read_ < size_ / 2 || size_ >= most) return 0;
    auto more = std::min(bytes, most - size_);
    size_ += more;
    return more;
  }
  std::uint64_t size() const { return size_; }

 private:
  std::uint64_t size_;
  std::uint64_t read_ = 0;
  TimePoint since_{};
};

}  // namespace conclave::quic
