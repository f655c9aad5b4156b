#pragma once
/// Authenticated encryption: one interface over ChaCha20-Poly1305 (RFC 8439, libsodium), XChaCha20-Poly1305
/// (libsodium), AES-256-GCM and AES-128-GCM (NIST SP 800-38D, OpenSSL EVP, context kept between calls).
///
/// The caller never uses a nonce twice under one key. An object serves one thread at a time.
#include <memory>

#include "crypto/secret.hpp"

namespace conclave::crypto {

/// The numbers go on the wire where a cipher is chosen.
enum class AeadAlgorithm : Byte {
  chacha20_poly1305 = 1,
  aes_256_gcm = 2,
  aes_128_gcm = 3,
  xchacha20_poly1305 = 4,
};
constexpr std::size_t key_size(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::aes_128_gcm ? 16 : 32;
}
constexpr std::size_t nonce_size(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::xchacha20_poly1305 ? 24 : 12;
}

/// Whether this CPU has instructions for AES and carry-less multiplication: without them ChaCha20 is faster, and
/// AES is not constant-time.
bool has_fast_aes();

class Aead {
 public:
  static constexpr std::size_t tag_size = 16;

  /// `key` has key_size(algorithm) bytes.
  Aead(AeadAlgorithm algorithm, ByteView key);
  Aead(const Aead& other);
  Aead& operator=(const Aead& other);
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();

  AeadAlgorithm algorithm() const { return algorithm_; }

  /// Writes ciphertext ‖ tag. `out` has plain.size() + tag_size bytes and is either apart from `plain` or starts
  /// where `plain` starts.
  void seal_into(MutableBytes out, ByteView nonce, ByteView associated, ByteView plain);
  Bytes seal(ByteView nonce, ByteView associated, ByteView plain);

  /// Writes the plain text; `out` has sealed.size() - tag_size bytes, apart from `sealed` or starting where it
  /// starts. Fails with Errc::undecryptable; what `out` holds then means nothing.
  Result<> open_into(MutableBytes out, ByteView nonce, ByteView associated, ByteView sealed);
  Result<Bytes> open(ByteView nonce, ByteView associated, ByteView sealed);

 private:
  struct Context;  // OpenSSL's, for AES only
  AeadAlgorithm algorithm_;
  Secret<32> key_;
  std::unique_ptr<Context> context_;
};

/// XOR of a packet counter into an IV of 12 bytes, RFC 9001 5.3 (big endian, right-aligned). SFrame and HPKE make
/// their nonces in the same way.
std::array<Byte, 12> counter_nonce(ByteView iv, std::uint64_t counter);

}  // namespace conclave::crypto
