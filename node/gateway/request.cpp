#include "node/gateway/request.hpp"

namespace conclave::gateway {
namespace {

Failure malformed(std::string message) {
  return {"malformed", std::move(message), "A request is {\"id\", \"method\", \"params\"}; see docs/api.md."};
}

// Names of people and texts of messages are UTF-8 by the time they are stored; should one not be, the reader
// sees U+FFFD rather than the node an exception.
std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::expected<Request, Failure> decode_request(std::string_view text) {
  if (text.size() > request_max)
    return std::unexpected(Failure{"too_long", "The request is longer than 256 KiB.", ""});
  bool too_deep = false;
  auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > depth_max;
    return !too_deep;
  };
  auto parsed = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep) return std::unexpected(malformed("The request is nested too deeply."));
  if (parsed.is_discarded()) return std::unexpected(malformed("The request is not JSON."));
  if (!parsed.is_object()) return std::unexpected(malformed("The request is not a JSON object."));

  Request request;
  for (auto& [name, value] : parsed.items()) {
    if (name == "id" && (value.is_number() || value.is_string() || value.is_null())) {
      request.id = std::move(value);
    } else if (name == "method" && value.is_string()) {
      request.method = value.get<std::string>();
    } else if (name == "params" && value.is_object()) {
      request.params = std::move(value);
    } else {
      return std::unexpected(malformed("The request has a member that does not belong there."));
    }
  }
  if (request.method.empty()) return std::unexpected(malformed("The request names no method."));
  if (request.params.is_null()) request.params = Json::object();
  return request;
}

std::string encode_answer(const Json& id, const Answer& answer) {
  Json out{{"id", id}};
  if (answer) {
    out["result"] = *answer;
  } else {
    out["error"] = {{"code", answer.error().code}, {"message", answer.error().message}};
    if (!answer.error().hint.empty()) out["error"]["hint"] = answer.error().hint;
  }
  return dump(out);
}

std::string encode_event(std::string_view event, const Json& data) {
  return dump(Json{{"event", event}, {"data", data}});
}

}  // namespace conclave::gateway
