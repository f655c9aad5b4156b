#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/key_vault.hpp"
#include "crypto/safety_number.hpp"

using namespace conclave;
using vault::Purpose;

namespace {

constexpr vault::Cost cheap{1, 8};

RC_GTEST_PROP(Vault, what_was_locked_is_unlocked, (const Bytes& content, bool secret, std::uint64_t seed)) {
  SeededRandom random(seed);
  std::string passphrase = secret ? "correct horse" : "";
  Bytes file = *vault::lock(Purpose::keys, content, passphrase, random, cheap);
  RC_ASSERT(*vault::is_locked(Purpose::keys, file) == secret);
  RC_ASSERT(*vault::unlock(Purpose::keys, file, passphrase) == content);
  RC_ASSERT(vault::unlock(Purpose::backup, file, passphrase).error() == Errc::unexpected_type);
  if (secret) RC_ASSERT(vault::unlock(Purpose::keys, file, "wrong").error() == Errc::undecryptable);
}

TEST(Vault, any_flipped_bit_is_noticed) {
  SeededRandom random(1);
  for (std::string passphrase : {"", "secret"}) {
    Bytes file = *vault::lock(Purpose::keys, view("the seed"), passphrase, random, cheap);
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
      // Other costs within bounds are tried, and may ask for a gigabyte: not here.
      if (!passphrase.empty() && bit / 8 >= 11 && bit / 8 < 19) continue;
      file[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
      EXPECT_FALSE(vault::unlock(Purpose::keys, file, passphrase)) << bit;
      file[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    }
    for (std::size_t size = 0; size < file.size(); ++size)
      EXPECT_FALSE(vault::unlock(Purpose::keys, ByteView(file).first(size), passphrase)) << size;
  }
}

TEST(Vault, a_file_cannot_have_all_our_memory) {
  SeededRandom random(1);
  Bytes file = *vault::lock(Purpose::keys, {}, "x", random, cheap);
  file[15] = 0xff;  // memory, highest byte
  EXPECT_EQ(vault::unlock(Purpose::keys, file, "x").error(), Errc::refused);
}

TEST(Vault, the_usual_costs_work) {
  SeededRandom random(1);
  Bytes file = *vault::lock(Purpose::keys, view("seed"), "x", random, vault::cost_of_keys);
  EXPECT_EQ(text(*vault::unlock(Purpose::keys, file, "x")), "seed");
}

TEST(Vault, records_open_in_their_own_place_only) {
  SeededRandom random(1);
  Secret<32> key;
  random.fill(key.span());
  Bytes sealed = vault::seal_record(key, view("row 1"), view("body"), random);
  EXPECT_EQ(text(*vault::open_record(key, view("row 1"), sealed)), "body");
  EXPECT_EQ(vault::open_record(key, view("row 2"), sealed).error(), Errc::undecryptable);
  EXPECT_EQ(vault::open_record(key, view("row 1"), ByteView(sealed).first(20)).error(), Errc::undecryptable);
}

TEST(SafetyNumber, is_the_same_for_both_and_another_for_others) {
  SeededRandom random(1);
  auto a = AccountKeys::generate(random).public_key();
  auto b = AccountKeys::generate(random).public_key();
  auto c = AccountKeys::generate(random).public_key();
  EXPECT_EQ(safety_number(a, b), safety_number(b, a));
  EXPECT_NE(safety_number(a, b), safety_number(a, c));
  EXPECT_EQ(safety_number(a, b).size(), 12u * 5 + 11);
}

TEST(SafetyNumber, is_the_one_that_the_documents_state) {
  auto a = *AccountKey::from(*from_hex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"));
  auto b = *AccountKey::from(*from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  EXPECT_EQ(safety_number(a, b), "07791 00670 92236 11743 01886 07663 91138 37119 43652 39030 57455 96636");
}

TEST(SafetyNumber, a_comparison_code_has_six_groups) {
  auto code = comparison_code(crypto::sha256(view("roster")));
  EXPECT_EQ(code.size(), 6u * 5 + 5);
  EXPECT_EQ(code, comparison_code(crypto::sha256(view("roster"))));
  EXPECT_NE(code, comparison_code(crypto::sha256(view("another"))));
  // As docs/identity.md states it; computed there by another implementation (Python's hashlib).
  EXPECT_EQ(code, "67242 01605 35981 39584 95814 63731");
}

}  // namespace
