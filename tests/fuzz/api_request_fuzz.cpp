// What arrives at the local API before anybody is trusted: the head of a request, then its JSON.
#include "crypto/ensure.hpp"
#include "node/gateway/guard.hpp"
#include "node/gateway/page.hpp"
#include "node/gateway/params.hpp"
#include "node/gateway/request.hpp"

using namespace conclave;
using namespace conclave::gateway;

namespace {

void head(std::string_view input) {
  Token token;
  Head out;
  std::string_view* fields[] = {&out.verb,         &out.target,        &out.host,
                                &out.content_type, &out.authorization, &out.fetch_site};
  for (auto* field : fields) {
    auto end = std::min(input.find('\n'), input.size());
    *field = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  out.upgrade = !input.empty();
  if (!input.empty()) out.origin = input;
  auto route = admit(out, Caller::Door::page, 4790, token);
  if (!route) return;
  ensure(out.host == "127.0.0.1:4790" || out.host == "localhost:4790", "no foreign host comes in");
  ensure(!out.origin || out.origin->ends_with(":4790"), "no foreign origin comes in");
  bool shown = out.authorization == "Bearer " + token.text();
  ensure(*route != Route::call || shown || out.authorization.size() == 71, "no call without a token");
}

void json(std::string_view input) {
  auto request = decode_request(input);
  if (!request) return;
  ensure(request->params.is_object() && !request->method.empty(), "a request is whole");
  (void)allow(request->params, {"to", "body"});
  (void)required_text(request->params, "to");
  (void)number_or(request->params, "limit", 1, {0, 10});
  (void)flag_or(request->params, "flag", false);
  auto again = Json::parse(encode_answer(request->id, request->params), nullptr, false);
  ensure(again.is_object() && again["result"] == request->params, "what came in goes out unchanged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  auto kind = input.front();
  input.remove_prefix(1);
  if (kind & 1) {
    head(input);
  } else if (kind & 2) {
    (void)inline_hashes(input, "script");
  } else {
    json(input);
  }
  return 0;
}
