#pragma once
/// When to do what keeps a table and its own entries alive, within a budget: at most one question in
/// `upkeep_gap`, save for a burst for newcomers. It decides; the core asks.
#include "dht/network_size.hpp"
#include "dht/newcomers.hpp"
#include "dht/table.hpp"

namespace conclave::dht {

class Upkeep {
 public:
  /// An answer so long ago at most says that our line works, and that who does not answer is gone.
  static constexpr Duration line_checked = std::chrono::seconds(30);

  /// What to do now.
  struct Task {
    enum class Kind : std::uint8_t {
      none,
      probe,       ///< ping `peer`: it has not been heard from for long, or has just failed
      meet,        ///< ping `peer`: it may enter the table
      fill,        ///< ask `peer` whom it knows near `target`: that bucket has room
      neighbours,  ///< search our own position
      publish,     ///< put `record` again
    };
    Kind kind = Kind::none;
    Handle peer = no_handle;
    Key target;
    RecordPtr record;
  };

  explicit Upkeep(TimePoint now) : next_(now), neighbours_(now), fill_(now) {}

  Task next(const Surroundings& around, Handle self, const Table& table, Newcomers& newcomers,
            TimePoint last_answer, TimePoint now);
  TimePoint wake() const { return next_; }

  /// Somebody new asked us something: look at newcomers soon.
  void hurry(TimePoint now);
  /// The search for our own position is over.
  void joined(const Parameters& rules, TimePoint now, Random& random);
  /// An entry was removed since it no longer answers. It is tried again now and then: a cable may have been
  /// cut.
  void lost(Handle peer);
  /// Nobody answered the search by which we came in. Those we were told of are tried again like lost ones,
  /// also when others have come in by us meanwhile: we may be an island.
  void stranded(std::span<const Handle> guides);
  /// Somebody who was lost answers: many may be back.
  bool found_again(Handle peer, TimePoint now);
  std::span<const Handle> lost() const { return lost_; }

  /// From `due` on, again and again.
  void publish(RecordPtr record, TimePoint due);
  void withdraw(const SigningPublicKey& publisher);
  std::size_t published() const { return published_.size(); }
  std::size_t memory() const {
    return published_.capacity() * sizeof(Published) + lost_.capacity() * sizeof(Handle);
  }

 private:
  static constexpr std::size_t lost_max = 16;
  static constexpr Duration lost_every = std::chrono::seconds(20);
  static constexpr Duration lost_every_alone = std::chrono::seconds(5);
  static constexpr unsigned burst_max = 8;
  static constexpr Duration pause_first = std::chrono::milliseconds(2500);
  struct Published {
    RecordPtr record;
    TimePoint due;
  };
  Task choose(const Surroundings& around, Handle self, const Table& table, Newcomers& newcomers,
              TimePoint last_answer, TimePoint now);

  TimePoint next_;
  TimePoint neighbours_;
  TimePoint fill_;
  Duration pause_ = pause_first;  ///< between two searches for our own position; grows
  TimePoint retry_{};             ///< when to try a lost one again
  TimePoint settled_{};           ///< until then the table is young, and filled faster
  std::uint8_t credit_ = burst_max;
  std::uint8_t bucket_ = 0;
  std::uint8_t returned_ = 0;  ///< lost ones that answered within the last minute
  bool stranded_ = false;
  TimePoint last_return_{};
  std::vector<Handle> lost_;
  std::vector<Published> published_;
};

}  // namespace conclave::dht
