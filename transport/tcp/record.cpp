#include "transport/tcp/record.hpp"

#include <openssl/evp.h>

#include "crypto/ensure.hpp"

namespace conclave::tcp {
namespace {

const EVP_CIPHER* chacha() {
  // Fetched once: EVP_chacha20_poly1305() looks the provider up at every initialisation.
  static const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return cipher;
}

using Nonce = std::array<Byte, 12>;

/// Noise, section 12.3: 32 zero bits, then the counter, little endian.
Nonce nonce_of(std::uint64_t counter) {
  Nonce out{};
  for (std::size_t i = 0; i < 8; ++i) out[4 + i] = static_cast<Byte>(counter >> (8 * i));
  return out;
}

}  // namespace

struct RecordCipher::State {
  explicit State(const Secret<32>& secret) : key(secret), context(EVP_CIPHER_CTX_new()) {
    ensure(context && EVP_CipherInit_ex(context, chacha(), nullptr, nullptr, nullptr, 1) == 1, "OpenSSL has ChaCha20");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_CIPHER_CTX_free(context); }

  void start(int sealing) {
    // 2^64 - 1 records are not reached in the life of a connection; Noise forbids the last nonce.
    ensure(counter != UINT64_MAX, "nonces are not used twice");
    auto nonce = nonce_of(counter++);
    ensure(EVP_CipherInit_ex(context, nullptr, nullptr, key.data(), nonce.data(), sealing) == 1, "nonce is set");
  }

  Secret<32> key;
  EVP_CIPHER_CTX* context;
  std::uint64_t counter = 0;
};

RecordCipher::RecordCipher(const Secret<32>& key) : state_(std::make_unique<State>(key)) {}
RecordCipher::RecordCipher(RecordCipher&&) noexcept = default;
RecordCipher& RecordCipher::operator=(RecordCipher&&) noexcept = default;
RecordCipher::~RecordCipher() = default;

std::size_t RecordCipher::seal(Byte* at, std::size_t plain) {
  ensure(plain <= record_plain_max, "a record holds 65519 bytes");
  auto* text = at + record_prefix;
  int size = 0;
  state_->start(1);
  auto* context = state_->context;
  bool good = EVP_EncryptUpdate(context, text, &size, text, static_cast<int>(plain)) == 1 &&
              EVP_EncryptFinal_ex(context, text + size, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, record_tag, text + plain) == 1;
  ensure(good, "sealing a record cannot fail");
  auto body = plain + record_tag;
  at[0] = static_cast<Byte>(body >> 8);
  at[1] = static_cast<Byte>(body);
  return record_prefix + body;
}

Result<MutableBytes> RecordCipher::open(MutableBytes body) {
  if (body.size() < record_tag) return fail(Errc::malformed);
  auto plain = body.first(body.size() - record_tag);
  auto tag = body.last(record_tag);
  int size = 0;
  state_->start(0);
  auto* context = state_->context;
  bool good = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, record_tag, tag.data()) == 1 &&
              EVP_DecryptUpdate(context, plain.data(), &size, plain.data(), static_cast<int>(plain.size())) == 1 &&
              EVP_DecryptFinal_ex(context, plain.data() + size, &size) == 1;
  if (!good) return fail(Errc::undecryptable);
  return plain;
}

std::optional<MutableBytes> next_record(MutableBytes in) {
  if (in.size() < record_prefix) return std::nullopt;
  std::size_t size = std::size_t{in[0]} << 8 | in[1];
  if (in.size() - record_prefix < size) return std::nullopt;
  return in.subspan(record_prefix, size);
}

}  // namespace conclave::tcp
