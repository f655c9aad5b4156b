#include "crypto/header_protection.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/ensure.hpp"

namespace conclave::crypto {
namespace {

/// Fetched once: EVP_aes_*_ecb() would look the implementation up again for every key of every connection.
const EVP_CIPHER* block_cipher(AeadAlgorithm algorithm) {
  static const EVP_CIPHER* const aes_128 = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  static const EVP_CIPHER* const aes_256 = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  return algorithm == AeadAlgorithm::aes_128_gcm ? aes_128 : aes_256;
}

}  // namespace

struct HeaderProtection::Context {
  EVP_CIPHER_CTX* ecb = EVP_CIPHER_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(ecb); }
};

HeaderProtection::HeaderProtection(AeadAlgorithm algorithm, ByteView key) {
  ensure(key.size() == key_size(algorithm), "key of the algorithm's size");
  ensure(algorithm != AeadAlgorithm::xchacha20_poly1305, "QUIC does not know XChaCha20");
  std::copy(key.begin(), key.end(), key_.data());
  if (algorithm == AeadAlgorithm::chacha20_poly1305) return;
  context_ = std::make_unique<Context>();
  ensure(EVP_EncryptInit_ex(context_->ecb, block_cipher(algorithm), nullptr, key_.data(), nullptr) == 1, "AES key set");
  EVP_CIPHER_CTX_set_padding(context_->ecb, 0);
}

HeaderProtection::HeaderProtection(const HeaderProtection& other) : key_(other.key_) {
  if (!other.context_) return;
  context_ = std::make_unique<Context>();
  ensure(EVP_CIPHER_CTX_copy(context_->ecb, other.context_->ecb) == 1, "AES key copied");
}

HeaderProtection::HeaderProtection(HeaderProtection&&) noexcept = default;
HeaderProtection& HeaderProtection::operator=(HeaderProtection&&) noexcept = default;
HeaderProtection::~HeaderProtection() = default;

HeaderProtection::Mask HeaderProtection::mask(ByteView sample) {
  ensure(sample.size() == sample_size, "a sample of 16 bytes");
  Mask out{};
  if (!context_) {
    // The first four bytes are the block counter, little endian; the other twelve the nonce.
    std::uint32_t counter = sample[0] | std::uint32_t{sample[1]} << 8 | std::uint32_t{sample[2]} << 16 |
                            std::uint32_t{sample[3]} << 24;
    crypto_stream_chacha20_ietf_xor_ic(out.data(), out.data(), out.size(), sample.data() + 4, counter,
                                       key_.data());
    return out;
  }
  std::array<Byte, 16> block;
  int written = 0;
  ensure(EVP_EncryptUpdate(context_->ecb, block.data(), &written, sample.data(), 16) == 1 && written == 16,
         "AES encrypts a block");
  std::copy_n(block.begin(), out.size(), out.begin());
  return out;
}

}  // namespace conclave::crypto
