#include "crypto/random.hpp"
#include "node/gateway/guard.hpp"
#include "node/gateway/page.hpp"
#include "node/gateway/params.hpp"
#include "node/gateway/request.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::gateway {
namespace {

using Door = Caller::Door;
constexpr std::uint16_t port = 4790;

Token some_token() {
  SeededRandom random(7);
  Token token;
  random.fill(token.bytes.span());
  return token;
}

struct Given {
  std::string verb = "POST", target = "/api", host = "127.0.0.1:4790", type = "application/json";
  std::string authorization = "Bearer " + some_token().text();
  std::optional<std::string> origin = "http://127.0.0.1:4790";
  std::string fetch_site = "same-origin";
  Head head() const {
    Head out{verb, target, host, std::nullopt, type, authorization, fetch_site, target == "/api/socket"};
    if (origin) out.origin = *origin;
    return out;
  }
};

unsigned status(const Given& given, Door door = Door::page) {
  auto route = admit(given.head(), door, port, some_token());
  return route ? 200 : route.error().status;
}

TEST(Guard, lets_the_owners_page_in) {
  EXPECT_EQ(status({}), 200u);
  EXPECT_EQ(status({.host = "localhost:4790", .origin = "http://localhost:4790"}), 200u);
  EXPECT_EQ(status({.origin = std::nullopt, .fetch_site = ""}), 200u) << "a program with the token";
  EXPECT_EQ(status({.verb = "GET", .target = "/", .authorization = "", .origin = std::nullopt}), 200u);
  EXPECT_EQ(status({.verb = "GET",
                    .target = "/",
                    .authorization = "",
                    .origin = std::nullopt,
                    .fetch_site = "cross-site"}),
            200u)
      << "a link to the page";
  EXPECT_EQ(status({.verb = "GET", .target = "/api/socket", .authorization = ""}), 200u);
}

TEST(Guard, turns_other_sites_away) {
  EXPECT_EQ(status({.host = "evil.example:4790"}), 421u) << "DNS rebinding";
  EXPECT_EQ(status({.host = "127.0.0.1:4791"}), 421u);
  EXPECT_EQ(status({.host = "127.0.0.1"}), 421u);
  EXPECT_EQ(status({.host = ""}), 421u);
  EXPECT_EQ(status({.verb = "GET", .target = "/", .host = "evil.example:4790"}), 421u);
  for (std::string origin :
       {"https://evil.example", "http://127.0.0.1:4791", "https://127.0.0.1:4790", "null", ""})
    EXPECT_EQ(status({.origin = origin}), 403u) << origin;
  EXPECT_EQ(status({.origin = std::nullopt, .fetch_site = "cross-site"}), 403u);
  EXPECT_EQ(status({.origin = std::nullopt, .fetch_site = "same-site"}), 403u)
      << "another port of this machine";
  EXPECT_EQ(status({.verb = "GET", .target = "/api/socket", .origin = "https://evil.example"}), 403u);
  EXPECT_EQ(status({.type = "text/plain"}), 415u) << "what a form can send without asking";
}

TEST(Guard, wants_the_token_for_every_call) {
  auto token = some_token().text();
  for (auto& wrong : std::vector<std::string>{"", "Bearer ", "Bearer 00", token, "Basic " + token,
                                              "Bearer " + token + "00", "Bearer " + token.substr(2)})
    EXPECT_EQ(status({.authorization = wrong}), 401u) << wrong;
}

TEST(Guard, needs_no_token_at_the_unix_socket_and_no_browser) {
  Given plain{.host = "conclave", .authorization = "", .origin = std::nullopt, .fetch_site = ""};
  EXPECT_EQ(status(plain, Door::terminal), 200u);
  plain.origin = "http://127.0.0.1:4790";
  EXPECT_EQ(status(plain, Door::terminal), 403u);
}

TEST(Guard, has_three_addresses) {
  EXPECT_EQ(status({.target = "/etc/passwd"}), 404u);
  EXPECT_EQ(status({.target = "/api/"}), 404u);
  EXPECT_EQ(status({.verb = "GET"}), 405u);
  EXPECT_EQ(status({.verb = "POST", .target = "/"}), 405u);
}

RC_GTEST_PROP(Guard, no_call_without_the_exact_token, (const std::string& authorization)) {
  RC_ASSERT(status({.authorization = authorization}) == 401u);
}

RC_GTEST_PROP(Guard, a_token_that_differs_in_one_bit_is_another, ()) {
  Token token = some_token();
  auto at = *rc::gen::inRange<std::size_t>(0, 256);
  token.bytes.span()[at / 8] ^= static_cast<Byte>(1u << (at % 8));
  RC_ASSERT(!some_token().matches(token.text()));
  RC_ASSERT(token.matches(token.text()));
}

TEST(Page, policy_names_what_the_page_brings_along) {
  // echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
  auto hashes = inline_hashes("<html><script>alert(1)</script><scripts>no</scripts>", "script");
  ASSERT_EQ(hashes.size(), 1u);
  EXPECT_EQ(hashes[0], "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='");
  auto policy = content_security_policy(page_html(), port);
  EXPECT_NE(policy.find("default-src 'none'"), policy.npos);
  EXPECT_NE(policy.find("script-src 'sha256-"), policy.npos);
  EXPECT_EQ(policy.find("unsafe"), policy.npos);
  EXPECT_TRUE(page_html().starts_with("<!doctype html>") || page_html().starts_with("<!DOCTYPE html>"));
}

TEST(Request, is_an_object_with_three_members) {
  auto request = decode_request(R"({"id":7,"method":"status","params":{"a":1}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, 7);
  EXPECT_EQ(request->method, "status");
  EXPECT_EQ(request->params["a"], 1);
  EXPECT_TRUE(decode_request(R"({"method":"status"})")->params.is_object());
  for (auto bad : {"", "{", "[]", "1", R"({"id":1})", R"({"method":1})", R"({"method":"a","params":[]})",
                   R"({"method":"a","other":1})", R"({"id":{},"method":"a"})", "{\"method\":\"\xff\"}"})
    EXPECT_EQ(decode_request(bad).error().code, "malformed") << bad;
  EXPECT_EQ(decode_request(std::string(request_max + 1, ' ')).error().code, "too_long");
  std::string deep =
      R"({"method":"a","params":{"x":)" + std::string(1000, '[') + std::string(1000, ']') + "}}";
  EXPECT_EQ(decode_request(deep).error().code, "malformed");
}

RC_GTEST_PROP(Request, noise_gives_a_request_or_an_error, (const std::string& noise)) {
  auto request = decode_request(noise);
  RC_ASSERT((request || !request.error().message.empty()));
}

RC_GTEST_PROP(Request, an_answer_is_json_whatever_its_texts_hold, (const std::string& body)) {
  auto text = encode_answer(1, Json{{"body", body}});
  RC_ASSERT(Json::parse(text, nullptr, false).is_object());
}

TEST(Params, are_checked_by_name_type_and_range) {
  Json params{{"to", "bob"}, {"limit", 50}, {"huge", UINT64_MAX}, {"flag", true}, {"none", nullptr}};
  EXPECT_TRUE(allow(params, {"to", "limit", "huge", "flag", "none"}));
  EXPECT_EQ(allow(params, {"to"}).error().code, "malformed");
  EXPECT_EQ(*required_text(params, "to"), "bob");
  EXPECT_FALSE(required_text(params, "limit"));
  EXPECT_FALSE(required_text(params, "none"));
  EXPECT_EQ(*text_or(params, "none", "x"), "x");
  EXPECT_EQ(*number_or(params, "limit", 1, {1, 50}), 50);
  EXPECT_FALSE(number_or(params, "limit", 1, {1, 49}));
  EXPECT_FALSE(number_or(params, "huge", 1, {INT64_MIN, INT64_MAX}));
  EXPECT_EQ(*number_or(params, "absent", 9, {1, 10}), 9);
  EXPECT_TRUE(*flag_or(params, "flag", false));
  EXPECT_FALSE(flag_or(params, "to", false));
}

}  // namespace
}  // namespace conclave::gateway
