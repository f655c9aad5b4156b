#pragma once
/// A message as people see it. How it travels is in node/chat/wire.hpp and docs/chat.md.
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace conclave::chat {

/// Names an entry within one conversation: which node wrote it, and its number there, from 1.
struct MessageId {
  NodeKey node;
  std::uint64_t sequence = 0;
  friend constexpr auto operator<=>(const MessageId&, const MessageId&) = default;
};

/// How far a message of ours has come. It only ever advances. `received` is everybody else's.
enum class Delivery : Byte {
  received,
  queued,     ///< in our database; nobody has been reached yet
  sent,       ///< handed to a node of the receiver, which has not acknowledged it
  delivered,  ///< in the database of a node of the receiver
  read,       ///< seen by a person
};

struct Reaction {
  AccountKey from;
  std::string emoji;
  bool operator==(const Reaction&) const = default;
};

struct Message {
  AccountKey conversation;  ///< the other account
  MessageId id;
  AccountKey author;
  bool ours = false;           ///< written on one of our account's devices
  std::uint64_t position = 0;  ///< rises in the order in which this node stored things; pages by it
  UnixTime sent;               ///< by the author's clock: a claim
  UnixTime received;           ///< by ours
  std::string body;            ///< UTF-8, as last edited; empty when deleted
  std::optional<MessageId> reply_to;
  bool edited = false;
  bool deleted = false;
  std::vector<Reaction> reactions;  ///< at most one for each account
  Delivery delivery = Delivery::received;
  bool operator==(const Message&) const = default;
};

/// One line of a list of conversations, most recent first.
struct Conversation {
  AccountKey with;
  std::uint64_t unread = 0;
  std::optional<Message> last;
};

/// A line of text at most: UTF-8 bytes. Two messages of this size fit a congestion window of 32 KiB.
inline constexpr std::size_t body_max = 16 * 1024;
/// A reaction at most: the longest emoji sequences of Unicode take 35 bytes.
inline constexpr std::size_t emoji_max = 64;

}  // namespace conclave::chat
