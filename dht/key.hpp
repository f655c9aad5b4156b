#pragma once
/// Places in the key space of 2^256, and how far apart two are: XOR (Maymounkov and Mazières 2002,
/// section 2.1).
#include "crypto/bytes.hpp"
#include "crypto/random.hpp"

namespace conclave::dht {

/// The position of a node, or a meeting point.
using Key = Fixed<struct DhtKeyTag, 32>;

/// The upper 128 bits of the XOR of two keys. Two different keys that agree in so many bits cost 2^128 tries
/// to make, so the rest never decides.
struct Distance {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Distance&, const Distance&) = default;

  /// As a share of the key space, in [0, 1].
  double share() const { return static_cast<double>(high) * 0x1p-64; }
  /// The distance of that share; 1 and more is everything.
  static Distance of_share(double share);
  /// Leading zero bits, 0 to 128: the number of bits two keys have in common.
  int common_bits() const;
};

inline std::uint64_t big_endian(const Byte* bytes) {
  std::uint64_t out;
  std::memcpy(&out, bytes, sizeof out);
  return __builtin_bswap64(out);
}

inline Distance distance(const Key& a, const Key& b) {
  return {big_endian(a.bytes.data()) ^ big_endian(b.bytes.data()),
          big_endian(a.bytes.data() + 8) ^ big_endian(b.bytes.data() + 8)};
}

/// `key` with the bit at `index` (0 is the first) turned.
Key with_flipped_bit(const Key& key, int index);
/// A random key that has exactly the first `bits` bits of `key`: bit number `bits` differs.
Key random_at_prefix(const Key& key, int bits, Random& random);

}  // namespace conclave::dht
