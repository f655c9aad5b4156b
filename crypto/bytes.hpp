#pragma once
/// Bytes, and fixed-size byte strings with a name.
#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.hpp"

namespace conclave {

using Byte = std::uint8_t;
using Bytes = std::vector<Byte>;
using ByteView = std::span<const Byte>;
using MutableBytes = std::span<Byte>;

inline ByteView view(std::string_view text) {
  return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}
inline std::string_view text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }
inline void append(Bytes& to, ByteView more) { to.insert(to.end(), more.begin(), more.end()); }

/// `length` bytes that name one thing: a `NodeKey` is never taken for an `AccountKey`.
template <class Tag, std::size_t length>
struct Fixed {
  static constexpr std::size_t size = length;
  std::array<Byte, length> bytes{};

  ByteView view() const { return bytes; }
  operator ByteView() const { return bytes; }
  friend constexpr auto operator<=>(const Fixed&, const Fixed&) = default;

  /// Fails with Errc::wrong_length.
  static Result<Fixed> from(ByteView in) {
    if (in.size() != length) return fail(Errc::wrong_length);
    Fixed out;
    std::copy(in.begin(), in.end(), out.bytes.begin());
    return out;
  }
};

/// Lowercase hexadecimal, for logs and tests.
std::string hex(ByteView bytes);
/// Fails with Errc::malformed.
Result<Bytes> from_hex(std::string_view digits);

}  // namespace conclave

/// For hash maps over keys that an attacker may choose: not for unkeyed use on a hot path, where collisions
/// would be cheap to make; every map that strangers fill is bounded elsewhere.
template <class Tag, std::size_t length>
struct std::hash<conclave::Fixed<Tag, length>> {
  std::size_t operator()(const conclave::Fixed<Tag, length>& value) const noexcept {
    static_assert(length >= sizeof(std::size_t));
    std::size_t out;
    std::memcpy(&out, value.bytes.data(), sizeof out);
    return out;
  }
};
