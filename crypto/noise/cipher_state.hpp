#pragma once
/// Noise, revision 34, section 5.1: a key and the nonce that counts its messages.
#include "crypto/aead.hpp"

namespace conclave::noise {

/// The ciphers of section 12. Both take 96-bit nonces: 32 zero bits and the counter, little endian for ChaChaPoly, big
/// endian for AESGCM.
enum class Cipher : Byte { chacha_poly, aes_gcm };

/// A Noise message has at most 65535 bytes, tag included.
inline constexpr std::size_t message_max = 65535;

class CipherState {
 public:
  CipherState(Cipher cipher, const Secret<32>& key);

  /// The nonce of the next message. It may be set, where messages bring their numbers along and may be lost.
  std::uint64_t nonce() const { return nonce_; }
  void set_nonce(std::uint64_t nonce) { nonce_ = nonce; }

  Bytes encrypt(ByteView associated, ByteView plain);
  /// Fails with Errc::undecryptable, and the nonce stays; with Errc::limit_reached after 2^64 - 1 messages.
  Result<Bytes> decrypt(ByteView associated, ByteView sealed);
  /// Section 4.2: the key moves on, the nonce stays.
  void rekey();

 private:
  std::array<Byte, 12> nonce_bytes(std::uint64_t nonce) const;
  Cipher cipher_;
  crypto::Aead aead_;
  std::uint64_t nonce_ = 0;
};

}  // namespace conclave::noise
