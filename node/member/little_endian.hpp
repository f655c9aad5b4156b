#pragma once
/// Numbers as IVF and Ogg write them: least significant byte first.
#include "crypto/bytes.hpp"

namespace conclave::member {

/// `size` bytes at `at`, up to 8.
inline std::uint64_t little(const Byte* at, int size) {
  std::uint64_t out = 0;
  for (int i = size - 1; i >= 0; --i) out = out << 8 | at[i];
  return out;
}

inline void put_little(Bytes& to, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) to.push_back(static_cast<Byte>(value >> (8 * i)));
}

}  // namespace conclave::member
