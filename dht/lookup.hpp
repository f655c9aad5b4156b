#pragma once
/// One search for the nodes nearest to a key. Sans-IO: call `next()` until it has no question, report each
/// with `on_response()` or `on_failure()`, call `next()` again; `wake()` says when to call it without a
/// report.
///
/// First several disjoint paths, each a Kademlia lookup of its own that never asks whom another path has
/// asked (S/Kademlia, Baumgart and Mies 2007): a liar ruins the path that met it, not the search. Then
/// everything heard is taken together and the nearest are asked until the k nearest who live have answered.
/// Peers that lie, repeat themselves, answer late or unasked cannot break it: memory is bounded by
/// `heard_max`, questions by `asks_max`.
#include "dht/table.hpp"

#include <optional>

namespace conclave::dht {

class Lookup {
 public:
  static constexpr std::size_t heard_max = 768;
  static constexpr std::size_t asks_max = 600;

  enum class State : std::uint8_t {
    heard,
    asked,
    slow,  ///< asked, and past patience: nobody waits for it, its answer still counts
    answered,
    failed,
    lying,    ///< answered what cannot be
    crowded,  ///< its network has been asked enough
  };
  /// How long slow ones among the k nearest are waited for in the end. Most of them are dead; but some
  /// answers take ten times as long as others, and who must not miss one has to wait.
  enum class Wait : std::uint8_t {
    none,     ///< who is past its patience is passed over
    nearest,  ///< the three nearest get 2.5 times their patience, the others 1.7 times: 1 in 5000 nearest is
              ///< missed
    all,      ///< until they answer or are given up
  };
  struct Candidate {
    Distance distance;
    Handle peer;
    State state = State::heard;
    std::uint8_t owner = 0;  ///< the path that asked
    std::uint8_t depth = 0;  ///< questions that led here, this one included
    std::uint16_t told = 0;  ///< paths that were told of it, a bit each
    Handle by = no_handle;   ///< who told first; none: our own table
    TimePoint asked;
    TimePoint patience;  ///< when others stop waiting for it
  };
  struct Goal {
    Key target{};
    /// Everybody within this share of the key space is asked, beside the k nearest. 0: only those.
    double region = 0;
    /// What the radius of k nodes is believed to be; 1 when nobody knows.
    double radius = 1;
    /// The k nearest are asked one by one; without it the search ends with the paths.
    bool complete = true;
    Wait wait = Wait::none;
    /// Whoever shares at least `avoid_bits` bits with `avoid` is not followed: a crowd stands there. 0:
    /// nobody.
    Key avoid{};
    int avoid_bits = 0;
    unsigned paths = 4;
  };

  Lookup(const Surroundings& around, const Goal& goal, Handle self);

  /// Where to start: nodes of our own table near the target.
  void start(std::span<const Handle> seeds);
  /// Contacts from elsewhere: taken up in the last phase.
  void add(std::span<const Handle> peers);

  /// The next peer to ask, or nothing. `patience(handle)` says how long its answer is worth waiting for.
  template <class Patience>
  std::optional<Handle> next(TimePoint now, Patience&& patience) {
    auto index = choose(now);
    if (!index) return std::nullopt;
    Candidate& chosen = candidates_[*index];
    chosen.asked = now;
    chosen.patience = now + patience(chosen.peer);
    return chosen.peer;
  }
  /// When patience with somebody ends.
  TimePoint wake() const;
  void on_response(Handle from, const Contacted& contacts);
  void on_failure(Handle from);

  /// Nothing more to ask and nobody worth waiting for.
  bool done() const { return phase_ == Phase::done; }
  /// Who answered, nearest first, at most `count`.
  std::vector<Handle> closest(std::size_t count) const;
  /// Answered, nearest first.
  template <class F>
  void each_answered(F&& f) const {
    for (auto& candidate : candidates_)
      if (candidate.state == State::answered) f(candidate);
  }
  std::span<const Candidate> candidates() const { return candidates_; }
  /// Those of our own table that it could start from, used or not.
  std::span<const Handle> seeds() const { return seeds_; }
  const Goal& goal() const { return goal_; }
  /// Known within a distance, whatever became of them, without those who failed.
  std::size_t within(Distance radius) const;
  /// The k-th answered is at most this far; nothing when fewer answered.
  std::optional<Distance> kth() const;

  /// Answers hold k contacts, and where some of the nearest are dead, the last of the living are cut off
  /// them. Says which bit of the target to turn to ask for the rim of what was found; nothing while there is
  /// no need.
  std::optional<int> rim() const;
  std::size_t asks() const { return asks_; }
  unsigned paths() const { return paths_; }
  bool escalated() const { return paths_ > goal_.paths; }
  /// Questions one after the other until the nearest that answered did.
  unsigned hops() const;

 private:
  enum class Phase : std::uint8_t { paths, complete, done };
  static constexpr std::uint8_t last_phase = 15;  ///< owner of what the last phase asks
  enum class Next : std::uint8_t { ask, wait, end };

  TimePoint hope(const Candidate& candidate, unsigned rank) const;
  std::optional<std::size_t> choose(TimePoint now);
  void lose_patience(TimePoint now);
  Next follow(unsigned path, std::size_t& index);
  Next complete(std::size_t& index);
  std::size_t ask(std::size_t index, std::uint8_t owner);
  unsigned* asked_there(Handle peer);
  bool admit(Candidate& candidate);
  bool avoided(Handle peer) const;
  Candidate* find(Handle peer);
  void hear(Handle peer, std::uint16_t told, std::uint8_t depth, Handle by);
  bool plausible(const Candidate& from, const Contacted& contacts) const;
  bool too_sparse() const;
  bool disagree() const;
  bool escalate();

  const Surroundings* around_;
  Goal goal_;
  Handle self_;
  Distance region_{}, near_{};
  std::vector<Candidate> candidates_;  ///< nearest first
  std::vector<Handle> seeds_;
  std::size_t seeds_used_ = 0;
  std::vector<std::pair<std::uint32_t, unsigned>> networks_;  ///< asked, of each network
  std::array<std::uint8_t, 16> in_flight_{};                  ///< by path, without the slow
  unsigned paths_ = 0;
  std::size_t asks_ = 0;
  TimePoint now_{};  ///< of the last `next`
  Phase phase_ = Phase::paths;
};

}  // namespace conclave::dht
