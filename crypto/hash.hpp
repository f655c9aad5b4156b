#pragma once
/// SHA-256 (FIPS 180-4), the one hash of Conclave.
#include <initializer_list>

#include "crypto/bytes.hpp"

namespace conclave::crypto {

using Digest = Fixed<struct DigestTag, 32>;

class Sha256 {
 public:
  Sha256();
  Sha256& update(ByteView bytes);
  /// Once.
  Digest finish();

 private:
  alignas(8) std::array<Byte, 112> state_;  // OpenSSL's SHA256_CTX
};

Digest sha256(ByteView bytes);
/// Of the parts one behind the other, nothing in between.
Digest sha256(std::initializer_list<ByteView> parts);

}  // namespace conclave::crypto
