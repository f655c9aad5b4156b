#pragma once
/// Integers in network order at a place the caller has checked to be inside its buffer.
#include "crypto/bytes.hpp"

namespace conclave::webrtc {

constexpr std::uint16_t be16(const Byte* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
constexpr std::uint32_t be24(const Byte* at) {
  return static_cast<std::uint32_t>(at[0]) << 16 | static_cast<std::uint32_t>(at[1]) << 8 | at[2];
}
constexpr std::uint32_t be32(const Byte* at) { return static_cast<std::uint32_t>(at[0]) << 24 | be24(at + 1); }
constexpr std::uint64_t be64(const Byte* at) {
  return static_cast<std::uint64_t>(be32(at)) << 32 | be32(at + 4);
}

constexpr void put16(Byte* at, std::uint64_t value) {
  at[0] = static_cast<Byte>(value >> 8);
  at[1] = static_cast<Byte>(value);
}
constexpr void put24(Byte* at, std::uint64_t value) {
  at[0] = static_cast<Byte>(value >> 16);
  put16(at + 1, value);
}
constexpr void put32(Byte* at, std::uint64_t value) {
  at[0] = static_cast<Byte>(value >> 24);
  put24(at + 1, value);
}
constexpr void put64(Byte* at, std::uint64_t value) {
  put32(at, value >> 32);
  put32(at + 4, value);
}

inline void append16(Bytes& to, std::uint64_t value) {
  to.resize(to.size() + 2);
  put16(to.data() + to.size() - 2, value);
}
inline void append32(Bytes& to, std::uint64_t value) {
  to.resize(to.size() + 4);
  put32(to.data() + to.size() - 4, value);
}

}  // namespace conclave::webrtc
