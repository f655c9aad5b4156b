#include "node/calls/signal.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "crypto/codec/base_n.hpp"

namespace conclave::calls {
namespace {

using Json = nlohmann::json;

constexpr std::size_t message_size_max = 16 * 1024;
constexpr std::size_t part_size = 12 * 1024;
constexpr std::uint32_t parts_count_max = 64;
constexpr std::size_t statements_max = 512;

Result<std::string> text_field(const Json& json, const char* name, std::size_t longest) {
  auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return fail(Errc::malformed);
  auto out = found->get<std::string>();
  if (out.size() > longest) return fail(Errc::too_long);
  return out;
}

Result<Bytes> bytes_field(const Json& json, const char* name, std::size_t longest) {
  TRY(auto text, text_field(json, name, longest * 2));
  TRY(auto out, codec::from_base64url(text));
  if (out.size() > longest) return fail(Errc::too_long);
  return out;
}

Result<MemberId> member_field(const Json& json, const char* name) {
  TRY(auto text, text_field(json, name, 12));
  TRY(auto bytes, from_hex(text));
  return MemberId::from(bytes);
}

Result<std::vector<Bytes>> statements_field(const Json& json) {
  auto found = json.find("statements");
  if (found == json.end() || !found->is_array()) return fail(Errc::malformed);
  if (found->size() > statements_max) return fail(Errc::too_long);
  std::vector<Bytes> out;
  for (const auto& each : *found) {
    if (!each.is_string()) return fail(Errc::malformed);
    TRY(auto bytes, codec::from_base64url(each.get_ref<const std::string&>()));
    if (bytes.size() > Statement::size_max) return fail(Errc::too_long);
    out.push_back(std::move(bytes));
  }
  return out;
}

std::uint64_t natural_or(const Json& json, const char* name, std::uint64_t usual) {
  auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : usual;
}

Result<Watched> watched_field(const Json& json) {
  if (!json.is_object()) return fail(Errc::malformed);
  Watched out;
  TRY(auto mid, text_field(json, "mid", 5));
  auto [end, error] = std::from_chars(mid.data(), mid.data() + mid.size(), out.mid);
  if (error != std::errc() || end != mid.data() + mid.size()) return fail(Errc::malformed);
  TRY(out.member, member_field(json, "member"));
  auto kind = natural_or(json, "kind", 0);
  if (kind < 1 || kind > 3) return fail(Errc::malformed);
  out.kind = static_cast<MediaKind>(kind);
  out.height = static_cast<std::uint16_t>(std::min<std::uint64_t>(natural_or(json, "height", 0), 4320));
  return out;
}

Result<FromPage> decode_object(const Json& json) {
  TRY(auto type, text_field(json, "t", 16));
  if (type == "hello") {
    PageHello out;
    TRY(auto key, bytes_field(json, "conference", 32));
    TRY(out.conference, ConferenceKey::from(key));
    TRY(out.statements, statements_field(json));
    return out;
  }
  if (type == "statements") {
    TRY(auto statements, statements_field(json));
    return PageStatements{std::move(statements)};
  }
  if (type == "to") {
    PageTo out;
    TRY(out.member, member_field(json, "member"));
    TRY(out.parcel, bytes_field(json, "d", parcel_max));
    return out;
  }
  if (type == "all") {
    TRY(auto parcel, bytes_field(json, "d", parcel_max));
    return PageAll{std::move(parcel)};
  }
  if (type == "watch") {
    auto found = json.find("slots");
    if (found == json.end() || !found->is_array()) return fail(Errc::malformed);
    if (found->size() > watched_max) return fail(Errc::too_long);
    PageWatch out;
    for (const auto& each : *found) {
      TRY(auto slot, watched_field(each));
      out.slots.push_back(std::move(slot));
    }
    return out;
  }
  if (type == "bye") return PageBye{};
  return fail(Errc::unsupported);
}

Json texts_of(const std::vector<Bytes>& statements) {
  Json out = Json::array();
  for (const auto& each : statements) out.push_back(codec::base64url(each));
  return out;
}

}  // namespace

Result<FromPage> decode_signal(std::string_view text) {
  if (text.size() > signal_max) return fail(Errc::too_long);
  auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return fail(Errc::malformed);
  return decode_object(json);
}

Result<std::optional<std::string>> SignalParts::take(std::string_view message) {
  if (message.size() > message_size_max * 2) return fail(Errc::too_long);
  if (!message.starts_with("{\"t\":\"part\"")) return std::optional(std::string(message));
  auto json = Json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return fail(Errc::malformed);
  const auto n = natural_or(json, "n", parts_count_max);
  const auto of = natural_or(json, "of", 0);
  auto part = text_field(json, "d", message_size_max * 2);
  if (!part || n != next_ || of == 0 || of > parts_count_max || have_.size() + part->size() > signal_max) {
    have_.clear();
    next_ = 0;
    return fail(Errc::malformed);
  }
  have_ += *part;
  if (++next_ < of) return std::optional<std::string>();
  next_ = 0;
  return std::optional(std::exchange(have_, {}));
}

std::vector<std::string> cut_signal(const std::string& json) {
  if (json.size() <= message_size_max - 1024) return {json};
  // Nothing in our messages needs more than ASCII, so that cutting anywhere is safe.
  std::vector<std::string> out;
  const auto of = (json.size() + part_size - 1) / part_size;
  for (std::size_t n = 0; n < of; ++n)
    out.push_back("{\"t\":\"part\",\"n\":" + std::to_string(n) + ",\"of\":" + std::to_string(of) +
                  ",\"d\":" + Json(json.substr(n * part_size, part_size)).dump() + "}");
  return out;
}

std::string welcome_json(const std::vector<Bytes>& statements, const MemberId& you, const NodeKey& node) {
  return Json{{"t", "welcome"}, {"statements", texts_of(statements)}, {"you", hex(you)}, {"node", codec::base64url(node)}}.dump();
}
std::string statements_json(const std::vector<Bytes>& statements) {
  return Json{{"t", "statements"}, {"statements", texts_of(statements)}}.dump();
}
std::string to_json_text(const MemberId& from, ByteView parcel) {
  return Json{{"t", "to"}, {"from", hex(from)}, {"d", codec::base64url(parcel)}}.dump();
}
std::string all_json(const MemberId& from, ByteView parcel) {
  return Json{{"t", "all"}, {"from", hex(from)}, {"d", codec::base64url(parcel)}}.dump();
}
std::string slots_json(std::span<const SlotAssigned> slots) {
  Json out = Json::array();
  for (const auto& slot : slots)
    out.push_back({{"mid", std::to_string(slot.mid)},
                   {"member", slot.member ? Json(hex(*slot.member)) : Json(nullptr)},
                   {"kind", static_cast<int>(slot.kind)},
                   {"ssrc", slot.ssrc}});
  return Json{{"t", "slots"}, {"slots", std::move(out)}}.dump();
}
std::string speakers_json(std::span<const MemberId> members) {
  Json out = Json::array();
  for (const auto& member : members) out.push_back(hex(member));
  return Json{{"t", "speakers"}, {"members", std::move(out)}}.dump();
}
std::string quality_json(const Quality& quality, const MemberId& own) {
  constexpr const char* words[] = {nullptr, "downlink", "theirs", "uplink", "hidden"};
  Json out = Json::object();
  for (const auto& picture : quality.pictures) {
    auto* why = words[static_cast<std::size_t>(picture.why)];
    out[hex(picture.member)] = {{"height", picture.height}, {"loss", picture.loss}, {"why", why ? Json(why) : Json(nullptr)}};
  }
  // A tenth lost of what the page sends is a full uplink, in words that people understand.
  const bool full = quality.uplink_loss > 0.1;
  return Json{{"t", "quality"},
              {"members", std::move(out)},
              {"you", hex(own)},
              {"uplink", {{"bps", static_cast<std::uint64_t>(quality.downlink_bps)}, {"full", full}}},
              {"layers", quality.layers_watched},
              {"copies", quality.audio_copies}}
      .dump();
}
std::string refused_json(std::string_view why) { return Json{{"t", "refused"}, {"why", why}}.dump(); }

}  // namespace conclave::calls
