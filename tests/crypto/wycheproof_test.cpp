// Project Wycheproof: what attackers send to cryptographic libraries. Every primitive that we touch, through
// our own interface; P-256 through OpenSSL's, which DTLS uses.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/aead.hpp"
#include "crypto/hkdf.hpp"
#include "crypto/keys.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;
using nlohmann::json;

namespace {

std::string name_of(const json& test) {
  return test["tcId"].dump() + " " + test.value("comment", "") + " " + test["flags"].dump();
}

/// Calls `check(group, test)` for each, which says whether the test concerns our interface; prints how many
/// did.
template <class Check> void each(const std::string& file, Check check) {
  auto read = vectors::read("wycheproof/" + file + "_test.json");
  if (!read) GTEST_SKIP() << "CONCLAVE_VECTORS is not set (wycheproof/" << file << "_test.json)";
  std::size_t count = 0, other = 0;
  for (const auto& group : (*read)["testGroups"])
    for (const auto& test : group["tests"]) {
      SCOPED_TRACE(name_of(test));
      if (check(group, test)) ++count;
      else ++other;
    }
  EXPECT_GT(count, 0u);
  vectors::figure("Wycheproof " + file, count);
  if (other > 0) vectors::figure("Wycheproof " + file + ", of forms that our interface does not have", other);
}

bool check_aead(crypto::AeadAlgorithm algorithm, const json& test) {
  Bytes key = vectors::bytes(test["key"]), nonce = vectors::bytes(test["iv"]),
        aad = vectors::bytes(test["aad"]);
  Bytes plain = vectors::bytes(test["msg"]);
  Bytes sealed = vectors::bytes(test["ct"]);
  append(sealed, vectors::bytes(test["tag"]));
  if (key.size() != crypto::key_size(algorithm) || nonce.size() != crypto::nonce_size(algorithm))
    return false;
  crypto::Aead aead(algorithm, key);
  auto opened = aead.open(nonce, aad, sealed);
  if (test["result"] == "valid") {
    EXPECT_EQ(hex(aead.seal(nonce, aad, plain)), hex(sealed));
    EXPECT_TRUE(opened && *opened == plain);
    // In place, as packets are opened, and with contexts that were used before.
    Bytes buffer = sealed;
    EXPECT_TRUE(aead.open_into(MutableBytes(buffer).first(plain.size()), nonce, aad, buffer));
    EXPECT_EQ(hex(ByteView(buffer).first(plain.size())), hex(plain));
    std::copy(plain.begin(), plain.end(), buffer.begin());
    aead.seal_into(buffer, nonce, aad, ByteView(buffer).first(plain.size()));
    EXPECT_EQ(hex(buffer), hex(sealed));
  } else {
    EXPECT_FALSE(opened);
  }
  return true;
}

TEST(Wycheproof, chacha20_poly1305) {
  each("chacha20_poly1305", [](const json&, const json& test) {
    return check_aead(crypto::AeadAlgorithm::chacha20_poly1305, test);
  });
}
TEST(Wycheproof, xchacha20_poly1305) {
  each("xchacha20_poly1305", [](const json&, const json& test) {
    return check_aead(crypto::AeadAlgorithm::xchacha20_poly1305, test);
  });
}
TEST(Wycheproof, aes_gcm) {
  each("aes_gcm", [](const json& group, const json& test) {
    if (group["tagSize"] != 128) return false;
    return check_aead(crypto::AeadAlgorithm::aes_128_gcm, test) ||
           check_aead(crypto::AeadAlgorithm::aes_256_gcm, test);
  });
}

TEST(Wycheproof, x25519) {
  each("x25519", [](const json&, const json& test) {
    auto secret = *Secret<32>::from(vectors::bytes(test["private"]));
    auto shared = crypto::x25519_shared(secret, *X25519Key::from(vectors::bytes(test["public"])));
    // Wycheproof calls small-order keys acceptable; we refuse whatever gives an all-zero result.
    if (Bytes expected = vectors::bytes(test["shared"]); expected == Bytes(32)) {
      EXPECT_EQ(shared.error(), Errc::bad_key);
    } else {
      EXPECT_TRUE(shared);
      EXPECT_EQ(hex(shared->view()), hex(expected));
    }
    return true;
  });
}

TEST(Wycheproof, ed25519) {
  each("ed25519", [](const json& group, const json& test) {
    Bytes key = vectors::bytes(group["publicKey"]["pk"]);
    auto signature = Signature::from(vectors::bytes(test["sig"]));
    bool good = signature && crypto::verify_bare(key, vectors::bytes(test["msg"]), *signature);
    EXPECT_EQ(good, test["result"] == "valid");
    return true;
  });
}

TEST(Wycheproof, hmac_sha256) {
  each("hmac_sha256", [](const json&, const json& test) {
    auto mac = crypto::hmac_sha256(vectors::bytes(test["key"]), vectors::bytes(test["msg"]));
    Bytes tag = vectors::bytes(test["tag"]);
    EXPECT_EQ(same_secret(mac.view().first(tag.size()), tag), test["result"] == "valid");
    return true;
  });
}

TEST(Wycheproof, hkdf_sha256) {
  each("hkdf_sha256", [](const json&, const json& test) {
    auto size = test["size"].get<std::size_t>();
    if (test["result"] != "valid") {
      EXPECT_GT(size, 255u * 32u) << "what HKDF cannot give is an ensure of ours";
      return true;
    }
    Bytes out(size);
    auto key = crypto::hkdf_extract(vectors::bytes(test["salt"]), vectors::bytes(test["ikm"]));
    crypto::hkdf_expand(key.view(), vectors::bytes(test["info"]), out);
    EXPECT_EQ(hex(out), test["okm"].get<std::string>());
    return true;
  });
}

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
template <class T> using Owned = std::unique_ptr<T, Free>;

Owned<EVP_PKEY> public_key(const Bytes& der) {
  const unsigned char* at = der.data();
  return Owned<EVP_PKEY>(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
}

TEST(Wycheproof, ecdsa_secp256r1_sha256) {
  each("ecdsa_secp256r1_sha256", [](const json& group, const json& test) {
    auto key = public_key(vectors::bytes(group["publicKeyDer"]));
    Bytes message = vectors::bytes(test["msg"]), signature = vectors::bytes(test["sig"]);
    Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    EXPECT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()), 1);
    bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                 message.size()) == 1;
    EXPECT_EQ(good, test["result"] == "valid");
    return true;
  });
}

/// A private key of `digits` on the curve of `peer`, combined with `peer`.
std::optional<Bytes> ecdh(const Bytes& scalar, EVP_PKEY* peer) {
  Bytes reversed(scalar.rbegin(), scalar.rend());  // OpenSSL's parameters are little endian
  std::string curve = "prime256v1";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), 0),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, reversed.data(), reversed.size()),
      OSSL_PARAM_construct_end()};
  Owned<EVP_PKEY_CTX> making(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata_init(making.get()) != 1 ||
      EVP_PKEY_fromdata(making.get(), &made, EVP_PKEY_KEYPAIR, parameters) != 1)
    return std::nullopt;
  Owned<EVP_PKEY> ours(made);
  Owned<EVP_PKEY_CTX> deriving(EVP_PKEY_CTX_new(ours.get(), nullptr));
  Bytes out(32);
  std::size_t size = out.size();
  if (EVP_PKEY_derive_init(deriving.get()) != 1 || EVP_PKEY_derive_set_peer(deriving.get(), peer) != 1 ||
      EVP_PKEY_derive(deriving.get(), out.data(), &size) != 1)
    return std::nullopt;
  return out;
}

// DTLS sends points of a named curve. Keys that bring parameters of a curve along, or broken ASN.1 around a
// good point, are forms that it does not have.
TEST(Wycheproof, ecdh_secp256r1) {
  each("ecdh_secp256r1", [](const json&, const json& test) {
    auto flags = test["flags"].dump();
    if (flags.contains("UnnamedCurve") || flags.contains("InvalidAsn")) return false;
    auto peer = public_key(vectors::bytes(test["public"]));
    auto digits = test["private"].get<std::string>();
    if (digits.size() % 2 != 0) digits = "0" + digits;
    std::optional<Bytes> shared;
    if (peer) shared = ecdh(*from_hex(digits), peer.get());
    EXPECT_EQ(shared.has_value(), test["result"] != "invalid");
    if (shared) { EXPECT_EQ(hex(*shared), test["shared"].get<std::string>()); }
    return true;
  });
}

}  // namespace
