#include "crypto/noise/cipher_state.hpp"

#include <limits>

#include "crypto/ensure.hpp"

namespace conclave::noise {
namespace {

// Section 5.1: the last nonce is kept for rekeying.
constexpr std::uint64_t nonce_of_rekey = std::numeric_limits<std::uint64_t>::max();

crypto::AeadAlgorithm algorithm(Cipher cipher) {
  return cipher == Cipher::aes_gcm ? crypto::AeadAlgorithm::aes_256_gcm
                                   : crypto::AeadAlgorithm::chacha20_poly1305;
}

}  // namespace

CipherState::CipherState(Cipher cipher, const Secret<32>& key)
    : cipher_(cipher), aead_(algorithm(cipher), key.view()) {}

std::array<Byte, 12> CipherState::nonce_bytes(std::uint64_t nonce) const {
  std::array<Byte, 12> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t place = cipher_ == Cipher::aes_gcm ? 11 - i : 4 + i;
    out[place] = static_cast<Byte>(nonce >> (8 * i));
  }
  return out;
}

Bytes CipherState::encrypt(ByteView associated, ByteView plain) {
  ensure(nonce_ != nonce_of_rekey, "2^64 - 1 messages are enough for one key");
  return aead_.seal(nonce_bytes(nonce_++), associated, plain);
}

Result<Bytes> CipherState::decrypt(ByteView associated, ByteView sealed) {
  if (nonce_ == nonce_of_rekey) return fail(Errc::limit_reached);
  TRY(auto plain, aead_.open(nonce_bytes(nonce_), associated, sealed));
  ++nonce_;
  return plain;
}

void CipherState::rekey() {
  Secret<32> zeros;
  Bytes sealed = aead_.seal(nonce_bytes(nonce_of_rekey), {}, zeros.view());
  aead_ = crypto::Aead(algorithm(cipher_), ByteView(sealed).first(32));
  wipe(sealed);
}

}  // namespace conclave::noise
