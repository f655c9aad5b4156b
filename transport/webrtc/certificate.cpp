#include "transport/webrtc/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <memory>

#include "crypto/ensure.hpp"

namespace conclave::webrtc {

Certificate Certificate::make() {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), &X509_free);
  ensure(key && x509, "OpenSSL makes a key");
  X509_set_version(x509.get(), 2);
  std::uint64_t serial = 0;
  ensure(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "OpenSSL draws a serial number");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), serial >> 1);
  ASN1_TIME_set_string(X509_getm_notBefore(x509.get()), "20200101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(x509.get()), "99991231235959Z");  // RFC 5280: no end
  auto* name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("WebRTC"), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_set_pubkey(x509.get(), key.get());
  ensure(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0, "OpenSSL signs a certificate");

  Certificate out;
  unsigned char* der = nullptr;
  int size = i2d_X509(x509.get(), &der);
  ensure(size > 0, "a certificate has a DER form");
  out.der.assign(der, der + size);
  OPENSSL_free(der);
  std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(EVP_PKEY2PKCS8(key.get()),
                                                                                &PKCS8_PRIV_KEY_INFO_free);
  der = nullptr;
  size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der);
  ensure(size > 0, "a key has a DER form");
  out.key_der.assign(der, der + size);
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  return out;
}

Fingerprint Certificate::fingerprint() const {
  Fingerprint out;
  unsigned size = 0;
  EVP_Digest(der.data(), der.size(), out.bytes.data(), &size, EVP_sha256(), nullptr);
  return out;
}

std::string sdp_fingerprint(const Fingerprint& fingerprint) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out = "sha-256 ";
  for (auto byte : fingerprint.bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
    out += ':';
  }
  out.pop_back();
  return out;
}

}  // namespace conclave::webrtc
