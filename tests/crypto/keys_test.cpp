#include "crypto/keys.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;

namespace {

// RFC 8032, 7.1, TEST 2.
TEST(Keys, sign_as_rfc_8032_does) {
  auto seed = Secret<32>::from(*from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  auto keys = NodeKeys::from_seed(*seed);
  EXPECT_EQ(hex(keys.public_key()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(hex(keys.sign_bare(*from_hex("72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Keys, a_statement_of_one_domain_is_none_of_another) {
  SeededRandom random(1);
  auto keys = AccountKeys::generate(random);
  auto signature = keys.sign({"conclave/a/1"}, view("x"));
  EXPECT_TRUE(crypto::verify(keys.public_key(), {"conclave/a/1"}, view("x"), signature));
  EXPECT_FALSE(crypto::verify(keys.public_key(), {"conclave/b/1"}, view("x"), signature));
}

RC_GTEST_PROP(Keys, both_halves_convert_to_one_x25519_pair, (std::uint64_t seed)) {
  SeededRandom random(seed);
  auto a = NodeKeys::generate(random);
  auto b = NodeKeys::generate(random);
  auto a_public = crypto::to_x25519(a.public_key());
  auto b_public = crypto::to_x25519(b.public_key());
  RC_ASSERT(crypto::x25519_public(a.x25519_secret()) == *a_public);
  RC_ASSERT(*crypto::to_x25519_unchecked(a.public_key()) == *a_public);
  RC_ASSERT(crypto::maps_to_x25519(a.public_key(), *a_public));
  auto other = *a_public;
  other.bytes[seed % 32] ^= static_cast<Byte>(1u << seed / 32 % 8);
  RC_ASSERT(!crypto::maps_to_x25519(a.public_key(), other));
  RC_ASSERT(*crypto::x25519_shared(a.x25519_secret(), *b_public) ==
            *crypto::x25519_shared(b.x25519_secret(), *a_public));
}

TEST(Keys, small_order_points_are_refused) {
  for (auto* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                      "0100000000000000000000000000000000000000000000000000000000000000",
                      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_EQ(crypto::to_x25519(*from_hex(point)).error(), Errc::bad_key) << point;
  }
  SeededRandom random(1);
  auto zero = crypto::x25519_shared(NodeKeys::generate(random).x25519_secret(), X25519Key{});
  EXPECT_EQ(zero.error(), Errc::bad_key);
}

// With a public key or an R of small order one signature would fit many messages.
TEST(Keys, signatures_of_small_order_points_do_not_verify) {
  SeededRandom random(1);
  auto keys = NodeKeys::generate(random);
  auto good = keys.sign_bare(view("x"));
  for (auto* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                      "0100000000000000000000000000000000000000000000000000000000000000",
                      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    Bytes bytes = *from_hex(point);
    // S = 0 and R = A: with the identity the equation [S]B = R + [k]A holds for every message.
    Signature forged{};
    std::copy(bytes.begin(), bytes.end(), forged.bytes.begin());
    for (int i = 0; i < 16; ++i) {
      auto message = std::to_string(i);
      EXPECT_FALSE(crypto::verify_bare(bytes, view(message), forged)) << point;
    }
    Signature mixed = good;
    std::copy(bytes.begin(), bytes.end(), mixed.bytes.begin());
    EXPECT_FALSE(crypto::verify_bare(keys.public_key(), view("x"), mixed)) << point;
  }
}

// The map to X25519 forgets the sign of x: the twin has the same X25519 key and is another identity.
TEST(Keys, the_sign_flipped_twin_converts_alike_and_cannot_sign) {
  SeededRandom random(2);
  auto keys = NodeKeys::generate(random);
  NodeKey twin = keys.public_key();
  twin.bytes[31] ^= 0x80;
  EXPECT_EQ(*crypto::to_x25519(twin), *crypto::to_x25519(keys.public_key()));
  EXPECT_FALSE(crypto::verify_bare(twin, view("x"), keys.sign_bare(view("x"))));
}

}  // namespace
