#include "node/chat/history.hpp"

#include "node/error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace conclave::chat {

namespace {

/// One list of columns for every question; `take` reads them.
std::string select(std::string_view condition) {
  return "SELECT e.conversation, e.node, e.sequence, e.account, e.position, e.sent_ms, e.received_ms, "
         "e.body, "
         "e.target_node, e.target_sequence, e.edited_ms, e.deleted, l.sent, l.delivered, l.read FROM entry e "
         "LEFT "
         "JOIN log l ON l.conversation = e.conversation AND l.node = e.node WHERE e.kind = 1 AND " +
         std::string(condition);
}

Delivery delivery_of(const MessageId& id, const Self& self, const store::Row& row) {
  if (row.number(14) >= id.sequence) return Delivery::read;
  if (row.number(13) >= id.sequence) return Delivery::delivered;
  // What another device of ours wrote has left that device, or it would not be here.
  if (row.number(12) >= id.sequence || id.node != self.node) return Delivery::sent;
  return Delivery::queued;
}

/// Everything but the reactions.
Result<Message> take(store::Database& db, const Self& self, const store::Row& row) {
  Message out;
  out.conversation = row.key<AccountKey>(0);
  out.id = {row.key<NodeKey>(1), row.number(2)};
  out.author = row.key<AccountKey>(3);
  out.ours = out.author == self.account;
  out.position = row.number(4);
  out.sent = UnixTime{row.integer(5)};
  out.received = UnixTime{row.integer(6)};
  TRY(out.body, db.opened(row.blob(7)));
  if (!row.null(8)) out.reply_to = MessageId{row.key<NodeKey>(8), row.number(9)};
  out.edited = !row.null(10);
  out.deleted = row.truth(11);
  if (out.ours) out.delivery = delivery_of(out.id, self, row);
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::vector<std::string> words_of(std::string_view query) {
  std::vector<std::string> words;
  std::string word;
  for (char c : lowered(query) + ' ') {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

}  // namespace

Result<Message> History::complete(Message message) {
  CHECK(
      db_.each("SELECT account, emoji FROM reaction WHERE conversation = ? AND node = ? AND sequence = ? AND "
               "emoji <> '' ORDER BY sent_ms, account",
               {message.conversation, message.id.node, message.id.sequence}, [&](const store::Row& row) {
                 message.reactions.push_back({row.key<AccountKey>(0), row.text(1)});
                 return true;
               }));
  return message;
}

Result<Message> History::message(const AccountKey& conversation, const MessageId& id) {
  Result<Message> found = fail(node::Errc::unknown_message);
  CHECK(db_.each(select("e.conversation = ? AND e.node = ? AND e.sequence = ?"),
                 {conversation, id.node, id.sequence}, [&](const store::Row& row) {
                   found = take(db_, self_, row);
                   return false;
                 }));
  if (!found) return found;
  return complete(std::move(*found));
}

Result<std::vector<Message>> History::page(const AccountKey& conversation, std::uint64_t before,
                                           std::size_t limit) {
  std::vector<Message> out;
  Result<> read;
  auto below = before == 0 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(before);
  CHECK(db_.each(select("e.conversation = ? AND e.position < ? ORDER BY e.position DESC LIMIT ?"),
                 {conversation, below, static_cast<std::int64_t>(std::min(limit, page_max))},
                 [&](const store::Row& row) {
                   auto message = take(db_, self_, row);
                   if (!message) return read = fail(message.error()), false;
                   out.push_back(std::move(*message));
                   return true;
                 }));
  CHECK(read);
  std::ranges::reverse(out);
  for (auto& message : out) {
    TRY(message, complete(std::move(message)));
  }
  return out;
}

Result<Conversation> History::conversation(const AccountKey& account) {
  Conversation out{account, 0, std::nullopt};
  TRY(auto unread,
      db_.integer(
          "SELECT count(*) FROM entry e JOIN log l ON l.conversation = e.conversation AND l.node = e.node "
          "WHERE e.conversation = ? AND e.kind = 1 AND e.deleted = 0 AND e.account <> ? AND "
          "e.sequence > l.read",
          {account, self_.account}));
  out.unread = static_cast<std::uint64_t>(unread);
  TRY(auto last, page(account, 0, 1));
  if (!last.empty()) out.last = std::move(last.front());
  return out;
}

Result<std::vector<Message>> History::search(std::string_view query) {
  std::vector<Message> out;
  auto words = words_of(query);
  if (words.empty()) return out;
  Result<> read;
  // Bodies may be sealed: they are looked through here, not by SQL.
  CHECK(db_.each(select("e.deleted = 0 ORDER BY e.position DESC"), {}, [&](const store::Row& row) {
    auto message = take(db_, self_, row);
    if (!message) return read = fail(message.error()), false;
    auto body = lowered(message->body);
    if (std::ranges::all_of(words, [&](auto& word) { return body.find(word) != std::string::npos; }))
      out.push_back(std::move(*message));
    return out.size() < found_max;
  }));
  CHECK(read);
  for (auto& message : out) {
    TRY(message, complete(std::move(message)));
  }
  return out;
}

}  // namespace conclave::chat
