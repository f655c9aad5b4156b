#pragma once
/// What a node tells those who watch it: pages, bots, `conclave watch`.
#include "node/chat/message.hpp"
#include "node/contacts/contact.hpp"
#include "node/ring.hpp"

#include <variant>

namespace conclave::node {

/// A message is new, or looks different: edited, deleted, reacted to.
struct MessageStored {
  chat::Message message;
  bool fresh = false;    ///< new, not changed
  bool request = false;  ///< from a stranger who has not been accepted
};
/// A message of ours has come further. Everything of ours in the conversation up to this sequence has, too.
struct DeliveryAdvanced {
  AccountKey conversation;
  chat::MessageId id;
  chat::Delivery delivery = chat::Delivery::sent;
};
/// We read the conversation, on this device or another.
struct ConversationRead {
  AccountKey conversation;
};
struct RequestArrived {
  contacts::Request request;
};
/// Added, renamed, verified, blocked, gone online or offline, or another of its devices became known.
struct ContactChanged {
  contacts::Contact contact;
};
struct ContactRemoved {
  AccountKey account;
};
/// Addresses, reachability, the first peer, the last peer: ask for `status()`.
struct StatusChanged {};
/// The database refuses writes (`trouble` says why, for a person), or takes them again (empty).
struct StoreTrouble {
  std::string trouble;
};
/// A contact calls: the conference to enter, and the device that rings.
struct CallRang {
  AccountKey account;
  NodeKey node;
  ConferenceKey conference;
  RingKind kind = RingKind::ring;
};
/// Somebody came, left, knocks, or a conference is new here.
struct ConferenceChanged {
  ConferenceKey conference;
};
/// The watcher was too slow and this many events were dropped: read the state again.
struct EventsMissed {
  std::uint64_t count = 0;
};

using Event = std::variant<MessageStored, DeliveryAdvanced, ConversationRead, RequestArrived, ContactChanged,
                           ContactRemoved, StatusChanged, StoreTrouble, CallRang, ConferenceChanged, EventsMissed>;

}  // namespace conclave::node
