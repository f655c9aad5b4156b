#include "node/member/signal.hpp"

#include <nlohmann/json.hpp>

#include "crypto/codec/base_n.hpp"
#include "node/calls/roster.hpp"

namespace conclave::member {
namespace {

using Json = nlohmann::json;

constexpr std::size_t json_max = 512 * 1024;
constexpr std::size_t message_max = 16 * 1024, part_size = 12 * 1024;
constexpr std::size_t why_max = 64;

Json texts_of(const std::vector<Bytes>& statements) {
  Json out = Json::array();
  for (auto& each : statements) out.push_back(codec::base64url(each));
  return out;
}

Result<const std::string*> text_field(const Json& json, const char* name, std::size_t longest) {
  auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return fail(Errc::malformed);
  auto& text = found->get_ref<const std::string&>();
  if (text.size() > longest) return fail(Errc::too_long);
  return &text;
}

Result<std::vector<Bytes>> statements_of(const Json& json) {
  auto found = json.find("statements");
  if (found == json.end() || !found->is_array()) return fail(Errc::malformed);
  if (found->size() > calls::Roster::statements_max) return fail(Errc::too_long);
  std::vector<Bytes> out;
  for (auto& each : *found) {
    if (!each.is_string()) return fail(Errc::malformed);
    TRY(auto bytes, codec::from_base64url(each.get_ref<const std::string&>()));
    if (bytes.size() > calls::Statement::size_max) return fail(Errc::too_long);
    out.push_back(std::move(bytes));
  }
  return out;
}

}  // namespace

std::string hello_json(const ConferenceKey& conference, const std::vector<Bytes>& statements) {
  return Json{{"t", "hello"}, {"conference", codec::base64url(conference)}, {"statements", texts_of(statements)}}.dump();
}
std::string statements_json(const std::vector<Bytes>& statements) {
  return Json{{"t", "statements"}, {"statements", texts_of(statements)}}.dump();
}
std::string to_json(const calls::MemberId& member, ByteView parcel) {
  return Json{{"t", "to"}, {"member", hex(member)}, {"d", codec::base64url(parcel)}}.dump();
}
std::string watch_json(const std::vector<Watch>& slots) {
  Json out = Json::array();
  for (auto& slot : slots) {
    out.push_back({{"mid", std::to_string(slot.mid)},
                   {"member", hex(slot.member)},
                   {"kind", static_cast<int>(slot.kind)},
                   {"height", slot.height}});
  }
  return Json{{"t", "watch"}, {"slots", std::move(out)}}.dump();
}
std::string bye_json() { return R"({"t":"bye"})"; }

Result<FromNode> decode_from_node(std::string_view text) {
  if (text.size() > json_max) return fail(Errc::too_long);
  auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return fail(Errc::malformed);
  TRY(auto* type, text_field(json, "t", 16));
  if (*type == "welcome" || *type == "statements") {
    TRY(auto statements, statements_of(json));
    return NewStatements{*type == "welcome", std::move(statements)};
  }
  if (*type == "to") {
    TRY(auto* digits, text_field(json, "d", calls::parcel_max * 2));
    TRY(auto parcel, codec::from_base64url(*digits));
    return FromMember{std::move(parcel)};
  }
  if (*type == "refused") {
    TRY(auto* why, text_field(json, "why", why_max));
    return Refusal{*why};
  }
  if (*type == "slots" || *type == "speakers" || *type == "quality" || *type == "all") return Shown{};
  return fail(Errc::unsupported);
}

std::vector<std::string> cut(const std::string& json) {
  if (json.size() < message_max - 1024) return {json};
  // Our messages are ASCII throughout: a cut may fall anywhere.
  std::vector<std::string> out;
  auto of = (json.size() + part_size - 1) / part_size;
  for (std::size_t n = 0; n < of; ++n)
    out.push_back(Json{{"t", "part"}, {"n", n}, {"of", of}, {"d", json.substr(n * part_size, part_size)}}.dump());
  return out;
}

Result<std::optional<std::string>> Parts::take(std::string_view message) {
  if (message.size() > 2 * message_max) return fail(Errc::too_long);
  auto json = Json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return fail(Errc::malformed);
  if (auto type = json.find("t"); type == json.end() || *type != "part") return std::string(message);
  auto number = [&](const char* name) -> std::uint64_t {
    auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : parts_max + 1;
  };
  auto part = text_field(json, "d", message_max);
  auto of = number("of");
  if (!part || number("n") != next_ || of == 0 || of > parts_max || have_.size() + (*part)->size() > json_max) {
    have_.clear();
    next_ = 0;
    return fail(Errc::malformed);
  }
  have_ += **part;
  if (++next_ < of) return std::nullopt;
  next_ = 0;
  return std::exchange(have_, {});
}

}  // namespace conclave::member
