#include "crypto/hpke.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/crypto/scripted_random.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;

namespace {

X25519Pair pair_of(const nlohmann::json& secret) {
  return X25519Pair::from_secret(*Secret<32>::from(vectors::bytes(secret)));
}

std::size_t check(const nlohmann::json& vector) {
  auto cipher = static_cast<hpke::Cipher>(vector["aead_id"].get<int>());
  Bytes info = vectors::bytes(vector["info"]);
  auto recipient = pair_of(vector["skRm"]);
  EXPECT_EQ(hex(recipient.public_key), vector["pkRm"].get<std::string>());
  EXPECT_EQ(hpke::derive_pair(vectors::bytes(vector["ikmR"])).secret, recipient.secret);
  std::optional<X25519Pair> sender;
  if (vector.contains("skSm")) sender = pair_of(vector["skSm"]);
  Bytes psk, psk_name;
  if (vector.contains("psk")) {
    psk = vectors::bytes(vector["psk"]);
    psk_name = vectors::bytes(vector["psk_id"]);
  }
  ScriptedRandom random(vectors::bytes(vector["skEm"]));
  auto sealing = hpke::setup_sender(cipher, recipient.public_key, info, random, sender ? &*sender : nullptr,
                                    {psk, psk_name});
  EXPECT_TRUE(sealing);
  EXPECT_EQ(hex(sealing->encapsulated), vector["enc"].get<std::string>());
  auto opening = hpke::setup_recipient(cipher, sealing->encapsulated, recipient, info,
                                       sender ? &sender->public_key : nullptr, {psk, psk_name});
  EXPECT_TRUE(opening);
  std::size_t count = 1;
  for (const auto& message : vector["encryptions"]) {
    Bytes aad = vectors::bytes(message["aad"]);
    Bytes sealed = sealing->context.seal(aad, vectors::bytes(message["pt"]));
    EXPECT_EQ(hex(sealed), message["ct"].get<std::string>());
    EXPECT_EQ(hex(*opening->open(aad, sealed)), message["pt"].get<std::string>());
    ++count;
  }
  for (const auto& exported : vector["exports"]) {
    Bytes context = vectors::bytes(exported["exporter_context"]);
    auto size = exported["L"].get<std::size_t>();
    EXPECT_EQ(hex(opening->export_secret(context, size)), exported["exported_value"].get<std::string>());
    EXPECT_EQ(hex(sealing->context.export_secret(context, size)),
              exported["exported_value"].get<std::string>());
    ++count;
  }
  return count;
}

TEST(Hpke, vectors_of_rfc_9180) {
  VECTORS(auto file, "hpke/rfc9180-x25519-sha256.json");
  std::size_t count = 0;
  for (const auto& vector : file) count += check(vector);
  EXPECT_EQ(file.size(), 16u);
  vectors::figure("HPKE setups, messages and exports", count);
}

// RFC 9180, A.1.1, typed in: base mode, AES-128-GCM, first message.
TEST(Hpke, the_first_example_of_the_rfc) {
  auto recipient = X25519Pair::from_secret(
      *Secret<32>::from(*from_hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")));
  ScriptedRandom random(*from_hex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"));
  auto sealed = hpke::seal(recipient.public_key, *from_hex("4f6465206f6e2061204772656369616e2055726e"),
                           view("Count-0"), view("Beauty is truth, truth beauty"), random);
  EXPECT_EQ(hex(*sealed),
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
            "6d8770ac83d07bea87e13c512a");
}

RC_GTEST_PROP(Hpke, is_opened_by_the_recipient_and_by_nobody_else, (std::uint64_t seed, const Bytes& plain)) {
  SeededRandom random(seed);
  auto recipient = X25519Pair::generate(random);
  auto other = X25519Pair::generate(random);
  Bytes sealed = *hpke::seal(recipient.public_key, view("info"), view("aad"), plain, random);
  RC_ASSERT(sealed.size() == plain.size() + 48);
  RC_ASSERT(*hpke::open(recipient, view("info"), view("aad"), sealed) == plain);
  RC_ASSERT(!hpke::open(other, view("info"), view("aad"), sealed));
  RC_ASSERT(!hpke::open(recipient, view("other"), view("aad"), sealed));
  RC_ASSERT(!hpke::open(recipient, view("info"), view("other"), sealed));
  sealed[random.below(sealed.size())] ^= 0x10;
  RC_ASSERT(!hpke::open(recipient, view("info"), view("aad"), sealed));
}

TEST(Hpke, a_key_of_small_order_is_refused) {
  SeededRandom random(1);
  auto ours = X25519Pair::generate(random);
  EXPECT_EQ(hpke::seal(X25519Key{}, {}, {}, {}, random).error(), Errc::bad_key);
  EXPECT_EQ(hpke::open(ours, {}, {}, Bytes(64)).error(), Errc::bad_key);
  EXPECT_EQ(hpke::open(ours, {}, {}, Bytes(31)).error(), Errc::undecryptable);
}

}  // namespace
