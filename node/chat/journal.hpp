#pragma once
/// The logs of conversations in the database: what we wrote, what we received, and how far each has come.
///
/// A conversation is a set of logs, one for each node that writes in it. A log only grows; each entry has a
/// sequence, and a node that has an entry has everything before it that was meant for it. So "exactly once,
/// in order" is one comparison (`judge`), made in the transaction that stores the entry.
///
/// Lives for one transaction, on the store's thread.
#include "node/chat/wire.hpp"
#include "node/store/database.hpp"

namespace conclave::chat {

/// Whose database this is.
struct Self {
  AccountKey account;
  NodeKey node;
};

/// What a transaction changed that people see.
struct Stored {
  Message message;
  bool fresh = false;  ///< new, not changed
};
struct Advanced {
  AccountKey conversation;
  MessageId id;  ///< and everything of ours before it
  Delivery delivery = Delivery::sent;
};
struct WeRead {
  AccountKey conversation;
};
using Change = std::variant<Stored, Advanced, WeRead>;

enum class Verdict : Byte {
  fresh,
  duplicate,  ///< we have it
  gap,        ///< something before it is missing: it has to come again, after that
  dropped,    ///< above what a stranger may leave
};
/// `have`: up to where we have this log.
Verdict judge(std::uint64_t have, const Entry& entry);

/// What an unaccepted stranger may leave with us: enough to say who one is.
inline constexpr std::uint64_t stranger_texts_max = 8;
inline constexpr std::uint64_t stranger_bytes_max = 16 * 1024;

class Journal {
 public:
  Journal(store::Database& db, const Self& self) : db_(db), self_(self) {}

  // --- our own log ---

  struct Appended {
    MessageId id;
    std::vector<Change> changes;
  };
  /// Appends to our log what obeys the rules of `check`, and does what it says. node::Errc::unknown_message,
  /// not_yours.
  Result<Appended> append(const AccountKey& conversation, const Content& content, UnixTime now);
  /// Everything of theirs is read: changes nothing where it was. With `tell`, the other nodes will know.
  Result<std::vector<Change>> read_all(const AccountKey& conversation, bool tell, UnixTime now);

  struct Own {
    std::uint64_t sequence = 0;
    UnixTime sent;
    Content content;
  };
  /// What follows `after` in our log and has not been erased since, at most `count_max`.
  Result<std::vector<Own>> own_after(const AccountKey& conversation, std::uint64_t after,
                                     std::size_t count_max);

  // --- those who are to have our log ---

  /// `node` of `account` is to have what we write: to the account, or, where it is ours, to anybody. It
  /// starts where the account's other devices are, a first one at the beginning. Nothing happens where it is
  /// known.
  Result<> add_receiver(const AccountKey& account, const NodeKey& node);
  Result<> remove_receiver(const NodeKey& node);
  struct Progress {
    AccountKey conversation;
    std::uint64_t base = 0;  ///< what came before is not for this node
    std::uint64_t acked = 0;
    std::uint64_t last = 0;
  };
  /// How far `node` is with each of our logs that it is to have.
  Result<std::vector<Progress>> progress(const NodeKey& node);
  struct Waiting {
    AccountKey account;
    NodeKey node;
  };
  /// Who lacks something of ours.
  Result<std::vector<Waiting>> waiting();
  /// `node` has our log up to `sequence`. What lies beyond our last entry is remembered as the number to go
  /// on from: a database that was set back must not number twice.
  Result<std::vector<Change>> acknowledged(const AccountKey& conversation, const NodeKey& node,
                                           std::uint64_t sequence);
  /// Handed to a node of the other account.
  Result<std::vector<Change>> handed_over(const AccountKey& conversation, std::uint64_t sequence);
  /// Texts of ours that no node of the other account has acknowledged.
  Result<std::uint64_t> outbox();

  // --- logs of others ---

  Result<std::uint64_t> have(const AccountKey& conversation, const NodeKey& node);
  /// Logs of `node` in any conversation.
  Result<std::vector<Have>> all_of(const NodeKey& node);
  struct Accepted {
    Verdict verdict = Verdict::gap;
    std::uint64_t have = 0;
    std::vector<Change> changes;
  };
  /// Stores an entry of the log of `node`, a device of `author`, if it is the next one.
  Result<Accepted> accept(const AccountKey& conversation, const AccountKey& author, const NodeKey& node,
                          const Entry& entry, UnixTime now, bool stranger);

  /// Forgets what was said, and keeps the numbers, so that nothing is numbered or received twice.
  Result<> forget(const AccountKey& conversation);
  /// Forgets it so that a refused stranger may send it again, should we meet later.
  Result<> forget_stranger(const AccountKey& conversation);

 private:
  Result<std::vector<Change>> apply(const AccountKey& conversation, const AccountKey& author,
                                    const NodeKey& node, std::uint64_t sequence, UnixTime sent,
                                    const Content& content, UnixTime now);
  Result<> insert(const AccountKey& conversation, const AccountKey& author, const NodeKey& node,
                  std::uint64_t sequence, UnixTime sent, const Content& content, UnixTime now);
  Result<bool> revise(const AccountKey& conversation, const AccountKey& author, const MessageId& target,
                      UnixTime sent, const std::string* body);
  Result<> catch_up(const AccountKey& conversation, const AccountKey& author, const MessageId& text);
  Result<> target_exists(const AccountKey& conversation, const MessageId& target, bool ours);
  Result<std::vector<Change>> marked(const AccountKey& conversation, const AccountKey& reader,
                                     const Read& read);
  Result<> ensure_log(const AccountKey& conversation, const AccountKey& account, const NodeKey& node);

  store::Database& db_;
  const Self& self_;
};

}  // namespace conclave::chat
