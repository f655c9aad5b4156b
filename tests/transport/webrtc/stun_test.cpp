#include "transport/webrtc/stun.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "transport/webrtc/ice_lite.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::string_view password = "VOkJxbRl1RmTxUk/WvJxBt";
/// RFC 5769 section 2.1.
constexpr std::string_view rfc5769_request =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004"
    "e57a3bcf";

TEST(Stun, the_sample_request_of_rfc_5769_is_read_and_verified) {
  auto bytes = *from_hex(rfc5769_request);
  auto message = decode_stun(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, StunMessage::Class::request);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->software, "STUN test client");
  EXPECT_EQ(message->priority, 1845494271);
  EXPECT_EQ(message->controlled, 0x932ff9b151263b36);
  EXPECT_TRUE(message->fingerprint);
  EXPECT_TRUE(message->authentic(view(password)));
  EXPECT_FALSE(message->authentic(view("VOkJxbRl1RmTxUk/WvJxBT")));
}

TEST(Stun, all_samples_of_rfc_5769) {
  auto* folder = std::getenv("CONCLAVE_VECTORS");
  if (!folder) GTEST_SKIP() << "CONCLAVE_VECTORS is not set";
  nlohmann::json samples;
  std::ifstream(std::string(folder) + "/stun-rfc5769/rfc5769.json") >> samples;
  int checked = 0;
  for (auto& sample : samples) {
    SCOPED_TRACE(sample["name"].get<std::string>());
    auto bytes = *from_hex(sample["message"].get<std::string>());
    auto message = decode_stun(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(hex(message->transaction), sample["transaction_id"].get<std::string>());
    if (sample.contains("username")) EXPECT_EQ(message->username, sample["username"].get<std::string>());
    if (sample.contains("xor_mapped_address")) {
      ASSERT_TRUE(message->mapped);
      EXPECT_EQ(message->mapped->text(), sample["xor_mapped_address"].get<std::string>());
    }
    Bytes key;
    if (sample.contains("password")) {
      key = copy(view(sample["password"].get<std::string>()));
    } else {  // long-term: MD5 of user, realm and password (RFC 8489 section 9.2.2)
      auto text = sample["username"].get<std::string>() + ":" + sample["realm"].get<std::string>() + ":" +
                  sample["password_after_saslprep"].get<std::string>();
      key.resize(16);
      unsigned size = 0;
      EVP_Digest(text.data(), text.size(), key.data(), &size, EVP_md5(), nullptr);
    }
    EXPECT_TRUE(message->authentic(key));
    EXPECT_EQ(message->fingerprint, sample.value("fingerprint_ok", false));
    ++checked;
  }
  std::printf("figure %d RFC 5769 samples\n", checked);
  EXPECT_EQ(checked, 4);
}

Bytes check(std::string_view username, bool controlled = false) {
  StunWriter writer(StunMessage::Class::request, {1, 2, 3});
  writer.username(username).priority(7).use_candidate();
  if (!controlled) writer.controlling(42);
  return writer.integrity(view(password)).fingerprint().bytes();
}

TEST(IceLite, a_check_with_the_right_password_is_answered_with_the_address_it_came_from) {
  auto bytes = check("abcd:efgh");
  auto verdict = hear_check(bytes, password);
  ASSERT_TRUE(verdict.check);
  EXPECT_EQ(verdict.check->local_ufrag, "abcd");
  EXPECT_EQ(verdict.check->remote_ufrag, "efgh");
  EXPECT_TRUE(verdict.check->nominates);
  for (auto* address : {"192.0.2.1:32853", "[2001:db8::7]:1"}) {
    auto from = *io::Endpoint::parse(address);
    auto answer = ice_answer(*verdict.check, from, password);
    auto read = decode_stun(answer);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, StunMessage::Class::success);
    EXPECT_EQ(read->mapped, from);
    EXPECT_EQ(read->transaction, verdict.check->transaction);
    EXPECT_TRUE(read->authentic(view(password)));
  }
}

TEST(IceLite, strangers_hear_nothing_and_a_controlled_agent_a_role_conflict) {
  auto stranger = hear_check(check("abcd:efgh"), "another password");
  EXPECT_FALSE(stranger.check);
  EXPECT_TRUE(stranger.refusal.empty());

  auto bytes = StunWriter(StunMessage::Class::request, {}).username("abcd:efgh").integrity(view(password)).bytes();
  EXPECT_FALSE(hear_check(bytes, password).check) << "a check without FINGERPRINT";

  for (auto* username : {"abcd", "abc:efgh", "ab d:efgh", ""}) {
    auto refused = hear_check(check(username), password);
    EXPECT_FALSE(refused.check);
    auto answer = decode_stun(refused.refusal);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->error, 400);
  }
  auto conflict = hear_check(*from_hex("0001"), password);
  EXPECT_FALSE(conflict.check);
}

TEST(IceLite, the_longest_user_name_that_a_page_can_choose_fits) {
  std::string ufrag(255, 'x');
  auto bytes = check(ufrag + ":efgh");
  auto verdict = hear_check(bytes, password);
  ASSERT_TRUE(verdict.check);
  EXPECT_EQ(verdict.check->local_ufrag, ufrag);
}

RC_GTEST_PROP(Stun, noise_gives_a_message_or_an_error, (Bytes noise)) {
  (void)decode_stun(noise);
  Bytes framed = *from_hex("000100002112a442000102030405060708090a0b");
  append(framed, noise);
  framed.resize(framed.size() & ~std::size_t{3});
  framed[2] = static_cast<Byte>((framed.size() - 20) >> 8);
  framed[3] = static_cast<Byte>(framed.size() - 20);
  (void)decode_stun(framed);
}

RC_GTEST_PROP(Stun, a_message_with_one_byte_changed_is_never_authentic, ()) {
  auto bytes = check("abcd:efgh");
  auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  auto flip = *rc::gen::inRange<int>(1, 256);
  bytes[at] = static_cast<Byte>(bytes[at] ^ flip);
  RC_ASSERT(!hear_check(bytes, password).check);
}

}  // namespace
}  // namespace conclave::webrtc
