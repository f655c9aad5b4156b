#include "node/api_json.hpp"

#include "crypto/codec/key_text.hpp"

#include <nlohmann/json.hpp>

namespace conclave::node {
namespace {

Json ms(const std::optional<UnixTime>& time) { return time ? Json(time->ms) : Json(nullptr); }
Json in_ms(Duration span) { return static_cast<double>(span.count()) / 1000.0; }

Json node_texts(const std::vector<NodeKey>& keys) {
  Json out = Json::array();
  for (auto& key : keys) out.push_back(codec::to_text(key));
  return out;
}

struct EventNames {
  using Named = std::pair<std::string_view, Json>;
  Named operator()(const MessageStored& event) const {
    return {"message",
            {{"message", to_json(event.message)}, {"fresh", event.fresh}, {"request", event.request}}};
  }
  Named operator()(const DeliveryAdvanced& event) const {
    return {"delivery",
            {{"conversation", codec::to_text(event.conversation)},
             {"id", to_text(event.id)},
             {"delivery", to_text(event.delivery)}}};
  }
  Named operator()(const ConversationRead& event) const {
    return {"read", {{"conversation", codec::to_text(event.conversation)}}};
  }
  Named operator()(const RequestArrived& event) const {
    return {"request", {{"request", to_json(event.request)}}};
  }
  Named operator()(const ContactChanged& event) const {
    return {"contact", {{"contact", to_json(event.contact)}}};
  }
  Named operator()(const ContactRemoved& event) const {
    return {"contact_removed", {{"account", codec::to_text(event.account)}}};
  }
  Named operator()(const StatusChanged&) const { return {"status", Json::object()}; }
  Named operator()(const StoreTrouble& event) const { return {"store", {{"trouble", event.trouble}}}; }
  Named operator()(const CallRang& event) const {
    return {"calls.ring",
            {{"account", codec::to_text(event.account)},
             {"node", codec::to_text(event.node)},
             {"conference", codec::to_text(event.conference)},
             {"kind", to_text(event.kind)}}};
  }
  Named operator()(const ConferenceChanged& event) const {
    return {"calls.changed", {{"conference", codec::to_text(event.conference)}}};
  }
  Named operator()(const EventsMissed& event) const { return {"missed", {{"count", event.count}}}; }
};

}  // namespace

std::string to_text(const chat::MessageId& id) {
  return codec::to_text(id.node) + "/" + std::to_string(id.sequence);
}

std::string_view to_text(chat::Delivery delivery) {
  switch (delivery) {
    case chat::Delivery::received:
      return "received";
    case chat::Delivery::queued:
      return "queued";
    case chat::Delivery::sent:
      return "sent";
    case chat::Delivery::delivered:
      return "delivered";
    case chat::Delivery::read:
      return "read";
  }
  return "unknown";
}

std::string_view to_text(RingKind kind) {
  switch (kind) {
    case RingKind::ring:
      return "ring";
    case RingKind::stop:
      return "stop";
    case RingKind::decline:
      return "decline";
  }
  return "unknown";
}

std::string_view to_text(Reachability reachability) {
  switch (reachability) {
    case Reachability::unknown:
      return "unknown";
    case Reachability::open:
      return "open";
    case Reachability::mapped:
      return "mapped";
    case Reachability::firewalled:
      return "firewalled";
    case Reachability::lan_only:
      return "lan_only";
    case Reachability::offline:
      return "offline";
  }
  return "unknown";
}

Json to_json(const contacts::Contact& contact) {
  return {{"account", codec::to_text(contact.account)},
          {"name", contact.name},
          {"blocked", contact.blocked},
          {"verified", contact.verified},
          {"online", contact.online},
          {"added_ms", contact.added.ms},
          {"seen_ms", ms(contact.seen)},
          {"nodes", node_texts(contact.nodes)}};
}

Json to_json(const contacts::Request& request) {
  return {{"account", codec::to_text(request.account)},
          {"first_ms", request.first.ms},
          {"messages", request.messages},
          {"preview", request.preview}};
}

Json to_json(const contacts::Device& device) {
  return {{"node", codec::to_text(device.node)}, {"name", device.name},
          {"this_one", device.this_one},         {"online", device.online},
          {"revoked", device.revoked},           {"certified_ms", device.certified.ms}};
}

Json to_json(const chat::Message& message) {
  Json reactions = Json::array();
  for (auto& reaction : message.reactions)
    reactions.push_back({{"from", codec::to_text(reaction.from)}, {"emoji", reaction.emoji}});
  return {{"conversation", codec::to_text(message.conversation)},
          {"id", to_text(message.id)},
          {"author", codec::to_text(message.author)},
          {"ours", message.ours},
          {"position", message.position},
          {"sent_ms", message.sent.ms},
          {"received_ms", message.received.ms},
          {"body", message.body},
          {"reply_to", message.reply_to ? Json(to_text(*message.reply_to)) : Json(nullptr)},
          {"edited", message.edited},
          {"deleted", message.deleted},
          {"reactions", std::move(reactions)},
          {"delivery", to_text(message.delivery)}};
}

Json to_json(const chat::Conversation& conversation) {
  return {{"with", codec::to_text(conversation.with)},
          {"unread", conversation.unread},
          {"last", conversation.last ? to_json(*conversation.last) : Json(nullptr)}};
}

Json to_json(const Ping& ping) {
  return {{"node", codec::to_text(ping.node)}, {"transport", ping.transport},
          {"address", ping.address},           {"found_ms", in_ms(ping.found)},
          {"dialled_ms", in_ms(ping.dialled)}, {"rtt_ms", in_ms(ping.rtt)}};
}

Json to_json(const Status& status) {
  Json peers = Json::array();
  for (auto& peer : status.peers) {
    peers.push_back({{"node", codec::to_text(peer.node)},
                     {"account", peer.account ? Json(codec::to_text(*peer.account)) : Json(nullptr)},
                     {"transport", peer.transport},
                     {"address", peer.address},
                     {"dialled_by_us", peer.dialled_by_us},
                     {"rtt_ms", in_ms(peer.rtt)}});
  }
  return {{"version", status.version},
          {"account", codec::to_text(status.account)},
          {"node", codec::to_text(status.node)},
          {"started_ms", status.started.ms},
          {"addresses", status.addresses},
          {"reachability", {{"kind", to_text(status.reachability)}, {"words", status.reachability_words}}},
          {"peers", std::move(peers)},
          {"dht",
           {{"table", status.dht.table},
            {"entries_held", status.dht.entries_held},
            {"network_estimate", status.dht.network_estimate},
            {"lookups", status.dht.lookups},
            {"lookup_median_ms", in_ms(status.dht.lookup_median)},
            {"published", status.dht.published},
            {"published_ms", ms(status.dht.published_at)}}},
          {"traffic",
           {{"sent_bytes", status.traffic.sent_bytes},
            {"sent_packets", status.traffic.sent_packets},
            {"received_bytes", status.traffic.received_bytes},
            {"received_packets", status.traffic.received_packets}}},
          {"contacts", status.contacts},
          {"requests", status.requests},
          {"outbox", status.outbox},
          {"store_trouble", status.store_trouble},
          {"udp_port", status.udp_port},
          {"tcp_port", status.tcp_port}};
}

template <class T>
Json to_json(const std::vector<T>& many) {
  Json out = Json::array();
  for (auto& one : many) out.push_back(to_json(one));
  return out;
}
template Json to_json(const std::vector<contacts::Contact>&);
template Json to_json(const std::vector<contacts::Request>&);
template Json to_json(const std::vector<contacts::Device>&);
template Json to_json(const std::vector<chat::Message>&);
template Json to_json(const std::vector<chat::Conversation>&);
template Json to_json(const std::vector<Ping>&);

std::pair<std::string_view, Json> event_json(const Event& event) { return std::visit(EventNames{}, event); }

}  // namespace conclave::node
