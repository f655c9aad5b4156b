#pragma once
/// A QUIC connection id: 0 to 20 bytes, RFC 9000 5.1. Ours are 8 bytes long.
#include "crypto/bytes.hpp"

namespace conclave::quic {

struct Cid {
  static constexpr std::size_t max = 20;
  static constexpr std::size_t ours = 8;
  Byte length = 0;
  std::array<Byte, max> bytes{};  ///< zero behind `length`
  friend constexpr auto operator<=>(const Cid&, const Cid&) = default;

  ByteView view() const { return ByteView(bytes).first(length); }
  /// Fails with Errc::too_long.
  static Result<Cid> from(ByteView in) {
    if (in.size() > max) return fail(Errc::too_long);
    Cid out;
    out.length = static_cast<Byte>(in.size());
    std::copy(in.begin(), in.end(), out.bytes.begin());
    return out;
  }
};

}  // namespace conclave::quic

/// Strangers choose the id of their first packet, so collisions are cheap to make: the map that uses this is
/// bounded by the number of handshakes that may be open at a time.
template <>
struct std::hash<conclave::quic::Cid> {
  std::size_t operator()(const conclave::quic::Cid& cid) const noexcept {
    std::uint64_t first;
    std::memcpy(&first, cid.bytes.data(), sizeof first);
    return static_cast<std::size_t>(first * 0x9e3779b97f4a7c15u);
  }
};
