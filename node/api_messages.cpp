// conversations.* and messages.*.
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

// Long enough for a receiver that restarts; who waits for a person watches events instead.
constexpr std::int64_t wait_max_ms = 600'000;

/// How far message `id` has come when it is delivered or `deadline` has come.
Later<gateway::Param<chat::Delivery>> wait_for_delivery(ApiParts parts, std::unique_ptr<Watch> watch,
                                                        AccountKey to, chat::MessageId id,
                                                        TimePoint deadline) {
  auto far = chat::Delivery::queued;
  while (far < chat::Delivery::delivered) {
    auto event = co_await watch->next_until(deadline);
    if (!event) break;
    if (auto* advanced = std::get_if<DeliveryAdvanced>(&*event)) {
      bool ours = advanced->conversation == to && advanced->id.node == id.node &&
                  advanced->id.sequence >= id.sequence;
      if (ours) far = std::max(far, advanced->delivery);
    } else if (std::holds_alternative<EventsMissed>(*event)) {
      CO_TRY(auto message, told(co_await parts.node.message(to, id)));
      far = message.delivery;
    }
  }
  co_return far;
}

Later<Answer> send(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"to", "body", "reply_to", "wait_ms"}));
  CO_TRY(auto body, gateway::required_text(params, "body"));
  CO_TRY(auto reply_to, optional_message_param(params, "reply_to"));
  CO_TRY(auto wait_ms, gateway::number_or(params, "wait_ms", 0, {0, wait_max_ms}));
  CO_TRY(auto to, co_await account_param(parts.node, params, "to"));
  TimePoint begin = parts.clock.now();
  auto watch = wait_ms > 0 ? parts.node.watch() : nullptr;  // before sending, so that no event is missed
  CO_TRY(auto id, told(co_await parts.node.send(to, std::move(body), reply_to)));
  auto since = [&] { return static_cast<double>((parts.clock.now() - begin).count()) / 1000.0; };
  Json out{{"id", to_text(id)}, {"delivery", to_text(chat::Delivery::queued)}, {"stored_ms", since()}};
  if (!watch) co_return out;
  TimePoint deadline = begin + std::chrono::milliseconds(wait_ms);
  CO_TRY(auto far, co_await wait_for_delivery(parts, std::move(watch), to, id, deadline));
  out["delivery"] = to_text(far);
  if (far >= chat::Delivery::delivered) out["delivered_ms"] = since();
  co_return out;
}

Later<Answer> edit(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with", "id", "body"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_TRY(auto id, message_param(params, "id"));
  CO_TRY(auto body, gateway::required_text(params, "body"));
  CO_TRY(auto change, told(co_await parts.node.edit(with, id, std::move(body))));
  co_return Json{{"id", to_text(change)}};
}

Later<Answer> erase(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with", "id"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_TRY(auto id, message_param(params, "id"));
  CO_TRY(auto change, told(co_await parts.node.erase(with, id)));
  co_return Json{{"id", to_text(change)}};
}

Later<Answer> react(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with", "id", "emoji"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_TRY(auto id, message_param(params, "id"));
  CO_TRY(auto emoji, gateway::text_or(params, "emoji", ""));
  CO_TRY(auto change, told(co_await parts.node.react(with, id, std::move(emoji))));
  co_return Json{{"id", to_text(change)}};
}

Later<Answer> get(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with", "id"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_TRY(auto id, message_param(params, "id"));
  CO_TRY(auto message, told(co_await parts.node.message(with, id)));
  co_return Json{{"message", to_json(message)}};
}

Later<Answer> history(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with", "before", "limit"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_TRY(auto before, gateway::number_or(params, "before", 0, {0, INT64_MAX}));
  CO_TRY(auto limit, gateway::number_or(params, "limit", 50, {1, 500}));
  CO_TRY(auto messages, told(co_await parts.node.history(with, static_cast<std::uint64_t>(before),
                                                         static_cast<std::size_t>(limit))));
  co_return Json{{"messages", to_json(messages)}};
}

Later<Answer> search(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"query"}));
  CO_TRY(auto query, gateway::required_text(params, "query"));
  CO_TRY(auto messages, told(co_await parts.node.search(std::move(query))));
  co_return Json{{"messages", to_json(messages)}};
}

Later<Answer> mark_read(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {"with"}));
  CO_TRY(auto with, co_await account_param(parts.node, params, "with"));
  CO_CHECK(told(co_await parts.node.mark_read(with)));
  co_return Json::object();
}

Later<Answer> conversations(ApiParts parts, Call, Json params) {
  CO_CHECK(allow(params, {}));
  CO_TRY(auto all, told(co_await parts.node.conversations()));
  co_return Json{{"conversations", to_json(all)}};
}

}  // namespace

void add_message_methods(Registry& registry, ApiParts parts) {
  auto bound = [parts](auto method) {
    return [parts, method](Call caller, Json params) {
      return method(parts, std::move(caller), std::move(params));
    };
  };
  registry.add("conversations.list", bound(conversations));
  registry.add("messages.send", bound(send));
  registry.add("messages.edit", bound(edit));
  registry.add("messages.delete", bound(erase));
  registry.add("messages.react", bound(react));
  registry.add("messages.get", bound(get));
  registry.add("messages.history", bound(history));
  registry.add("messages.search", bound(search));
  registry.add("messages.read", bound(mark_read));
}

}  // namespace conclave::node
