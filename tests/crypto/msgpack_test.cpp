#include "crypto/codec/msgpack.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/keys.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;

namespace {

using Everything =
    std::tuple<std::uint8_t, std::int64_t, bool, std::string, Bytes, std::vector<std::uint32_t>,
               std::optional<std::uint64_t>, NodeKey, std::tuple<>, UnixTime>;

RC_GTEST_PROP(Msgpack, what_was_packed_is_unpacked,
              (std::uint8_t kind, std::int64_t number, bool truth, const Bytes& bytes,
               const std::vector<std::uint32_t>& list, std::uint64_t seed)) {
  SeededRandom random(seed);
  std::optional<std::uint64_t> maybe;
  if (truth) maybe = seed;
  Everything value{kind, number,          truth, "grüße", bytes, list, maybe, random.fixed<NodeKey>(),
                   {},   UnixTime{number}};
  RC_ASSERT(*codec::unpack<Everything>(codec::pack(value)) == value);
  RC_ASSERT(*codec::peek_kind(codec::pack(value)) == kind);
}

RC_GTEST_PROP(Msgpack, noise_gives_a_value_or_an_error, (const Bytes& noise)) {
  (void)codec::unpack<Everything>(noise);
  (void)codec::unpack<std::vector<Bytes>>(noise);
  (void)codec::peek_kind(noise);
}

RC_GTEST_PROP(Msgpack, a_byte_more_or_less_is_refused, (const Bytes& value, std::uint8_t more)) {
  Bytes bytes = codec::pack(value);
  bytes.push_back(more);
  RC_ASSERT(codec::unpack<Bytes>(bytes).error() == Errc::trailing_bytes);
  bytes.resize(bytes.size() - 2);
  RC_ASSERT(codec::unpack<Bytes>(bytes).error() == Errc::malformed);
}

TEST(Msgpack, types_and_counts_are_exact) {
  auto error = [](auto result) { return result.error(); };
  EXPECT_EQ(error(codec::unpack<std::uint8_t>(codec::pack(256))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<std::uint8_t>(codec::pack(-1))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<std::int8_t>(codec::pack(128))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<std::int64_t>(codec::pack(~std::uint64_t{0}))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<Bytes>(codec::pack("text"))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<std::string>(codec::pack(Bytes{1}))), Errc::unexpected_type);
  EXPECT_EQ(error(codec::unpack<NodeKey>(codec::pack(Bytes(31)))), Errc::wrong_length);
  using Two = std::tuple<int, int>;
  EXPECT_EQ(error(codec::unpack<Two>(codec::pack(std::tuple(1)))), Errc::wrong_length);
  EXPECT_EQ(error(codec::unpack<Two>(codec::pack(std::tuple(1, 2, 3)))), Errc::wrong_length);
  EXPECT_EQ(error(codec::unpack<std::string>(*from_hex("a2c328"))), Errc::malformed) << "not UTF-8";
  EXPECT_EQ(codec::unpack<std::int8_t>(codec::pack(-128)), std::int8_t{-128});
}

TEST(Msgpack, a_bomb_is_refused_before_it_is_built) {
  EXPECT_FALSE(codec::unpack<std::vector<int>>(*from_hex("ddffffffff")));
  EXPECT_FALSE(codec::unpack<Bytes>(*from_hex("c6ffffffff00")));
  EXPECT_FALSE(codec::unpack<std::string>(*from_hex("dbffffffff00")));
  EXPECT_FALSE(codec::unpack<std::string>(*from_hex("dfffffffff00")));
  Bytes deep(9, 0x91);
  deep.push_back(0x00);
  EXPECT_EQ(codec::unpack<int>(deep).error(), Errc::too_long);
  deep.erase(deep.begin());
  EXPECT_EQ(codec::unpack<int>(deep).error(), Errc::unexpected_type);
}

TEST(Msgpack, utf8_is_strict) {
  EXPECT_TRUE(codec::is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (auto* bad :
       {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(codec::is_utf8(bad)) << hex(view(bad));
}

Bytes dashed(const std::string& text) {
  std::string digits;
  for (char c : text)
    if (c != '-') digits.push_back(c);
  return *from_hex(digits);
}

/// One value of the suite in every form it may take on the wire; the first form is the shortest, which is
/// ours.
template <class T>
std::size_t check_forms(const T& value, const nlohmann::json& forms, bool first_is_ours = true) {
  std::size_t count = 0;
  for (const auto& form : forms) {
    auto bytes = dashed(form.get<std::string>());
    auto read = codec::unpack<T>(bytes);
    // The suite writes 64-bit and 8-bit integers as floats as well; an integer is not read from one.
    if (std::integral<T> && (bytes[0] == 0xca || bytes[0] == 0xcb)) {
      EXPECT_EQ(read.error(), Errc::unexpected_type);
    } else {
      EXPECT_TRUE(read && *read == value) << form;
    }
    ++count;
  }
  if (first_is_ours) {
    // Some numbers have two shortest forms, signed and unsigned.
    auto ours = codec::pack(value);
    EXPECT_EQ(ours.size(), dashed(forms[0].get<std::string>()).size());
    EXPECT_TRUE(std::ranges::any_of(forms, [&](const auto& form) { return dashed(form) == ours; }))
        << hex(ours);
  }
  return count;
}

std::size_t check_case(const nlohmann::json& test) {
  const auto& forms = test["msgpack"];
  if (test.contains("bool")) return check_forms(test["bool"].get<bool>(), forms);
  if (test.contains("binary")) return check_forms(dashed(test["binary"].get<std::string>()), forms);
  if (test.contains("string")) return check_forms(test["string"].get<std::string>(), forms);
  if (test.contains("bignum")) {
    auto digits = test["bignum"].get<std::string>();
    if (digits.starts_with('-')) return check_forms(std::int64_t(std::stoll(digits)), forms);
    return check_forms(std::uint64_t(std::stoull(digits)), forms);
  }
  if (test.contains("number")) {
    const auto& number = test["number"];
    if (number.is_number_float()) return check_forms(number.get<double>(), forms, /*first_is_ours=*/false);
    if (number.get<std::int64_t>() < 0) return check_forms(number.get<std::int64_t>(), forms);
    return check_forms(number.get<std::uint64_t>(), forms);
  }
  if (test.contains("nil")) return check_forms(std::optional<std::uint64_t>(), forms);
  // Maps, extensions and timestamps have no type at this door: they parse, and are refused by type.
  for (const auto& form : forms) {
    auto bytes = dashed(form.get<std::string>());
    EXPECT_TRUE(codec::Parsed::from(bytes)) << form;
    if (!test.contains("array")) {
      EXPECT_EQ(codec::unpack<std::uint64_t>(bytes).error(), Errc::unexpected_type);
    }
  }
  return forms.size();
}

TEST(Msgpack, suite) {
  VECTORS(auto file, "msgpack/msgpack-test-suite.json");
  std::size_t count = 0;
  for (const auto& [name, group] : file.items())
    for (const auto& test : group) {
      SCOPED_TRACE(test.dump());
      count += check_case(test);
    }
  vectors::figure("msgpack test suite, encodings", count);
}

}  // namespace
