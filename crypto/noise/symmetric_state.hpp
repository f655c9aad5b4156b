#pragma once
/// Noise, revision 34, section 5.2: chaining key and handshake hash, with SHA-256.
#include <optional>

#include "crypto/hash.hpp"
#include "crypto/noise/cipher_state.hpp"

namespace conclave::noise {

class SymmetricState {
 public:
  SymmetricState(std::string_view protocol_name, Cipher cipher);

  void mix_key(ByteView input);
  void mix_hash(ByteView data);
  /// Both end with MixHash(ciphertext). Without a key the text passes as it is.
  Bytes encrypt_and_hash(ByteView plain);
  /// Fails with Errc::undecryptable.
  Result<Bytes> decrypt_and_hash(ByteView sealed);

  bool has_key() const { return cipher_state_.has_value(); }
  const crypto::Digest& handshake_hash() const { return hash_; }
  const Secret<32>& chaining_key() const { return chaining_key_; }
  /// Split() as raw keys: first initiator to responder, then the other way.
  std::pair<Secret<32>, Secret<32>> split() const;

 private:
  Cipher cipher_;
  Secret<32> chaining_key_;
  crypto::Digest hash_;
  std::optional<CipherState> cipher_state_;
};

}  // namespace conclave::noise
