#include "crypto/certificate.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/msgpack.hpp"

using namespace conclave;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime now{1'800'000'000'000};

struct Fixture {
  SeededRandom random{1};
  AccountKeys account = AccountKeys::generate(random);
  NodeKeys node = NodeKeys::generate(random);
  Certificate certificate = certify(account, node.public_key(), 1, now, now + 24h, "Léa's phone");
};

TEST(Certificate, holds_between_its_times_with_ten_minutes_on_either_side) {
  Fixture f;
  EXPECT_TRUE(verify(f.certificate, now));
  EXPECT_TRUE(verify(f.certificate, now - 10min));
  EXPECT_EQ(verify(f.certificate, now - 10min - 1ms).error(), Errc::expired);
  EXPECT_TRUE(verify(f.certificate, now + 24h + 10min - 1ms));
  EXPECT_EQ(verify(f.certificate, now + 24h + 10min).error(), Errc::expired);
}

TEST(Certificate, a_revocation_voids_it_also_if_it_is_newer) {
  Fixture f;
  auto other = NodeKeys::generate(f.random).public_key();
  auto stranger = AccountKeys::generate(f.random);
  Revocation ours[] = {revoke(f.account, f.node.public_key(), now - 24h)};
  Revocation others[] = {revoke(f.account, other, now), revoke(stranger, f.node.public_key(), now)};
  EXPECT_TRUE(verify(ours[0]));
  EXPECT_EQ(verify(f.certificate, now, ours).error(), Errc::revoked);
  EXPECT_TRUE(verify(f.certificate, now, others));
}

TEST(Certificate, a_node_key_that_no_handshake_could_use_is_refused) {
  Fixture f;
  auto bad = certify(f.account, NodeKey{}, 1, now, now + 1h, "");
  EXPECT_EQ(verify(bad, now).error(), Errc::bad_key);
}

TEST(Certificate, any_flipped_bit_is_noticed) {
  Fixture f;
  std::size_t refused = 0;
  Bytes bytes = encode(f.certificate);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    auto decoded = decode_certificate(bytes);
    EXPECT_FALSE(decoded && verify(*decoded, now)) << bit;
    bytes[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    ++refused;
  }
  std::printf("figure certificate bits flipped, all refused: %zu\n", refused);
}

TEST(Certificate, another_version_is_said_to_be_one) {
  Fixture f;
  Bytes bytes = encode(f.certificate);
  bytes[1] = 2;
  EXPECT_EQ(decode_certificate(bytes).error(), Errc::unsupported);
}

TEST(Certificate, a_revocation_is_no_certificate) {
  Fixture f;
  EXPECT_FALSE(decode_certificate(encode(revoke(f.account, f.node.public_key(), now))));
  EXPECT_FALSE(decode_revocation(encode(f.certificate)));
}

// These bytes are the format: whoever changes them changes the version.
TEST(Certificate, bytes_are_as_documented) {
  auto account = AccountKeys::from_seed(Secret<32>());
  auto certificate =
      certify(account, NodeKeys::from_seed(Secret<32>()).public_key(), 300, UnixTime{1}, UnixTime{2}, "a");
  const std::string key = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
  EXPECT_EQ(hex(encode(certificate)),
            "9801c420" + key + "c420" + key + "cd012c0102a161c440" + hex(certificate.signature));
  Bytes message = *from_hex("9701c420" + key + "c420" + key + "cd012c0102a161");
  EXPECT_TRUE(crypto::verify(account.public_key(), {"conclave/device/1"}, message, certificate.signature));
}

RC_GTEST_PROP(Certificate, is_read_as_written,
              (std::uint64_t seed, std::uint64_t sequence, std::uint32_t lifetime)) {
  SeededRandom random(seed);
  auto account = AccountKeys::generate(random);
  auto node = NodeKeys::generate(random).public_key();
  auto name = std::string(random.below(Certificate::name_max + 1), 'x');
  auto certificate =
      certify(account, node, sequence, now, now + std::chrono::milliseconds(lifetime + 1LL), name);
  RC_ASSERT(*decode_certificate(encode(certificate)) == certificate);
  RC_ASSERT(encode(certificate).size() <= Certificate::size_max);
  auto revocation = revoke(account, node, now);
  RC_ASSERT(*decode_revocation(encode(revocation)) == revocation);
  RC_ASSERT(encode(revocation).size() <= Revocation::size_max);
}

RC_GTEST_PROP(Certificate, noise_gives_an_error, (const Bytes& noise)) {
  RC_ASSERT(!decode_certificate(noise));
  RC_ASSERT(!decode_revocation(noise));
}

}  // namespace
