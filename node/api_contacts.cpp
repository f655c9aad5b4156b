// contacts.*, requests.* and ping.
#include "node/api.hpp"
#include "node/api_json.hpp"
#include "node/api_params.hpp"

#include <nlohmann/json.hpp>

namespace conclave::node {
namespace {
using gateway::allow;
using gateway::Answer;
using gateway::Registry;
using Call = std::shared_ptr<gateway::Caller>;
template <class T>
using Later = boost::asio::awaitable<T>;

Later<Answer> list(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  CO_TRY(auto contacts, told(co_await parts.node.contacts()));
  co_return Json{{"contacts", to_json(contacts)}};
}

Later<Answer> add(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"link", "name"}));
  CO_TRY(auto text, gateway::required_text(params, "link"));
  CO_TRY(auto name, gateway::text_or(params, "name", ""));
  auto link = contacts::parse_link(text);
  if (!link) co_return std::unexpected(not_an_account(text, link.error()));
  CO_TRY(auto contact, told(co_await parts.node.add_contact(std::move(*link), std::move(name))));
  co_return Json{{"contact", to_json(contact)}, {"safety_number", parts.node.safety_number(contact.account)}};
}

Later<Answer> get(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"contact"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "contact"));
  CO_TRY(auto contact, told(co_await parts.node.contact(account)));
  co_return Json{{"contact", to_json(contact)}, {"safety_number", parts.node.safety_number(account)}};
}

Later<Answer> remove(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"contact"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "contact"));
  CO_CHECK(told(co_await parts.node.remove_contact(account)));
  co_return Json::object();
}

Later<Answer> block(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"contact", "blocked"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "contact"));
  CO_TRY(bool blocked, gateway::flag_or(params, "blocked", true));
  CO_CHECK(told(co_await parts.node.set_blocked(account, blocked)));
  co_return Json::object();
}

Later<Answer> verify(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"contact", "verified"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "contact"));
  CO_TRY(bool verified, gateway::flag_or(params, "verified", true));
  CO_CHECK(told(co_await parts.node.set_verified(account, verified)));
  co_return Json{{"safety_number", parts.node.safety_number(account)}};
}

Later<Answer> list_requests(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  CO_TRY(auto requests, told(co_await parts.node.requests()));
  co_return Json{{"requests", to_json(requests)}};
}

Later<Answer> accept_request(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"account", "name"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "account"));
  CO_TRY(auto name, gateway::text_or(params, "name", ""));
  CO_TRY(auto contact, told(co_await parts.node.accept_request(account, std::move(name))));
  co_return Json{{"contact", to_json(contact)}};
}

Later<Answer> refuse_request(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"account"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "account"));
  CO_CHECK(told(co_await parts.node.refuse_request(account)));
  co_return Json::object();
}

Later<Answer> ping(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"contact", "patience_ms"}));
  CO_TRY(auto account, co_await account_param(parts.node, params, "contact"));
  CO_TRY(auto patience, gateway::number_or(params, "patience_ms", 10'000, {1, 600'000}));
  CO_TRY(auto pings, told(co_await parts.node.ping(account, std::chrono::milliseconds(patience))));
  co_return Json{{"pings", to_json(pings)}};
}

}  // namespace

void add_contact_methods(Registry& registry, ApiParts parts) {
  auto bound = [parts](auto method) {
    return [parts, method](Call caller, Json params) {
      return method(parts, std::move(caller), std::move(params));
    };
  };
  registry.add("contacts.list", bound(list));
  registry.add("contacts.add", bound(add));
  registry.add("contacts.get", bound(get));
  registry.add("contacts.remove", bound(remove));
  registry.add("contacts.block", bound(block));
  registry.add("contacts.verify", bound(verify));
  registry.add("requests.list", bound(list_requests));
  registry.add("requests.accept", bound(accept_request));
  registry.add("requests.refuse", bound(refuse_request));
  registry.add("ping", bound(ping));
}

}  // namespace conclave::node
