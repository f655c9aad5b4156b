#pragma once
/// The key pairs of Conclave: Ed25519 (RFC 8032) for who signs, X25519 (RFC 7748) for who decrypts.
///
/// An account key says who a person is and stays cold; a node key says which device speaks. The X25519 key of
/// a node is its Ed25519 key under the birational map (libsodium), so that a public key is all one needs to
/// send its owner an encrypted first packet. Two Ed25519 keys that differ in the sign bit map to one X25519
/// key: whoever uses `to_x25519` binds the Ed25519 key into the transcript as well.
#include "crypto/bytes.hpp"
#include "crypto/random.hpp"
#include "crypto/secret.hpp"

namespace conclave {

using AccountKey = Fixed<struct AccountKeyTag, 32>;        ///< Ed25519 public key of a person
using NodeKey = Fixed<struct NodeKeyTag, 32>;              ///< Ed25519 public key of a device
using ConferenceKey = Fixed<struct ConferenceKeyTag, 32>;  ///< Ed25519 public key of a conference
using SigningPublicKey = Fixed<struct SigningPublicKeyTag, 32>;  ///< Ed25519 public key of anything else
using X25519Key = Fixed<struct X25519KeyTag, 32>;          ///< X25519 public key
using Signature = Fixed<struct SignatureTag, 64>;

/// Every signature is over `domain ‖ 0x00 ‖ message`, so that a statement of one kind is never taken for one
/// of another. Domains are ASCII, start with "conclave/" and end with a version: "conclave/device/1".
struct Domain {
  std::string_view name;
};

/// An Ed25519 key pair whose public half has the type `Public`. Wipes itself.
template <class Public>
class KeyPair {
 public:
  static KeyPair generate(Random& random);
  /// `seed` is the RFC 8032 secret key, 32 bytes.
  static KeyPair from_seed(const Secret<32>& seed);

  const Public& public_key() const { return public_; }
  const Secret<32>& seed() const { return seed_; }
  Signature sign(Domain domain, ByteView message) const;
  /// Ed25519 over the message alone, for foreign protocols that bring their own separation (libp2p).
  Signature sign_bare(ByteView message) const;
  /// The X25519 secret scalar that belongs to `to_x25519(public_key())`.
  Secret<32> x25519_secret() const;

 private:
  Public public_;
  Secret<32> seed_;
};
using AccountKeys = KeyPair<AccountKey>;
using NodeKeys = KeyPair<NodeKey>;
using ConferenceKeys = KeyPair<ConferenceKey>;
using SigningKeys = KeyPair<SigningPublicKey>;

/// An X25519 key pair: for Noise, for HPKE.
struct X25519Pair {
  Secret<32> secret;
  X25519Key public_key;

  static X25519Pair generate(Random& random);
  static X25519Pair from_secret(const Secret<32>& secret);
  /// The pair of a node. Keep it: the conversion costs a multiplication.
  static X25519Pair of(const NodeKeys& keys);
};

namespace crypto {

/// Once per process, before anything else here; idempotent.
void init();

/// Fails with Errc::bad_signature. `key` is an Ed25519 public key of any of the types above.
Result<> verify(ByteView key, Domain domain, ByteView message, const Signature& signature);
Result<> verify_bare(ByteView key, ByteView message, const Signature& signature);

/// The X25519 key of an Ed25519 key. Fails with Errc::bad_key for points of small order and for what is not
/// a point of the main subgroup.
Result<X25519Key> to_x25519(ByteView ed25519_key);
/// The same map without the check, which takes most of its time: for who sends first and checks while the answer
/// is on its way. Fails with Errc::bad_key where the map is not defined.
Result<X25519Key> to_x25519_unchecked(ByteView ed25519_key);
/// Whether `to_x25519_unchecked(ed25519_key)` is `x25519_key`, at a tenth of its price: nothing is inverted.
bool maps_to_x25519(ByteView ed25519_key, const X25519Key& x25519_key);

/// Key pair and shared secret, RFC 7748. `shared` fails with Errc::bad_key where the result is all zero.
X25519Key x25519_public(const Secret<32>& secret);
Result<Secret<32>> x25519_shared(const Secret<32>& ours, const X25519Key& theirs);

}  // namespace crypto
}  // namespace conclave
