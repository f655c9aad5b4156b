#include "transport/quic/packet_key.hpp"

#include "crypto/ensure.hpp"

namespace conclave::quic {
namespace {

crypto::AeadAlgorithm algorithm(Suite suite) {
  ensure(suite != Suite::unprotected, "a suite that protects");
  return suite == Suite::aes_256_gcm ? crypto::AeadAlgorithm::aes_256_gcm
                                     : crypto::AeadAlgorithm::chacha20_poly1305;
}

}  // namespace

std::vector<Suite> preferred_suites() {
  if (crypto::has_fast_aes()) return {Suite::aes_256_gcm, Suite::chacha20_poly1305};
  return {Suite::chacha20_poly1305};
}

bool known(Suite suite) {
#ifdef CONCLAVE_UNPROTECTED_SUITE
  if (suite == Suite::unprotected) return true;
#endif
  return suite == Suite::chacha20_poly1305 || suite == Suite::aes_256_gcm;
}

UseLimits use_limits(Suite suite) {
  if (suite == Suite::aes_256_gcm) return {std::uint64_t{1} << 23, std::uint64_t{1} << 52};
  return {std::uint64_t{1} << 62, std::uint64_t{1} << 36};
}

PacketKey::PacketKey(Suite suite, const crypto::HmacKey& secret) {
  ensure(known(suite), "a known suite");
  auto iv = crypto::hkdf_expand_label<12>(secret, "quic iv");
  std::copy(iv.view().begin(), iv.view().end(), iv_.begin());
  if (suite == Suite::unprotected) return;
  aead_.emplace(algorithm(suite), crypto::hkdf_expand_label<32>(secret, "quic key").view());
}

PacketKey PacketKey::bare(const Secret<32>& key) {
  PacketKey out;
  out.aead_.emplace(crypto::AeadAlgorithm::chacha20_poly1305, key.view());
  return out;
}

void PacketKey::seal(Byte* out, ByteView nonce, ByteView associated, ByteView plain) {
  if (aead_) return aead_->seal_into({out, plain.size() + tag_size}, nonce, associated, plain);
  std::memmove(out, plain.data(), plain.size());
  std::memset(out + plain.size(), 0, tag_size);
}

Result<> PacketKey::open(Byte* out, ByteView nonce, ByteView associated, ByteView sealed) {
  if (sealed.size() < tag_size) return fail(Errc::undecryptable);
  auto size = sealed.size() - tag_size;
  if (aead_) return aead_->open_into({out, size}, nonce, associated, sealed);
  std::memmove(out, sealed.data(), size);
  return {};
}

PacketMask::PacketMask(Suite suite, const crypto::HmacKey& secret) {
  if (suite == Suite::unprotected) return;
  protection_.emplace(algorithm(suite), crypto::hkdf_expand_label<32>(secret, "quic hp").view());
}

crypto::HeaderProtection::Mask PacketMask::mask(ByteView sample) {
  return protection_ ? protection_->mask(sample) : crypto::HeaderProtection::Mask{};
}

}  // namespace conclave::quic
