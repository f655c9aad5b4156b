#include "dht/key.hpp"

#include <bit>
#include <cmath>

namespace conclave::dht {

Distance Distance::of_share(double share) {
  if (share >= 1) return {~0ull, ~0ull};
  if (share <= 0) return {};
  return {static_cast<std::uint64_t>(std::ldexp(share, 64)), ~0ull};
}

int Distance::common_bits() const { return high ? std::countl_zero(high) : 64 + std::countl_zero(low); }

Key with_flipped_bit(const Key& key, int index) {
  Key out = key;
  out.bytes[static_cast<std::size_t>(index / 8)] ^= static_cast<Byte>(0x80 >> (index % 8));
  return out;
}

Key random_at_prefix(const Key& key, int bits, Random& random) {
  Key out = random.fixed<Key>();
  auto whole = static_cast<std::size_t>(bits / 8);
  std::copy_n(key.bytes.begin(), whole, out.bytes.begin());
  const auto kept = static_cast<Byte>(0xff00 >> (bits % 8));  // the bits of the shared byte that stay
  out.bytes[whole] = static_cast<Byte>((key.bytes[whole] & kept) | (out.bytes[whole] & ~kept));
  const auto turned = static_cast<Byte>(0x80 >> (bits % 8));
  out.bytes[whole] = static_cast<Byte>((out.bytes[whole] & ~turned) | (~key.bytes[whole] & turned));
  return out;
}

}  // namespace conclave::dht
