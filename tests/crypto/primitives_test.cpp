// RFC 9001 appendix A, RFC 8439, and values typed in from the standards, which run without CONCLAVE_VECTORS.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/header_protection.hpp"
#include "crypto/hkdf.hpp"
#include "crypto/random.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;
using crypto::AeadAlgorithm;

namespace {

// FIPS 180-4.
TEST(Hash, sha_256_of_abc) {
  EXPECT_EQ(hex(crypto::sha256(view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(crypto::sha256(ByteView())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

RC_GTEST_PROP(Hash, parts_make_the_same_hash_as_the_whole, (const Bytes& a, const Bytes& b, const Bytes& c)) {
  Bytes whole = a;
  append(whole, b);
  append(whole, c);
  RC_ASSERT(crypto::sha256({a, b, c}) == crypto::sha256(whole));
  RC_ASSERT(crypto::hmac_sha256(c, {a, b}) == crypto::hmac_sha256(c, [&] {
              Bytes both = a;
              append(both, b);
              return both;
            }()));
}

// RFC 4231, test case 2; RFC 5869, test case 1.
TEST(Hkdf, values_of_the_rfcs) {
  EXPECT_EQ(hex(crypto::hmac_sha256(view("Jefe"), view("what do ya want for nothing?")).view()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  auto key = crypto::hkdf_extract(*from_hex("000102030405060708090a0b0c"), Bytes(22, 0x0b));
  EXPECT_EQ(hex(key.view()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(hex(crypto::hkdf_expand<42>(key.view(), *from_hex("f0f1f2f3f4f5f6f7f8f9")).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

// RFC 9001, A.1 and A.5, typed in.
TEST(Quic, labels_of_rfc_9001) {
  auto initial = crypto::hkdf_extract(*from_hex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
                                      *from_hex("8394c8f03e515708"));
  auto client = crypto::hkdf_expand_label<32>(initial.view(), "client in");
  EXPECT_EQ(hex(client.view()), "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
  EXPECT_EQ(hex(crypto::hkdf_expand_label<16>(client.view(), "quic key").view()),
            "1f369613dd76d5467730efcbe3b1a22d");
  EXPECT_EQ(hex(crypto::hkdf_expand_label<12>(client.view(), "quic iv").view()), "fa044b2f42a3fd3b46fb255c");
  EXPECT_EQ(hex(crypto::hkdf_expand_label<16>(client.view(), "quic hp").view()),
            "9f50449e04a0e810283a1e9933adedd2");
}

TEST(Quic, header_protection_of_rfc_9001) {
  crypto::HeaderProtection aes(AeadAlgorithm::aes_128_gcm, *from_hex("9f50449e04a0e810283a1e9933adedd2"));
  EXPECT_EQ(hex(aes.mask(*from_hex("d1b1c98dd7689fb8ec11d242b123dc9b"))), "437b9aec36");
  crypto::HeaderProtection chacha(
      AeadAlgorithm::chacha20_poly1305,
      *from_hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"));
  EXPECT_EQ(hex(chacha.mask(*from_hex("5e5cd55c41f69080575d7999c25a5bfb"))), "aefefe7d03");
}

struct PacketKeys {
  crypto::Aead aead;
  Secret<12> iv;
  crypto::HeaderProtection header;
};

PacketKeys packet_keys(AeadAlgorithm algorithm, ByteView secret) {
  Secret<32> key, header;
  auto size = crypto::key_size(algorithm);
  crypto::hkdf_expand_label(secret, "quic key", {}, key.span().first(size));
  crypto::hkdf_expand_label(secret, "quic hp", {}, header.span().first(size));
  return {crypto::Aead(algorithm, key.view().first(size)), crypto::hkdf_expand_label<12>(secret, "quic iv"),
          crypto::HeaderProtection(algorithm, header.view().first(size))};
}

/// RFC 9001, 5.4.2: takes the protection of a header off, then opens the packet.
Result<Bytes> open_packet(PacketKeys& keys, Bytes packet, std::size_t number_at, std::uint64_t number,
                          Bytes* header) {
  auto mask = keys.header.mask(ByteView(packet).subspan(number_at + 4, 16));
  packet[0] ^= mask[0] & (packet[0] & 0x80 ? 0x0f : 0x1f);
  std::size_t number_size = (packet[0] & 3U) + 1;
  for (std::size_t i = 0; i < number_size; ++i) packet[number_at + i] ^= mask[1 + i];
  *header = copy(ByteView(packet).first(number_at + number_size));
  return keys.aead.open(crypto::counter_nonce(keys.iv.view(), number), *header,
                        ByteView(packet).subspan(header->size()));
}

TEST(Quic, packets_of_rfc_9001) {
  VECTORS(auto file, "quic-rfc9001/appendix-a.json");
  std::size_t count = 0;
  auto initial = crypto::hkdf_extract(*from_hex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
                                      vectors::bytes(file["dcid"]));
  EXPECT_EQ(hex(initial.view()), file["initial_secret"].get<std::string>());
  for (auto* side : {"client", "server"}) {
    auto secret = crypto::hkdf_expand_label<32>(initial.view(), std::string(side) + " in");
    EXPECT_EQ(hex(secret.view()), file[side][std::string(side) + "_initial_secret"].get<std::string>());
    EXPECT_EQ(hex(crypto::hkdf_expand_label<16>(secret.view(), "quic key").view()),
              file[side]["key"].get<std::string>());
    EXPECT_EQ(hex(crypto::hkdf_expand_label<12>(secret.view(), "quic iv").view()),
              file[side]["iv"].get<std::string>());
    EXPECT_EQ(hex(crypto::hkdf_expand_label<16>(secret.view(), "quic hp").view()),
              file[side]["hp"].get<std::string>());
    count += 4;
  }
  auto client =
      packet_keys(AeadAlgorithm::aes_128_gcm, vectors::bytes(file["client"]["client_initial_secret"]));
  auto server =
      packet_keys(AeadAlgorithm::aes_128_gcm, vectors::bytes(file["server"]["server_initial_secret"]));
  Bytes header;
  auto first = open_packet(client, vectors::bytes(file["client_initial"]["protected"]), 18, 2, &header);
  ASSERT_TRUE(first);
  EXPECT_EQ(hex(header), file["client_initial"]["unprotected_header"].get<std::string>());
  EXPECT_TRUE(hex(*first).starts_with(file["client_initial"]["crypto_frame"].get<std::string>()));
  auto second = open_packet(server, vectors::bytes(file["server_initial"]["protected"]), 18, 1, &header);
  ASSERT_TRUE(second);
  EXPECT_EQ(hex(header), file["server_initial"]["header"].get<std::string>());
  EXPECT_EQ(hex(*second), file["server_initial"]["payload"].get<std::string>());
  // A.4: the integrity tag of a Retry covers the original connection id and the packet.
  Bytes retry = vectors::bytes(file["retry"]);
  Bytes pseudo{8};
  append(pseudo, vectors::bytes(file["dcid"]));
  append(pseudo, ByteView(retry).first(retry.size() - 16));
  crypto::Aead integrity(AeadAlgorithm::aes_128_gcm, *from_hex("be0c690b9f66575a1d766b54e368c84e"));
  EXPECT_EQ(hex(integrity.seal(*from_hex("461599d35d632bf2239825bb"), pseudo, {})),
            hex(ByteView(retry).last(16)));
  const auto& chacha = file["chacha20_short"];
  auto keys = packet_keys(AeadAlgorithm::chacha20_poly1305, vectors::bytes(chacha["secret"]));
  EXPECT_EQ(hex(crypto::hkdf_expand_label<32>(ByteView(vectors::bytes(chacha["secret"])), "quic ku").view()),
            chacha["ku"].get<std::string>());
  auto number = chacha["pn"].get<std::uint64_t>();
  EXPECT_EQ(hex(crypto::counter_nonce(keys.iv.view(), number)), chacha["nonce"].get<std::string>());
  auto ping = open_packet(keys, vectors::bytes(chacha["packet"]), 1, number, &header);
  ASSERT_TRUE(ping);
  EXPECT_EQ(hex(header), chacha["unprotected header"].get<std::string>());
  EXPECT_EQ(hex(*ping), "01");
  vectors::figure("RFC 9001 appendix A, values and packets", count + 7);
}

TEST(Aead, of_rfc_8439) {
  VECTORS(auto file, "rfc8439/rfc8439.json");
  for (const auto& vector : file) {
    crypto::Aead aead(AeadAlgorithm::chacha20_poly1305, vectors::bytes(vector["key"]));
    EXPECT_EQ(hex(aead.seal(vectors::bytes(vector["nonce"]), vectors::bytes(vector["aad"]),
                            vectors::bytes(vector["plaintext"]))),
              vector["ciphertext"].get<std::string>() + vector["tag"].get<std::string>());
  }
  vectors::figure("RFC 8439", file.size());
}

// McGrew & Viega, "The Galois/Counter Mode of Operation", test cases 3 (AES-128) and 14 (AES-256).
TEST(Aead, gcm_cases_of_its_authors) {
  crypto::Aead aes_128(AeadAlgorithm::aes_128_gcm, *from_hex("feffe9928665731c6d6a8f9467308308"));
  EXPECT_EQ(hex(aes_128.seal(*from_hex("cafebabefacedbaddecaf888"), {},
                             *from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                                       "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"))),
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
            "4d5c2af327cd64a62cf35abd2ba6fab4");
  crypto::Aead aes_256(AeadAlgorithm::aes_256_gcm, Bytes(32));
  EXPECT_EQ(hex(aes_256.seal(Bytes(12), {}, Bytes(16))),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

RC_GTEST_PROP(Aead, opens_what_it_sealed_and_nothing_else,
              (const Bytes& plain, const Bytes& aad, std::uint64_t seed)) {
  SeededRandom random(seed);
  auto algorithm = *rc::gen::element(AeadAlgorithm::chacha20_poly1305, AeadAlgorithm::aes_256_gcm,
                                     AeadAlgorithm::aes_128_gcm, AeadAlgorithm::xchacha20_poly1305);
  Bytes key(crypto::key_size(algorithm)), nonce(crypto::nonce_size(algorithm));
  random.fill(key);
  random.fill(nonce);
  crypto::Aead aead(algorithm, key);
  crypto::Aead copied = aead;
  Bytes sealed = aead.seal(nonce, aad, plain);
  RC_ASSERT(*copied.open(nonce, aad, sealed) == plain);
  Bytes damaged = sealed;
  damaged[random.below(damaged.size())] ^= static_cast<Byte>(1 << random.below(8));
  RC_ASSERT(aead.open(nonce, aad, damaged).error() == Errc::undecryptable);
  RC_ASSERT(aead.open(nonce, aad, ByteView(sealed).first(random.below(sealed.size()))).error() ==
            Errc::undecryptable);
  RC_ASSERT(*aead.open(nonce, aad, sealed) == plain);
}

}  // namespace
