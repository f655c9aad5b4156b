#include "crypto/aead.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <limits>

#include "crypto/ensure.hpp"

namespace conclave::crypto {
namespace {

bool is_aes(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::aes_256_gcm || algorithm == AeadAlgorithm::aes_128_gcm;
}

/// Fetched once: EVP_aes_*_gcm() would look the implementation up again at every init.
const EVP_CIPHER* cipher(AeadAlgorithm algorithm) {
  static const EVP_CIPHER* const aes_128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const aes_256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return algorithm == AeadAlgorithm::aes_128_gcm ? aes_128 : aes_256;
}

constexpr int opening = 0, sealing = 1;  ///< what EVP_CipherInit_ex calls them

/// Makes the context when it is needed first.
EVP_CIPHER_CTX* with_key(EVP_CIPHER_CTX*& context, AeadAlgorithm algorithm, const Byte* key, int direction) {
  if (!context) {
    context = EVP_CIPHER_CTX_new();
    ensure(EVP_CipherInit_ex(context, cipher(algorithm), nullptr, key, nullptr, direction) == 1, "AES-GCM key set");
  }
  return context;
}

int as_int(std::size_t size) {
  ensure(size <= std::numeric_limits<int>::max(), "OpenSSL counts in int");
  return static_cast<int>(size);
}

}  // namespace

bool has_fast_aes() {
  static const bool fast = sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() != 0;
  return fast;
}

/// Sealing and opening have a context each, made when it is needed, so that the direction is set once together with the
/// key; most keys only ever do one of the two.
struct Aead::Context {
  EVP_CIPHER_CTX* seal = nullptr;
  EVP_CIPHER_CTX* open = nullptr;
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
  }
};

Aead::Aead(AeadAlgorithm algorithm, ByteView key) : algorithm_(algorithm) {
  ensure(key.size() == key_size(algorithm), "key of the algorithm's size");
  std::copy(key.begin(), key.end(), key_.data());
  if (is_aes(algorithm)) context_ = std::make_unique<Context>();
}

Aead::Aead(const Aead& other) : Aead(other.algorithm_, other.key_.view().first(key_size(other.algorithm_))) {}
Aead& Aead::operator=(const Aead& other) {
  if (this != &other) *this = Aead(other);
  return *this;
}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal_into(MutableBytes out, ByteView nonce, ByteView associated, ByteView plain) {
  ensure(nonce.size() == nonce_size(algorithm_), "nonce of the algorithm's size");
  ensure(out.size() == plain.size() + tag_size, "room for ciphertext and tag");
  Byte* tag = out.data() + plain.size();
  if (algorithm_ == AeadAlgorithm::chacha20_poly1305) {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out.data(), tag, nullptr, plain.data(), plain.size(),
                                                       associated.data(), associated.size(), nullptr,
                                                       nonce.data(), key_.data());
    return;
  }
  if (algorithm_ == AeadAlgorithm::xchacha20_poly1305) {
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached(out.data(), tag, nullptr, plain.data(), plain.size(),
                                                        associated.data(), associated.size(), nullptr,
                                                        nonce.data(), key_.data());
    return;
  }
  auto* context = with_key(context_->seal, algorithm_, key_.data(), sealing);
  int written = 0;
  bool good = EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1;
  if (!associated.empty())
    good &= EVP_EncryptUpdate(context, nullptr, &written, associated.data(), as_int(associated.size())) == 1;
  if (!plain.empty())
    good &= EVP_EncryptUpdate(context, out.data(), &written, plain.data(), as_int(plain.size())) == 1;
  good &= EVP_EncryptFinal_ex(context, tag, &written) == 1;
  good &= EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag) == 1;
  ensure(good, "AES-GCM encrypts");
}

Result<> Aead::open_into(MutableBytes out, ByteView nonce, ByteView associated, ByteView sealed) {
  ensure(nonce.size() == nonce_size(algorithm_), "nonce of the algorithm's size");
  if (sealed.size() < tag_size) return fail(Errc::undecryptable);
  const std::size_t size = sealed.size() - tag_size;
  ensure(out.size() == size, "room for the plain text");
  const Byte* tag = sealed.data() + size;
  if (algorithm_ == AeadAlgorithm::chacha20_poly1305) {
    if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(out.data(), nullptr, sealed.data(), size, tag,
                                                           associated.data(), associated.size(), nonce.data(),
                                                           key_.data()) != 0)
      return fail(Errc::undecryptable);
    return {};
  }
  if (algorithm_ == AeadAlgorithm::xchacha20_poly1305) {
    if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out.data(), nullptr, sealed.data(), size, tag,
                                                            associated.data(), associated.size(),
                                                            nonce.data(), key_.data()) != 0)
      return fail(Errc::undecryptable);
    return {};
  }
  auto* context = with_key(context_->open, algorithm_, key_.data(), opening);
  int written = 0;
  std::array<Byte, tag_size> expected;
  std::copy_n(tag, tag_size, expected.data());
  bool good = EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1;
  if (!associated.empty())
    good &= EVP_DecryptUpdate(context, nullptr, &written, associated.data(), as_int(associated.size())) == 1;
  if (size > 0) good &= EVP_DecryptUpdate(context, out.data(), &written, sealed.data(), as_int(size)) == 1;
  good &= EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, expected.data()) == 1;
  ensure(good, "AES-GCM runs");
  Byte nothing = 0;
  if (EVP_DecryptFinal_ex(context, &nothing, &written) != 1) return fail(Errc::undecryptable);
  return {};
}

Bytes Aead::seal(ByteView nonce, ByteView associated, ByteView plain) {
  Bytes out(plain.size() + tag_size);
  seal_into(out, nonce, associated, plain);
  return out;
}

Result<Bytes> Aead::open(ByteView nonce, ByteView associated, ByteView sealed) {
  if (sealed.size() < tag_size) return fail(Errc::undecryptable);
  Bytes out(sealed.size() - tag_size);
  CHECK(open_into(out, nonce, associated, sealed));
  return out;
}

std::array<Byte, 12> counter_nonce(ByteView iv, std::uint64_t counter) {
  ensure(iv.size() == 12, "an IV of 12 bytes");
  std::array<Byte, 12> out;
  std::copy(iv.begin(), iv.end(), out.begin());
  for (std::size_t i = 0; i < 8; ++i) out[11 - i] ^= static_cast<Byte>(counter >> (8 * i));
  return out;
}

}  // namespace conclave::crypto
