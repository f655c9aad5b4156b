#pragma once
/// What our side says on one chat stream: the entries of our log that the node at the other end lacks.
///
/// Sans-IO. The caller reads the database where `next_load` says so, writes what `next_entry` gives, and
/// reports what the peer has. A peer that acknowledges what was never sent, goes back, or stays silent cannot
/// grow this: what is in the air is bounded by the window, per stream.
#include "node/chat/journal.hpp"

#include <deque>
#include <map>

namespace conclave::chat {

class Sender {
 public:
  /// In the air at most: entries, and bytes of their bodies. A receiver buffers no more than that.
  static constexpr std::size_t window_entries = 64;
  static constexpr std::size_t window_bytes = 128 * 1024;
  /// Entries read from the database at a time.
  static constexpr std::size_t load_max = 32;

  /// Between devices of one account, entries name their conversation.
  explicit Sender(bool between_devices) : between_devices_(between_devices) {}

  /// What the database says about a log of ours and this receiver: at the start, and again when it grew.
  void progress(const Journal::Progress& progress);

  struct Load {
    AccountKey conversation;
    std::uint64_t after = 0;
    std::uint64_t serial =
        0;  ///< which question this answers: an answer that a rewind overtook means nothing
  };
  /// Something to read from the database; one at a time.
  std::optional<Load> next_load();
  void loaded(const Load& load, std::vector<Journal::Own> entries);

  /// The next entry for the stream, if there is one and the window is open.
  std::optional<Entry> next_entry();

  struct Confirmed {
    AccountKey conversation;
    std::uint64_t sequence = 0;
  };
  /// What the database is to be told. `own_conversation` is what a `Have` without conversation means.
  std::optional<Confirmed> on_have(const Have& have, const AccountKey& own_conversation);

  /// Nothing in the air and nothing to send.
  bool idle() const;

 private:
  struct Log {
    std::uint64_t base = 0;
    std::uint64_t acked = 0;
    std::uint64_t last = 0;      ///< of our log
    std::uint64_t loaded = 0;    ///< up to here it was read from the database
    std::uint64_t previous = 0;  ///< what the receiver has when the next entry comes
    bool heard = false;          ///< the peer has said how far it is
    std::uint64_t serial = 0;
    std::deque<Journal::Own> ready;
  };
  struct Flying {
    AccountKey conversation;
    std::uint64_t sequence;
    std::size_t bytes;
  };
  void landed(const AccountKey& conversation, std::uint64_t sequence);
  bool window_open() const { return flying_.size() < window_entries && flying_bytes_ < window_bytes; }

  bool between_devices_;
  std::map<AccountKey, Log> logs_;  ///< bounded by our own conversations
  std::deque<Flying> flying_;
  std::size_t flying_bytes_ = 0;
  bool loading_ = false;
};

}  // namespace conclave::chat
