#pragma once
/// What the node knows, as the JSON of the local API. Field by field in docs/api.md.
#include "node/node.hpp"

#include <utility>

#include <nlohmann/json_fwd.hpp>

namespace conclave::node {

using Json = nlohmann::json;

std::string to_text(const chat::MessageId& id);  ///< `12D3KooW…/7`
std::string_view to_text(chat::Delivery delivery);
std::string_view to_text(Reachability reachability);
std::string_view to_text(RingKind kind);

Json to_json(const contacts::Contact& contact);
Json to_json(const contacts::Request& request);
Json to_json(const contacts::Device& device);
Json to_json(const chat::Message& message);
Json to_json(const chat::Conversation& conversation);
Json to_json(const Ping& ping);
Json to_json(const Status& status);

template <class T>
Json to_json(const std::vector<T>& many);

/// Its name and its data.
std::pair<std::string_view, Json> event_json(const Event& event);

}  // namespace conclave::node
