#include "crypto/keys.hpp"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <sodium.h>

#include "crypto/ensure.hpp"

namespace conclave {
namespace {

Bytes separated(Domain domain, ByteView message) {
  Bytes out = copy(view(domain.name));
  out.push_back(0);
  append(out, message);
  return out;
}

/// libsodium's secret key is seed ‖ public key.
Secret<64> expanded(const Secret<32>& seed, ByteView public_key) {
  Secret<64> out;
  std::copy_n(seed.data(), 32, out.data());
  std::copy_n(public_key.data(), 32, out.data() + 32);
  return out;
}

}  // namespace

void wipe(MutableBytes bytes) { sodium_memzero(bytes.data(), bytes.size()); }
bool same_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

template <class Public>
KeyPair<Public> KeyPair<Public>::generate(Random& random) {
  Secret<32> seed;
  random.fill(seed.span());
  return from_seed(seed);
}

template <class Public>
KeyPair<Public> KeyPair<Public>::from_seed(const Secret<32>& seed) {
  KeyPair out;
  out.seed_ = seed;
  Secret<64> secret;
  crypto_sign_seed_keypair(out.public_.bytes.data(), secret.data(), seed.data());
  return out;
}

template <class Public>
Signature KeyPair<Public>::sign(Domain domain, ByteView message) const {
  return sign_bare(separated(domain, message));
}

template <class Public>
Signature KeyPair<Public>::sign_bare(ByteView message) const {
  Signature out;
  auto secret = expanded(seed_, public_);
  crypto_sign_detached(out.bytes.data(), nullptr, message.data(), message.size(), secret.data());
  return out;
}

template <class Public>
Secret<32> KeyPair<Public>::x25519_secret() const {
  Secret<32> out;
  auto secret = expanded(seed_, public_);
  crypto_sign_ed25519_sk_to_curve25519(out.data(), secret.data());
  return out;
}

template class KeyPair<AccountKey>;
template class KeyPair<NodeKey>;
template class KeyPair<ConferenceKey>;
template class KeyPair<SigningPublicKey>;

X25519Pair X25519Pair::from_secret(const Secret<32>& secret) { return {secret, crypto::x25519_public(secret)}; }
X25519Pair X25519Pair::of(const NodeKeys& keys) { return from_secret(keys.x25519_secret()); }
X25519Pair X25519Pair::generate(Random& random) {
  Secret<32> secret;
  random.fill(secret.span());
  return from_secret(secret);
}

namespace crypto {

void init() {
  ensure(sodium_init() >= 0, "libsodium starts");
  // Neither the machine's openssl.cnf nor texts for error codes are used; reading them costs half a megabyte.
  ensure(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, nullptr) == 1,
         "OpenSSL starts");
}

Result<> verify(ByteView key, Domain domain, ByteView message, const Signature& signature) {
  return verify_bare(key, separated(domain, message), signature);
}

Result<> verify_bare(ByteView key, ByteView message, const Signature& signature) {
  if (key.size() != 32) return fail(Errc::bad_key);
  if (crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(), key.data()) != 0)
    return fail(Errc::bad_signature);
  return {};
}

Result<X25519Key> to_x25519(ByteView ed25519_key) {
  X25519Key out;
  if (ed25519_key.size() != 32) return fail(Errc::bad_key);
  if (crypto_sign_ed25519_pk_to_curve25519(out.bytes.data(), ed25519_key.data()) != 0)
    return fail(Errc::bad_key);
  return out;
}

namespace {

/// The map is u = (1 + y) / (1 - y) modulo p = 2^255 - 19, RFC 7748 4.1. Public keys only: not constant-time. Its numbers
/// are made once for each thread, since making them takes as long as the map.
struct Fraction {
  static Fraction& of_this_thread() {
    thread_local Fraction fraction;
    return fraction;
  }
  BN_CTX* context = BN_CTX_new();
  BIGNUM* p = BN_new();
  BIGNUM* above = BN_new();
  BIGNUM* below = BN_new();
  BIGNUM* u = BN_new();
  Fraction() {
    BN_set_bit(p, 255);
    BN_sub_word(p, 19);
  }
  Fraction(const Fraction&) = delete;
  Fraction& operator=(const Fraction&) = delete;
  ~Fraction() {
    for (auto* number : {p, above, below, u}) BN_free(number);
    BN_CTX_free(context);
  }
  /// False where the map is not defined.
  bool read(ByteView ed25519_key) {
    if (ed25519_key.size() != 32) return false;
    std::array<Byte, 32> bytes;
    std::copy(ed25519_key.begin(), ed25519_key.end(), bytes.begin());
    bytes[31] &= 0x7f;  // the sign of x
    BN_lebin2bn(bytes.data(), 32, above);
    if (BN_cmp(above, p) >= 0) return false;
    BN_mod_sub(below, BN_value_one(), above, p, context);
    BN_add_word(above, 1);
    return !BN_is_zero(below);
  }
};

}  // namespace

Result<X25519Key> to_x25519_unchecked(ByteView ed25519_key) {
  auto& map = Fraction::of_this_thread();
  if (!map.read(ed25519_key) || BN_mod_inverse(map.below, map.below, map.p, map.context) == nullptr)
    return fail(Errc::bad_key);
  BN_mod_mul(map.u, map.above, map.below, map.p, map.context);
  X25519Key out;
  ensure(BN_bn2lebinpad(map.u, out.bytes.data(), 32) == 32, "a number below 2^255");
  return out;
}

bool maps_to_x25519(ByteView ed25519_key, const X25519Key& x25519_key) {
  auto& map = Fraction::of_this_thread();
  if (!map.read(ed25519_key)) return false;
  BN_lebin2bn(x25519_key.bytes.data(), 32, map.u);
  if (BN_cmp(map.u, map.p) >= 0) return false;
  BN_mod_mul(map.u, map.u, map.below, map.p, map.context);
  BN_mod_sub(map.u, map.u, map.above, map.p, map.context);
  return BN_is_zero(map.u) != 0;
}

X25519Key x25519_public(const Secret<32>& secret) {
  X25519Key out;
  crypto_scalarmult_base(out.bytes.data(), secret.data());
  return out;
}

Result<Secret<32>> x25519_shared(const Secret<32>& ours, const X25519Key& theirs) {
  Secret<32> out;
  if (crypto_scalarmult(out.data(), ours.data(), theirs.bytes.data()) != 0) return fail(Errc::bad_key);
  return out;
}

}  // namespace crypto
}  // namespace conclave
