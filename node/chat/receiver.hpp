#pragma once
/// What our side hears on one chat stream: entries that wait for the database, a batch at a time.
///
/// Sans-IO. Nothing is acknowledged here before `committed` says that it is in the database.
#include "node/chat/journal.hpp"
#include "node/chat/sender.hpp"

#include <deque>
#include <map>

namespace conclave::chat {

class Receiver {
 public:
  /// A sender that keeps its window and rewinds once never has more waiting here.
  static constexpr std::size_t waiting_max = 2 * Sender::window_entries;

  /// Fails with Errc::limit_reached for a sender that ignores the window.
  Result<> on_entry(Entry entry);
  /// What to commit in one transaction; empty while a batch is under way.
  std::vector<Entry> next_batch();
  /// The batch is in the database, and each log named in it is there up to the given sequence. Gives what to
  /// tell the sender.
  std::vector<Have> committed(const std::map<std::optional<AccountKey>, std::uint64_t>& have);

 private:
  std::deque<Entry> waiting_;
  std::size_t under_way_ = 0;
};

}  // namespace conclave::chat
