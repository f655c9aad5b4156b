#pragma once
/// QUIC header protection, RFC 9001 5.4: five bytes that hide packet number and flags, made from a sample of the
/// ciphertext by AES in ECB mode or by raw ChaCha20.
#include <memory>

#include "crypto/aead.hpp"

namespace conclave::crypto {

class HeaderProtection {
 public:
  static constexpr std::size_t sample_size = 16;
  using Mask = std::array<Byte, 5>;

  /// `key` ("quic hp") has key_size(algorithm) bytes; XChaCha20 has no header protection.
  HeaderProtection(AeadAlgorithm algorithm, ByteView key);
  HeaderProtection(const HeaderProtection& other);
  HeaderProtection(HeaderProtection&&) noexcept;
  HeaderProtection& operator=(HeaderProtection&&) noexcept;
  ~HeaderProtection();

  /// `sample` has sample_size bytes.
  Mask mask(ByteView sample);

 private:
  struct Context;
  Secret<32> key_;
  std::unique_ptr<Context> context_;  // only for AES
};

}  // namespace conclave::crypto
