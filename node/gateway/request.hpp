#pragma once
/// The JSON of the local API: requests in, answers and events out. Layout: docs/api.md.
#include "node/gateway/registry.hpp"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace conclave::gateway {

/// Bytes of one request. A chat message is at most 64 KiB of JSON; the rest is room for call statements.
inline constexpr std::size_t request_max = 256 * 1024;
/// Nesting of one request. Ours need four; a parser's stack must not be a stranger's choice.
inline constexpr int depth_max = 16;

struct Request {
  Json id;  ///< a number, a string or null; handed back unchanged
  std::string method;
  Json params;  ///< an object
};

/// The one door for JSON from outside. Fails with code "malformed" or "too_long".
std::expected<Request, Failure> decode_request(std::string_view text);

std::string encode_answer(const Json& id, const Answer& answer);
std::string encode_event(std::string_view event, const Json& data);

}  // namespace conclave::gateway
