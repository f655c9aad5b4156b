#pragma once
/// Conversations as people read them, out of the journal's tables. For one transaction, on the store's
/// thread.
#include "node/chat/journal.hpp"

namespace conclave::chat {

class History {
 public:
  static constexpr std::size_t page_max = 500;
  static constexpr std::size_t found_max = 100;

  History(store::Database& db, const Self& self) : db_(db), self_(self) {}

  /// node::Errc::unknown_message.
  Result<Message> message(const AccountKey& conversation, const MessageId& id);
  /// Up to `limit` messages before `before` (a position; 0: the newest), oldest first.
  Result<std::vector<Message>> page(const AccountKey& conversation, std::uint64_t before, std::size_t limit);
  /// Of accounts with this standing, most recent first.
  Result<Conversation> conversation(const AccountKey& account);
  /// Messages with all words of `query`, newest first. Case matters outside ASCII.
  Result<std::vector<Message>> search(std::string_view query);

 private:
  Result<Message> complete(Message message);
  store::Database& db_;
  const Self& self_;
};

}  // namespace conclave::chat
