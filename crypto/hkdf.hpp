#pragma once
/// HMAC-SHA256 (RFC 2104), HKDF (RFC 5869) and QUIC's HKDF-Expand-Label (RFC 8446, 7.1; RFC 9001, 5.1).
///
/// Results are `Secret`, since most of them are keys. Compare a MAC with `same_secret` or `==` of `Secret`, which
/// take the same time for every content.
#include <initializer_list>

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"

namespace conclave::crypto {

/// A key of HMAC-SHA256, taken in once for all messages that it serves: half of the work on a short one.
class HmacKey {
 public:
  HmacKey(ByteView key);  // not explicit: wherever a key is wanted, its bytes will do
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey();
  /// Over the parts one behind the other, nothing in between.
  Secret<32> of(std::initializer_list<ByteView> parts) const;

 private:
  Sha256 inner_, outer_;
};

Secret<32> hmac_sha256(ByteView key, ByteView message);
/// Over the parts one behind the other, nothing in between.
Secret<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

/// An empty salt is 32 zero bytes, as the RFC says.
Secret<32> hkdf_extract(ByteView salt, ByteView input);
/// Fills `out`, at most 255 × 32 bytes.
void hkdf_expand(const HmacKey& key, ByteView info, MutableBytes out);
template <std::size_t size>
Secret<size> hkdf_expand(const HmacKey& key, ByteView info) {
  static_assert(size <= 255 * 32);
  Secret<size> out;
  hkdf_expand(key, info, out.span());
  return out;
}

/// `label` without its "tls13 " prefix, at most 249 bytes: "quic key", "quic iv", "quic hp", "quic ku".
void hkdf_expand_label(const HmacKey& secret, std::string_view label, ByteView context, MutableBytes out);
template <std::size_t size>
Secret<size> hkdf_expand_label(const HmacKey& secret, std::string_view label, ByteView context = {}) {
  static_assert(size <= 255 * 32);
  Secret<size> out;
  hkdf_expand_label(secret, label, context, out.span());
  return out;
}

}  // namespace conclave::crypto
