#pragma once
/// Bytes that wipe themselves when they go. Comparing them takes the same time for every content.
#include "crypto/bytes.hpp"

namespace conclave {

/// Overwrites memory in a way that the optimiser keeps.
void wipe(MutableBytes bytes);
/// Constant-time in the contents.
bool same_secret(ByteView a, ByteView b);

template <std::size_t count>
class Secret {
 public:
  static constexpr std::size_t size = count;
  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }

  /// Fails with Errc::wrong_length.
  static Result<Secret> from(ByteView in) {
    if (in.size() != count) return fail(Errc::wrong_length);
    Secret out;
    std::copy(in.begin(), in.end(), out.bytes_.begin());
    return out;
  }

  ByteView view() const { return bytes_; }
  MutableBytes span() { return bytes_; }
  const Byte* data() const { return bytes_.data(); }
  Byte* data() { return bytes_.data(); }
  friend bool operator==(const Secret& a, const Secret& b) { return same_secret(a.bytes_, b.bytes_); }

 private:
  std::array<Byte, count> bytes_{};
};

}  // namespace conclave
