#pragma once
/// What protects packets of one direction at one level: AEAD key, IV and header protection key, all from one
/// secret (RFC 9001 5.1).
#include "crypto/header_protection.hpp"
#include "crypto/hkdf.hpp"

#include <optional>

namespace conclave::quic {

/// The bulk ciphers, as their numbers stand in the handshake. ChaCha20-Poly1305 protects Initial and
/// Handshake packets always, and everything where one of the two lacks AES instructions.
enum class Suite : Byte {
  chacha20_poly1305 = 1,
  aes_256_gcm = 2,
  unprotected = 255  ///< the benchmark's yardstick; known only to a build with CONCLAVE_UNPROTECTED_SUITE
};

/// The suites this machine is quick at, best first.
std::vector<Suite> preferred_suites();
bool known(Suite suite);

/// Encryptions before the key must be updated (RFC 9001 6.6), and failed decryptions before the connection
/// ends.
struct UseLimits {
  std::uint64_t encryptions;
  std::uint64_t failures;
};
UseLimits use_limits(Suite suite);

class PacketKey {
 public:
  static constexpr std::size_t tag_size = 16;
  PacketKey(Suite suite, const crypto::HmacKey& secret);
  /// For a key that comes from somewhere else and has no IV: Retry.
  static PacketKey bare(const Secret<32>& key);

  const std::array<Byte, 12>& iv() const { return iv_; }
  /// `out` has room for the text and the tag, and may start where `plain` does.
  void seal(Byte* out, ByteView nonce, ByteView associated, ByteView plain);
  /// Fails with Errc::undecryptable.
  Result<> open(Byte* out, ByteView nonce, ByteView associated, ByteView sealed);

 private:
  PacketKey() = default;
  std::optional<crypto::Aead> aead_;
  std::array<Byte, 12> iv_{};
};

/// The header protection of `secret`; it stays across key updates.
class PacketMask {
 public:
  PacketMask(Suite suite, const crypto::HmacKey& secret);
  crypto::HeaderProtection::Mask mask(ByteView sample);

 private:
  std::optional<crypto::HeaderProtection> protection_;
};

}  // namespace conclave::quic
