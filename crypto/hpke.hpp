#pragma once
/// HPKE, RFC 9180: encryption to a public key, with DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256. All four modes; calls
/// use base mode with AES-128-GCM.
///
/// Who can open a message cannot tell who sealed it, except in the auth modes; and those fall to who steals the
/// recipient's key (RFC 9180, 9.1.1). Sign where it matters.
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/keys.hpp"

namespace conclave::hpke {

/// RFC 9180, 7.3.
enum class Cipher : std::uint16_t {
  aes_128_gcm = 0x0001,
  aes_256_gcm = 0x0002,
  chacha20_poly1305 = 0x0003,
  export_only = 0xffff,
};

/// A secret that both have beforehand, at least 32 bytes of entropy, and its name. Both are set or neither.
struct Psk {
  ByteView secret;
  ByteView name;
};

class Context {
 public:
  /// Messages are sealed and opened in one order. The cipher is not `export_only`.
  Bytes seal(ByteView associated, ByteView plain);
  /// Fails with Errc::undecryptable; the next message is then still expected to be this one.
  Result<Bytes> open(ByteView associated, ByteView sealed);
  /// A secret that both sides have, RFC 9180, 5.3. `size` at most 255 × 32.
  Bytes export_secret(ByteView context, std::size_t size) const;

 private:
  friend class Schedule;
  Context() = default;
  std::uint16_t cipher_ = 0;
  std::optional<crypto::Aead> aead_;
  std::array<Byte, 12> base_nonce_{};
  Secret<32> exporter_;
  std::uint64_t sequence_ = 0;
};

/// What the recipient needs, and the context to seal with.
struct Sender {
  X25519Key encapsulated;
  Context context;
};

/// `sender` proves who seals (auth modes). Fails with Errc::bad_key for a public key of small order.
Result<Sender> setup_sender(Cipher cipher, const X25519Key& recipient, ByteView info, Random& random,
                            const X25519Pair* sender = nullptr, Psk psk = {});
Result<Context> setup_recipient(Cipher cipher, const X25519Key& encapsulated, const X25519Pair& recipient,
                                ByteView info, const X25519Key* sender = nullptr, Psk psk = {});

/// RFC 9180, 7.1.3: the pair that belongs to `material`, at least 32 bytes of entropy.
X25519Pair derive_pair(ByteView material);

/// One message in base mode with AES-128-GCM: encapsulated key ‖ ciphertext, 48 bytes longer than `plain`.
Result<Bytes> seal(const X25519Key& recipient, ByteView info, ByteView associated, ByteView plain, Random& random);
/// Fails with Errc::undecryptable or bad_key.
Result<Bytes> open(const X25519Pair& recipient, ByteView info, ByteView associated, ByteView sealed);

}  // namespace conclave::hpke
