// calls.*: conferences for the owner's page and for programs.
#include "crypto/codec/base_n.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/hash.hpp"
#include "node/api.hpp"
#include "node/api_failure.hpp"
#include "node/api_json.hpp"
#include "node/api_params.hpp"
#include "node/calls/host.hpp"
#include "node/gateway/page.hpp"

#include <nlohmann/json.hpp>

namespace conclave::node {
namespace {
using gateway::allow;
using gateway::Answer;
using gateway::Failure;
using gateway::Json;
using gateway::Param;
using gateway::Registry;
using Call = std::shared_ptr<gateway::Caller>;
template <class T>
using Later = boost::asio::awaitable<T>;

constexpr std::int64_t members_most = 256;
/// How long an invite lasts: a day unless told.
constexpr std::int64_t life_ms_usual = 24 * 3'600'000, life_ms_most = 30 * life_ms_usual;
constexpr std::size_t conference_name_max = 200;
constexpr std::int64_t uplink_mbit_most = 100'000;

Param<ConferenceKey> conference_param(const Json& params) {
  auto given = gateway::required_text(params, "conference");
  if (!given) return std::unexpected(given.error());
  if (auto key = codec::conference_key_from_text(*given)) return *key;
  if (auto link = calls::conference_link_from_text(*given)) return link->conference;
  return std::unexpected(Failure{"malformed", "This is neither the key of a conference nor a link to one.",
                                 "Keys begin with z6Mk; links have #c= in them. Copy it again."});
}

template <class F>
Param<F> bytes_param(const Json& params, std::string_view name) {
  auto given = gateway::required_text(params, name);
  if (!given) return std::unexpected(given.error());
  if (auto bytes = codec::from_base64url(*given))
    if (auto fixed = F::from(*bytes)) return *fixed;
  return std::unexpected(Failure{"malformed", "`" + std::string(name) + "` is not base64url of the right length.", ""});
}

Param<calls::MemberId> member_param(const Json& params) {
  auto given = gateway::required_text(params, "member");
  if (!given) return std::unexpected(given.error());
  if (auto bytes = from_hex(*given))
    if (auto id = calls::MemberId::from(*bytes)) return *id;
  return std::unexpected(Failure{"malformed", "`member` is a member id: twelve hexadecimal digits.", ""});
}

template <class T>
std::expected<T, Failure> answered(Result<T> result, std::string what) {
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::move(*result);
    }
  }
  auto why = failure(result.error());
  why.message = std::move(what) + ": " + why.message;
  return std::unexpected(std::move(why));
}

Later<Answer> create(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"name", "lasting"}));
  CO_TRY(auto name, gateway::text_or(params, "name", ""));
  CO_TRY(auto lasting, gateway::flag_or(params, "lasting", true));
  if (name.size() > conference_name_max)
    co_return std::unexpected(Failure{"too_long", "The name of the conference is too long.", ""});
  CO_TRY(auto key, answered(co_await parts.node.calls().create(std::move(name), lasting),
                            "The conference could not be made"));
  co_return Json{{"conference", codec::to_text(key)}};
}

Later<Answer> list(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  Json out = Json::array();
  for (const auto& known : parts.node.calls().list())
    out.push_back({{"conference", codec::to_text(known.conference)},
                   {"name", known.name},
                   {"members", known.members},
                   {"founded", known.founded},
                   {"lasting", known.lasting}});
  co_return out;
}

Later<Answer> forget(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference"}));
  CO_TRY(auto key, conference_param(params));
  CO_CHECK(answered(co_await parts.node.calls().forget(key), "The conference cannot be forgotten"));
  co_return Json::object();
}

Later<Answer> enter(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto may, answered(co_await parts.node.calls().enter(key), "The conference cannot be entered"));
  CO_TRY(auto door, answered(parts.node.calls().door(key), "The conference cannot be entered"));
  co_return Json{{"conference", codec::base64url(key)},
                 {"node", codec::base64url(parts.node.node_key())},
                 {"may", may ? "certify" : "knock"},
                 {"fragment", "#c=" + calls::to_text(door)}};
}

Byte small_number(const Json& claims, const char* name, int most) {
  auto found = claims.find(name);
  if (found == claims.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
    return 0;
  return found->get<Byte>();
}

Param<webrtc::Claims> claims_param(const Json& params) {
  auto found = params.find("claims");
  if (found == params.end() || !found->is_object())
    return std::unexpected(Failure{"malformed", "`claims` is an object about the page's connection.", ""});
  webrtc::Claims out;
  TRY(out.page, bytes_param<webrtc::Fingerprint>(*found, "fingerprint"));
  out.payload_types = {small_number(*found, "opus", 127), small_number(*found, "vp8", 127),
                       small_number(*found, "vp8_rtx", 127), 0, 0};
  out.extensions.mid = small_number(*found, "mid", 14);
  out.extensions.rid = small_number(*found, "rid", 14);
  out.extensions.repaired_rid = small_number(*found, "repaired", 14);
  out.extensions.audio_level = small_number(*found, "level", 14);
  out.extensions.abs_send_time = small_number(*found, "time", 14);
  out.extensions.transport_cc = small_number(*found, "cc", 14);
  return out;
}

Later<Answer> open(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "claims"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto claims, claims_param(params));
  CO_TRY(auto way, answered(parts.node.calls().open(key, std::move(claims)), "Enter the conference first"));
  Json at = Json::array();
  for (const auto& place : way.at) at.push_back({{"ip", place.ip.text()}, {"port", place.port}});
  co_return Json{{"at", std::move(at)},
                 {"ice_pwd", way.ice_pwd},
                 {"fingerprint", codec::base64url(way.fingerprint)},
                 {"ufrag", way.ufrag}};
}

Later<Answer> certify(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "call", "call_x25519", "name", "expires_ms", "consent"}));
  CO_TRY(auto key, conference_param(params));
  calls::Member member;
  CO_TRY(member.call, bytes_param<calls::CallKey>(params, "call"));
  CO_TRY(member.call_x25519, bytes_param<X25519Key>(params, "call_x25519"));
  CO_TRY(member.name, gateway::text_or(params, "name", ""));
  CO_TRY(member.consent, bytes_param<Signature>(params, "consent"));
  CO_TRY(member.expires.ms, gateway::required_number(params, "expires_ms", {0, std::int64_t{1} << 53}));
  CO_TRY(auto statement, answered(parts.node.calls().certify(key, std::move(member)),
                                  "This node cannot vouch for its page in that conference"));
  co_return Json{{"statement", codec::base64url(statement)}};
}

Later<Answer> admit(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "member"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto member, member_param(params));
  CO_CHECK(answered(parts.node.calls().admit(key, member), "Nobody of that id knocks"));
  co_return Json::object();
}

Later<Answer> remove(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "member", "revoke_invite"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto member, member_param(params));
  CO_TRY(auto revoke, gateway::flag_or(params, "revoke_invite", true));
  CO_CHECK(answered(parts.node.calls().remove(key, member, revoke), "Nobody of that id is in"));
  co_return Json::object();
}

Later<Answer> mute(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "member", "kinds"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto member, member_param(params));
  CO_TRY(auto kinds, gateway::number_or(params, "kinds", 1, {1, 7}));
  CO_CHECK(answered(parts.node.calls().ask_to_mute(key, member, static_cast<std::uint8_t>(kinds)),
                    "Nobody of that id is in"));
  co_return Json::object();
}

/// Where guests load the page from: the mirrors, under the page's own hash, so that a page of that hash is the same
/// everywhere.
std::vector<std::string> mirrors(const ApiParts& parts) {
  auto hash = hex(crypto::sha256(view(gateway::page_html())));
  std::vector<std::string> out;
  for (auto url : parts.page_urls) {
    if (!url.ends_with('/')) url += '/';
    out.push_back(url + hash + "/");
  }
  return out;
}

constexpr std::string_view no_mirror =
    "The link opens on this machine only: no https mirror of the page is set (page_urls in the config). "
    "Send the page along as a file, or name a mirror.";

Later<Answer> invite(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"conference", "members_max", "life_ms"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto members, gateway::number_or(params, "members_max", 100, {1, members_most}));
  CO_TRY(auto life_ms, gateway::number_or(params, "life_ms", life_ms_usual, {1000, life_ms_most}));
  CO_TRY(auto made, answered(co_await parts.node.calls().invite(key, static_cast<std::uint16_t>(members),
                                                              std::chrono::milliseconds(life_ms)),
                             "This node may not invite to that conference"));
  auto pages = mirrors(parts);
  bool mirrored = !pages.empty();
  // Without a mirror there is still this machine.
  if (auto page = parts.gateway.page(); !mirrored)
    pages.push_back(page ? "http://127.0.0.1:" + std::to_string(page->port) + "/" : "");
  auto fragment = "#c=" + calls::to_text(made.link);
  Json links = Json::array();
  for (const auto& page : pages) links.push_back(page + fragment);
  auto reach = parts.node.status().reachability;
  bool open = reach == Reachability::open || reach == Reachability::mapped;
  co_return Json{{"link", links.front()},
                 {"links", links},
                 {"fragment", fragment},
                 {"entries", made.link.entries.size()},
                 {"mirrored", mirrored},
                 {"outside", open ? "yes" : reach == Reachability::unknown ? "unknown" : "no"},
                 {"words", mirrored ? made.words : made.words + " " + std::string(no_mirror)}};
}

Later<Answer> ring(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"account", "conference", "kind"}));
  CO_TRY(auto key, conference_param(params));
  CO_TRY(auto account, co_await account_param(parts.node, params, "account"));
  CO_TRY(auto said, gateway::text_or(params, "kind", "ring"));
  std::optional<RingKind> kind;
  for (auto each : {RingKind::ring, RingKind::stop, RingKind::decline})
    if (said == to_text(each)) kind = each;
  if (!kind) co_return std::unexpected(Failure{"malformed", "`kind` is ring, stop or decline.", ""});
  CO_CHECK(answered(co_await parts.node.ring(account, key, *kind), "Nobody answers there"));
  co_return Json::object();
}

Json given_json(const ApiParts& parts) {
  auto given = parts.node.calls().given();
  return {{"packets_to_nodes", given.packets_to_links},
          {"packets_to_pages", given.packets_to_pages},
          {"relayed_bytes", given.relayed_bytes},
          {"frames_sealed", given.frames.sealed},
          {"frames_clear", given.frames.clear},
          {"uplink_bps", given.uplink_bps},
          {"fixed", parts.node.uplink_is_fixed()}};
}

Later<Answer> given(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  co_return given_json(parts);
}

Later<Answer> give(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"uplink_mbit"}));
  CO_TRY(auto mbit, gateway::required_number(params, "uplink_mbit", {1, uplink_mbit_most}));
  auto set = co_await parts.node.set_uplink(static_cast<std::uint64_t>(mbit) * 1'000'000);
  if (!set && set.error() == conclave::Errc::refused)
    co_return std::unexpected(
        Failure{"refused", "The config file says how much uplink there is.", "Take uplink_mbit out of it first."});
  CO_CHECK(told(std::move(set)));
  co_return given_json(parts);
}

}  // namespace

void add_call_methods(Registry& registry, ApiParts parts) {
  auto bound = [parts](auto method) {
    return [parts, method](Call caller, Json params) { return method(parts, std::move(caller), std::move(params)); };
  };
  registry.add("calls.create", bound(create));
  registry.add("calls.list", bound(list));
  registry.add("calls.enter", bound(enter));
  registry.add("calls.open", bound(open));
  registry.add("calls.certify", bound(certify));
  registry.add("calls.admit", bound(admit));
  registry.add("calls.remove", bound(remove));
  registry.add("calls.mute", bound(mute));
  registry.add("calls.invite", bound(invite));
  registry.add("calls.ring", bound(ring));
  registry.add("calls.given", bound(given));
  registry.add("calls.give", bound(give));
  registry.add("calls.forget", bound(forget));
}

}  // namespace conclave::node
