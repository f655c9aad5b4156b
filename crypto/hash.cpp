// OpenSSL's plain SHA256_* calls are deprecated, but use the CPU's SHA instructions and cost no provider
// lookup and no allocation per hash: a hash of 64 bytes takes a third of the time of EVP_Digest. libsodium's
// is portable C.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.hpp"

#include <openssl/sha.h>

namespace conclave::crypto {
namespace {

SHA256_CTX* context(std::array<Byte, 112>& state) {
  static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8);
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

}  // namespace

Sha256::Sha256() { SHA256_Init(context(state_)); }

Sha256& Sha256::update(ByteView bytes) {
  SHA256_Update(context(state_), bytes.data(), bytes.size());
  return *this;
}

Digest Sha256::finish() {
  Digest out;
  SHA256_Final(out.bytes.data(), context(state_));
  return out;
}

Digest sha256(ByteView bytes) { return Sha256().update(bytes).finish(); }

Digest sha256(std::initializer_list<ByteView> parts) {
  Sha256 hash;
  for (ByteView part : parts) hash.update(part);
  return hash.finish();
}

}  // namespace conclave::crypto
