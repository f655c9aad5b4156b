#pragma once
/// The routing table: for each number of leading bits shared with our position, up to k nodes that have
/// answered us. Maymounkov and Mazières 2002, section 2.2; what differs and why is in docs/dht.md ("Table").
///
/// Entries of all buckets lie in one array, bucket after bucket and oldest first, 16 bytes each: a table
/// among a million nodes is about 5 KB.
#include "dht/rtt.hpp"
#include "dht/surroundings.hpp"

namespace conclave::dht {

class Table {
 public:
  struct Entry {
    Handle peer;
    std::uint32_t seen_s = 0;  ///< when it last answered, in seconds of the node's clock; 0: before a restart
    Rtt rtt;
    std::uint16_t near_tag = 0;  ///< the low bits of its networks, so that counting them touches no contact;
    std::uint8_t wide_tag = 0;   ///< a match is looked up
    std::uint8_t failures = 0;   ///< unanswered questions in a row
  };
  static_assert(sizeof(Entry) == 16);

  enum class Outcome {
    updated,  ///< was here
    inserted,
    replaced,  ///< took the place of one that no longer answered, or of a slow young one
    full,      ///< its bucket has older ones that live
    crowded,   ///< its network has enough entries
  };

  Table(const Surroundings& around, Handle self) : around_(&around), self_(self) {}

  /// `peer` answered a question of ours after `rtt`.
  Outcome answered(Handle peer, Duration rtt, TimePoint now);
  /// `peer` did not answer. After `failures_max` in a row it is removed: true.
  bool failed(Handle peer);
  /// The same, when it may be our own fault: it is not told to others for now, and not removed.
  void doubt(Handle peer);
  /// Whether an answer of `peer` would bring it in: whether it is worth a question.
  bool wants(Handle peer) const;

  const Entry* find(Handle peer) const;
  std::size_t size() const { return entries_.size(); }
  std::span<const Entry> entries() const { return entries_; }
  /// Number of buckets up to the last with an entry.
  int buckets() const { return static_cast<int>(counts_.size()); }
  std::span<const Entry> bucket(int index) const;
  int bucket_of(Handle peer) const;

  /// The `count` nearest to `target`, in no order, without those that failed last time, `except` and
  /// ourselves. The second is for others to hear: it leaves out who has not been spoken to since a restart.
  void closest(const Key& target, std::size_t count, Handle except, std::vector<Handle>& out) const;
  void closest(const Key& target, std::size_t count, Handle except, Contacted& out) const;

  /// Estimated share of the key space within which k nodes stand, from how dense the nodes around us are. The
  /// error is 20 %. 1 when fewer than k nodes are known.
  double radius_estimate() const;
  /// The entry that is most overdue: heard from before `near_before` if it is one of the 2k nearest to
  /// ourselves (whole buckets of them), before `far_before` if not. Whom one stands among has to be known;
  /// the way elsewhere has others.
  const Entry* overdue(TimePoint near_before, TimePoint far_before) const;
  /// Of those that did not fail last time, the one heard from last.
  const Entry* freshest() const;
  /// Bytes of heap in use.
  std::size_t memory() const;

  /// Takes an entry as it was before a restart, if it still fits.
  void restore(Handle peer, Rtt rtt);

 private:
  template <class Out>
  void collect(const Key& target, std::size_t count, Handle except, bool tell, Out&& out) const;
  std::size_t start(int bucket) const;
  Entry* find(Handle peer, int bucket);
  bool crowded(Handle peer, int bucket, const Entry* leaving) const;
  Entry* weakest(int bucket, Rtt rtt);
  Entry make(Handle peer, Rtt rtt, TimePoint now) const;
  void insert(const Entry& entry, int bucket);
  void erase(Entry* entry, int bucket);

  const Surroundings* around_;
  Handle self_;
  std::vector<Entry> entries_;
  std::vector<std::uint8_t> counts_;  ///< entries of each bucket
};

}  // namespace conclave::dht
