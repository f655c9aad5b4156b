#include "crypto/hpke.hpp"

#include <limits>

#include "crypto/ensure.hpp"
#include "crypto/hkdf.hpp"

namespace conclave::hpke {
namespace {

constexpr std::string_view version = "HPKE-v1";
constexpr std::array<Byte, 5> kem_suite{'K', 'E', 'M', 0x00, 0x20};

using Suite = ByteView;

std::array<Byte, 10> schedule_suite(std::uint16_t cipher) {
  return {
      'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, static_cast<Byte>(cipher >> 8), static_cast<Byte>(cipher)};
}

Secret<32> labeled_extract(Suite suite, ByteView salt, std::string_view label,
                           std::initializer_list<ByteView> input) {
  Bytes joined;
  for (ByteView part : input) append(joined, part);
  auto out = crypto::hmac_sha256(salt, {view(version), suite, view(label), joined});
  wipe(joined);
  return out;
}

void labeled_expand(Suite suite, ByteView key, std::string_view label, ByteView info, MutableBytes out) {
  Bytes labeled{static_cast<Byte>(out.size() >> 8), static_cast<Byte>(out.size())};
  append(labeled, view(version));
  append(labeled, suite);
  append(labeled, view(label));
  append(labeled, info);
  crypto::hkdf_expand(key, labeled, out);
}

/// ExtractAndExpand of DHKEM, 4.1.
Secret<32> shared_secret(std::initializer_list<ByteView> products,
                         std::initializer_list<ByteView> kem_context) {
  Bytes context;
  for (ByteView part : kem_context) append(context, part);
  auto key = labeled_extract(kem_suite, {}, "eae_prk", products);
  Secret<32> out;
  labeled_expand(kem_suite, key.view(), "shared_secret", context, out.span());
  return out;
}

std::optional<crypto::AeadAlgorithm> algorithm(Cipher cipher) {
  switch (cipher) {
    case Cipher::aes_128_gcm: return crypto::AeadAlgorithm::aes_128_gcm;
    case Cipher::aes_256_gcm: return crypto::AeadAlgorithm::aes_256_gcm;
    case Cipher::chacha20_poly1305: return crypto::AeadAlgorithm::chacha20_poly1305;
    case Cipher::export_only: break;
  }
  return std::nullopt;
}

}  // namespace

/// 5.1, KeySchedule.
class Schedule {
 public:
  static Context run(Cipher cipher, bool authenticated, const Secret<32>& shared, ByteView info, Psk psk) {
    ensure(psk.secret.empty() == psk.name.empty(), "a PSK has a name");
    Context out;
    out.cipher_ = static_cast<std::uint16_t>(cipher);
    const auto suite = schedule_suite(out.cipher_);
    const Byte mode = static_cast<Byte>((authenticated ? 2 : 0) | (psk.secret.empty() ? 0 : 1));
    Bytes context{mode};
    append(context, labeled_extract(suite, {}, "psk_id_hash", {psk.name}).view());
    append(context, labeled_extract(suite, {}, "info_hash", {info}).view());
    auto secret = labeled_extract(suite, shared.view(), "secret", {psk.secret});
    if (auto aead = algorithm(cipher)) {
      Secret<32> key;
      auto size = crypto::key_size(*aead);
      labeled_expand(suite, secret.view(), "key", context, key.span().first(size));
      labeled_expand(suite, secret.view(), "base_nonce", context, out.base_nonce_);
      out.aead_.emplace(*aead, key.view().first(size));
    }
    labeled_expand(suite, secret.view(), "exp", context, out.exporter_.span());
    return out;
  }
};

Bytes Context::seal(ByteView associated, ByteView plain) {
  ensure(aead_.has_value(), "an export-only context does not seal");
  ensure(sequence_ < std::numeric_limits<std::uint64_t>::max(),
         "2^64 - 1 messages are enough for one context");
  return aead_->seal(crypto::counter_nonce(base_nonce_, sequence_++), associated, plain);
}

Result<Bytes> Context::open(ByteView associated, ByteView sealed) {
  ensure(aead_.has_value(), "an export-only context does not open");
  TRY(auto plain, aead_->open(crypto::counter_nonce(base_nonce_, sequence_), associated, sealed));
  ++sequence_;
  return plain;
}

Bytes Context::export_secret(ByteView context, std::size_t size) const {
  Bytes out(size);
  labeled_expand(schedule_suite(cipher_), exporter_.view(), "sec", context, out);
  return out;
}

Result<Sender> setup_sender(Cipher cipher, const X25519Key& recipient, ByteView info, Random& random,
                            const X25519Pair* sender, Psk psk) {
  auto ephemeral = X25519Pair::generate(random);
  TRY(auto product, crypto::x25519_shared(ephemeral.secret, recipient));
  if (!sender) {
    auto shared = shared_secret({product.view()}, {ephemeral.public_key, recipient});
    return Sender{ephemeral.public_key, Schedule::run(cipher, false, shared, info, psk)};
  }
  TRY(auto proof, crypto::x25519_shared(sender->secret, recipient));
  auto shared =
      shared_secret({product.view(), proof.view()}, {ephemeral.public_key, recipient, sender->public_key});
  return Sender{ephemeral.public_key, Schedule::run(cipher, true, shared, info, psk)};
}

Result<Context> setup_recipient(Cipher cipher, const X25519Key& encapsulated, const X25519Pair& recipient,
                                ByteView info, const X25519Key* sender, Psk psk) {
  TRY(auto product, crypto::x25519_shared(recipient.secret, encapsulated));
  if (!sender) {
    auto shared = shared_secret({product.view()}, {encapsulated, recipient.public_key});
    return Schedule::run(cipher, false, shared, info, psk);
  }
  TRY(auto proof, crypto::x25519_shared(recipient.secret, *sender));
  auto shared = shared_secret({product.view(), proof.view()}, {encapsulated, recipient.public_key, *sender});
  return Schedule::run(cipher, true, shared, info, psk);
}

X25519Pair derive_pair(ByteView material) {
  auto key = labeled_extract(kem_suite, {}, "dkp_prk", {material});
  Secret<32> secret;
  labeled_expand(kem_suite, key.view(), "sk", {}, secret.span());
  return X25519Pair::from_secret(secret);
}

Result<Bytes> seal(const X25519Key& recipient, ByteView info, ByteView associated, ByteView plain,
                   Random& random) {
  TRY(auto sender, setup_sender(Cipher::aes_128_gcm, recipient, info, random));
  Bytes out = copy(sender.encapsulated);
  append(out, sender.context.seal(associated, plain));
  return out;
}

Result<Bytes> open(const X25519Pair& recipient, ByteView info, ByteView associated, ByteView sealed) {
  if (sealed.size() < X25519Key::size) return fail(Errc::undecryptable);
  auto encapsulated = *X25519Key::from(sealed.first(X25519Key::size));
  TRY(auto context, setup_recipient(Cipher::aes_128_gcm, encapsulated, recipient, info));
  return context.open(associated, sealed.subspan(X25519Key::size));
}

}  // namespace conclave::hpke
