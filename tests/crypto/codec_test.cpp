#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/base58.hpp"
#include "crypto/codec/base_n.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/codec/varint.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;

namespace {

TEST(Varint, examples_of_the_specification) {
  EXPECT_EQ(hex(codec::varint(1)), "01");
  EXPECT_EQ(hex(codec::varint(127)), "7f");
  EXPECT_EQ(hex(codec::varint(128)), "8001");
  EXPECT_EQ(hex(codec::varint(255)), "ff01");
  EXPECT_EQ(hex(codec::varint(300)), "ac02");
  EXPECT_EQ(hex(codec::varint(16384)), "808001");
  EXPECT_EQ(hex(codec::varint(codec::varint_max)), "ffffffffffffffff7f");
}

TEST(Varint, only_the_shortest_form_within_nine_bytes_is_read) {
  EXPECT_EQ(codec::read_varint(*from_hex("8100")).error(), Errc::malformed);
  EXPECT_EQ(codec::read_varint(*from_hex("ffffffffffffffffff01")).error(), Errc::malformed);
  EXPECT_FALSE(codec::read_varint(*from_hex("ffff"))->has_value());
  EXPECT_FALSE(codec::read_varint({})->has_value());
}

RC_GTEST_PROP(Varint, is_read_as_written_whatever_follows, (std::uint64_t raw, const Bytes& rest)) {
  auto value = raw & codec::varint_max;
  Bytes bytes = codec::varint(value);
  auto size = bytes.size();
  append(bytes, rest);
  auto read = codec::read_varint(bytes);
  RC_ASSERT((*read)->value == value);
  RC_ASSERT((*read)->size == size);
}

TEST(Base58, examples) {
  EXPECT_EQ(codec::base58(view("Hello World!")), "2NEpo7TZRRrLZSi2U");
  EXPECT_EQ(codec::base58(*from_hex("0000287fb4cd")), "11233QC4");
  EXPECT_EQ(codec::base58({}), "");
  EXPECT_EQ(codec::from_base58("0").error(), Errc::malformed);
  EXPECT_EQ(codec::from_base58(std::string(257, '1')).error(), Errc::too_long);
}

TEST(Base32, examples_of_rfc_4648) {
  EXPECT_EQ(codec::base32(view("foobar")), "mzxw6ytboi");
  EXPECT_EQ(codec::base32(view("foo")), "mzxw6");
  EXPECT_EQ(codec::base64url(view("foob")), "Zm9vYg");
  EXPECT_EQ(codec::base64url(*from_hex("fbff")), "-_8");
  EXPECT_EQ(codec::from_base64url("Zm9vYh").error(), Errc::malformed) << "unused bits set";
  EXPECT_EQ(codec::from_base64url("Z").error(), Errc::malformed) << "a digit too many";
}

RC_GTEST_PROP(Texts, give_back_the_bytes, (const Bytes& bytes)) {
  RC_PRE(bytes.size() < 180u);
  RC_ASSERT(*codec::from_base58(codec::base58(bytes)) == bytes);
  RC_ASSERT(*codec::from_base32(codec::base32(bytes)) == bytes);
  RC_ASSERT(*codec::from_base64url(codec::base64url(bytes)) == bytes);
}

// W3C did:key, "Test Vectors", Ed25519.
TEST(KeyText, the_did_of_the_w3c_examples) {
  const std::string did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
  auto key = codec::account_key_from_text(did);
  ASSERT_TRUE(key);
  EXPECT_EQ(hex(*key), "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29");
  EXPECT_EQ(codec::to_did(*key), did);
  EXPECT_EQ(codec::account_key_from_text(codec::to_text(*key)), key);
}

TEST(KeyText, refuses_what_is_no_key_of_ours) {
  auto error = [](std::string_view text) { return codec::account_key_from_text(text).error(); };
  EXPECT_EQ(error(""), Errc::malformed);
  EXPECT_EQ(error("m"), Errc::malformed);
  EXPECT_EQ(error("z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"), Errc::unsupported) << "an X25519 key";
  EXPECT_EQ(error("z" + std::string(100, '1')), Errc::too_long);
  EXPECT_EQ(error("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooW"), Errc::unsupported);
  EXPECT_EQ(codec::node_key_from_text("12D3KooW").error(), Errc::malformed);
  // The identity element of the curve: 0xed01 ‖ 01 00 … 00.
  Bytes identity(34, 0);
  identity[0] = 0xed;
  identity[1] = identity[2] = 0x01;
  EXPECT_EQ(error("z" + codec::base58(identity)), Errc::bad_key);
}

TEST(KeyText, peer_ids_of_libp2p) {
  VECTORS(auto file, "libp2p/peer-ids.json");
  std::size_t count = 0;
  for (const auto& key : file["keys"]) {
    auto text = key["peer_id_base58"].get<std::string>();
    auto cid = key["peer_id_cid"].get<std::string>();
    if (key["type"] != "ed25519") {
      EXPECT_EQ(codec::node_key_from_text(text).error(), Errc::unsupported) << text;
      EXPECT_EQ(codec::node_key_from_text(cid).error(), Errc::unsupported) << cid;
      ++count;
      continue;
    }
    auto node = codec::node_key_from_text(text);
    ASSERT_TRUE(node) << text;
    EXPECT_EQ(codec::to_text(*node), text);
    EXPECT_EQ(codec::node_key_from_text(cid), node);
    EXPECT_EQ(hex(codec::peer_id(*node)), key["multihash"].get<std::string>());
    EXPECT_EQ(hex(codec::public_key_protobuf(*node)), key["public_key_protobuf"].get<std::string>());
    EXPECT_EQ(codec::node_key_from_protobuf(vectors::bytes(key["public_key_protobuf"])), node);
    // libp2p's private key is seed ‖ public key behind its own four bytes.
    auto seed = Secret<32>::from(ByteView(vectors::bytes(key["private_key_protobuf"])).subspan(4, 32));
    EXPECT_EQ(NodeKeys::from_seed(*seed).public_key(), *node);
    ++count;
  }
  for (const auto& entry : file["strings"]) {
    auto node = codec::node_key_from_text(entry["text"].get<std::string>());
    auto multihash = vectors::bytes(entry["multihash"]);
    EXPECT_EQ(node, codec::node_key_from_peer_id(multihash)) << entry.dump();
    if (node) { EXPECT_EQ(codec::peer_id(*node), multihash); }
    ++count;
  }
  vectors::figure("libp2p peer ids", count);
}

RC_GTEST_PROP(KeyText, of_any_key_is_read_back, (std::uint64_t seed)) {
  SeededRandom random(seed);
  auto account = AccountKeys::generate(random).public_key();
  auto node = NodeKeys::generate(random).public_key();
  auto conference = ConferenceKeys::generate(random).public_key();
  RC_ASSERT(codec::to_text(account).starts_with("z6Mk"));
  RC_ASSERT(codec::to_text(node).starts_with("12D3KooW"));
  RC_ASSERT(*codec::account_key_from_text(codec::to_text(account)) == account);
  RC_ASSERT(*codec::node_key_from_text(codec::to_text(node)) == node);
  RC_ASSERT(*codec::conference_key_from_text(codec::to_text(conference)) == conference);
}

}  // namespace
