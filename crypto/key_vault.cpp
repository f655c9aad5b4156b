#include "crypto/key_vault.hpp"

#include <sodium.h>

#include "crypto/aead.hpp"
#include "crypto/ensure.hpp"
#include "crypto/hash.hpp"

namespace conclave::vault {
namespace {

// magic ‖ version ‖ purpose ‖ method, then by method:
//   0: checksum (8) ‖ content
//   1: passes (4) ‖ memory in KiB (4) ‖ salt (16) ‖ nonce (24) ‖ ciphertext ‖ tag; everything before it is
//   associated
constexpr std::string_view magic = "CONCLAVE";
constexpr Byte version = 1;
constexpr Byte method_plain = 0;
constexpr Byte method_argon2id = 1;
constexpr std::size_t prefix_size = magic.size() + 3;
constexpr std::size_t checksum_size = 8;
constexpr std::size_t salt_size = crypto_pwhash_SALTBYTES;
constexpr std::size_t nonce_size = crypto::nonce_size(crypto::AeadAlgorithm::xchacha20_poly1305);
constexpr std::size_t locked_head_size = prefix_size + 4 + 4 + salt_size + nonce_size;
static_assert(salt_size == 16 && nonce_size == 24);

bool within_bounds(Cost cost) {
  return cost.passes >= 1 && cost.passes <= 16 && cost.memory_kib >= 8 && cost.memory_kib <= 1024 * 1024;
}

void append_u32(Bytes& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<Byte>(value >> shift));
}
std::uint32_t u32_at(ByteView from, std::size_t at) {
  std::uint32_t out = 0;
  for (Byte byte : from.subspan(at, 4)) out = out << 8 | byte;
  return out;
}

Result<crypto::Aead> cipher(std::string_view passphrase, ByteView salt, Cost cost) {
  Secret<32> key;
  if (crypto_pwhash(key.data(), key.size, passphrase.data(), passphrase.size(), salt.data(), cost.passes,
                    std::size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Errc::limit_reached);
  return crypto::Aead(crypto::AeadAlgorithm::xchacha20_poly1305, key.view());
}

Bytes checksum(ByteView prefix, ByteView content) {
  auto digest = crypto::sha256({prefix, content});
  return copy(digest.view().first(checksum_size));
}

Bytes prefix(Purpose purpose, Byte method) {
  Bytes out = copy(view(magic));
  out.push_back(version);
  out.push_back(static_cast<Byte>(purpose));
  out.push_back(method);
  return out;
}

}  // namespace

Result<Bytes> lock(Purpose purpose, ByteView content, std::string_view passphrase, Random& random,
                   Cost cost) {
  ensure(within_bounds(cost), "a cost within bounds");
  if (content.size() > content_max) return fail(Errc::too_long);
  if (passphrase.empty()) {
    Bytes out = prefix(purpose, method_plain);
    append(out, checksum(out, content));
    append(out, content);
    return out;
  }
  Bytes out = prefix(purpose, method_argon2id);
  append_u32(out, cost.passes);
  append_u32(out, cost.memory_kib);
  out.resize(locked_head_size);
  random.fill(MutableBytes(out).last(salt_size + nonce_size));
  Bytes head = out;
  TRY(auto aead, cipher(passphrase, ByteView(head).subspan(prefix_size + 8, salt_size), cost));
  out.resize(head.size() + content.size() + crypto::Aead::tag_size);
  aead.seal_into(MutableBytes(out).subspan(head.size()), ByteView(head).last(nonce_size), head, content);
  return out;
}

Result<bool> is_locked(Purpose purpose, ByteView file) {
  if (file.size() < prefix_size || text(file.first(magic.size())) != magic) return fail(Errc::malformed);
  if (file[magic.size()] != version) return fail(Errc::unsupported);
  if (file[magic.size() + 1] != static_cast<Byte>(purpose)) return fail(Errc::unexpected_type);
  Byte method = file[magic.size() + 2];
  if (method > method_argon2id) return fail(Errc::unsupported);
  return method == method_argon2id;
}

Result<Bytes> unlock(Purpose purpose, ByteView file, std::string_view passphrase) {
  TRY(auto locked, is_locked(purpose, file));
  if (!locked) {
    auto rest = file.subspan(prefix_size);
    if (rest.size() < checksum_size) return fail(Errc::bad_checksum);
    auto content = rest.subspan(checksum_size);
    if (!std::ranges::equal(checksum(file.first(prefix_size), content), rest.first(checksum_size)))
      return fail(Errc::bad_checksum);
    return copy(content);
  }
  if (file.size() < locked_head_size + crypto::Aead::tag_size) return fail(Errc::undecryptable);
  Cost cost{u32_at(file, prefix_size), u32_at(file, prefix_size + 4)};
  if (!within_bounds(cost)) return fail(Errc::refused);
  auto head = file.first(locked_head_size);
  TRY(auto aead, cipher(passphrase, head.subspan(prefix_size + 8, salt_size), cost));
  return aead.open(head.last(nonce_size), head, file.subspan(locked_head_size));
}

Bytes seal_record(const Secret<32>& key, ByteView associated, ByteView plain, Random& random) {
  Bytes out(nonce_size + plain.size() + crypto::Aead::tag_size);
  auto nonce = MutableBytes(out).first(nonce_size);
  random.fill(nonce);
  crypto::Aead(crypto::AeadAlgorithm::xchacha20_poly1305, key.view())
      .seal_into(MutableBytes(out).subspan(nonce_size), nonce, associated, plain);
  return out;
}

Result<Bytes> open_record(const Secret<32>& key, ByteView associated, ByteView sealed) {
  if (sealed.size() < nonce_size) return fail(Errc::undecryptable);
  return crypto::Aead(crypto::AeadAlgorithm::xchacha20_poly1305, key.view())
      .open(sealed.first(nonce_size), associated, sealed.subspan(nonce_size));
}

}  // namespace conclave::vault
