#pragma once
/// What a node wants of the DHT: to find who is near a key, to read a meeting point, to leave an entry there.
///
/// Reads and puts go to the whole *region* around a key: all nodes nearer than the radius within which k
/// stand. Where a key is crowded (somebody stands next to it on purpose), side searches into the other parts
/// of the region find those whom the crowd hides.
#include "dht/lookup.hpp"

namespace conclave::dht {

using OperationId = Strong<struct DhtOperationTag, std::uint32_t>;

/// How an operation ended.
struct Outcome {
  OperationId id{};
  Kind kind = Kind::find;
  Key target;
  std::vector<Handle> closest;     ///< the k nearest that answered, nearest first
  std::vector<RecordPtr> records;  ///< get: the newest of each publisher, oldest found first
  unsigned stored = 0;             ///< put: nodes that hold it now
  unsigned asks = 0;               ///< questions, puts and pages included
  unsigned hops = 0;
  bool escalated = false;
  bool crowd = false;  ///< more stood around the key than chance explains
  Duration took{};
  Duration first{};       ///< get: until the first entry; put: until k/2 nodes hold it; 0: never
  Distance kth;           ///< where the k-th stood; all ones when fewer answered
  bool internal = false;  ///< upkeep's, nobody waits for it
};

class Operation {
 public:
  /// Which part of an operation a question belongs to.
  using Part = std::uint8_t;
  struct Ask {
    Handle to;
    Request request;
    Part part = 0;
  };

  Operation(const Surroundings& around, OperationId id, Kind kind, Lookup::Goal goal, Handle self,
            RecordPtr record, TimePoint now);
  void start(std::span<const Handle> seeds) { lookup_.start(seeds); }
  /// What the reader itself holds for others.
  void offer(const std::vector<RecordPtr>& own, UnixTime wall, std::vector<RecordPtr>& found) {
    take(own, wall, found);
  }

  template <class Patience>
  std::optional<Ask> next(TimePoint now, Patience&& patience) {
    for (;;) {
      if (auto to = lookup_.next(now, patience)) return question(*to, 0);
      for (std::size_t i = 0; i < sides_.size(); ++i)
        if (auto to = sides_[i].next(now, patience)) return question(*to, static_cast<Part>(i + 1));
      if (auto ask = extra()) return ask;
      if (!advance()) return std::nullopt;
    }
  }
  TimePoint wake() const;
  /// Entries that are new to the reader are appended to `found`.
  void on_response(Handle from, Part part, const Response& response, Now now, std::vector<RecordPtr>& found);
  void on_failure(Handle from, Part part, TimePoint now);
  bool done() const { return done_; }
  Outcome outcome(TimePoint now) const;
  OperationId id() const { return id_; }
  const Lookup& lookup() const { return lookup_; }
  bool internal = false;

  template <class F>
  void each_handle(F&& f) const {
    for (auto& candidate : lookup_.candidates()) f(candidate.peer);
    for (auto& side : sides_)
      for (auto& candidate : side.candidates()) f(candidate.peer);
    for (auto& holder : holders_) f(holder.peer);
  }

 private:
  static constexpr Part rim_part = 13, page_part = 14, put_part = 15;
  /// A holder is asked for more entries at most so often, all together at most that often. Of 32 publishers,
  /// one to a datagram at worst, holders tell each reader in an order of their own: a few pages of each show
  /// all.
  static constexpr unsigned pages_max = 16;
  static constexpr unsigned pages_total_max = 320;
  struct Holder {
    Handle peer;
    std::uint64_t token = 0;
    static constexpr std::size_t told_max = 32;
    std::vector<std::uint64_t> told;  ///< tags of entries that it gave
    std::uint8_t pages = 0;
    bool more = false;   ///< a page is to be asked for
    bool asked = false;  ///< a put or page is under way, or the put was made
  };

  Ask question(Handle to, Part part);
  std::optional<Ask> extra();
  std::optional<Ask> rim_question();
  bool advance();
  void search_sides();
  void queue_puts();
  Holder& holder(Handle peer);
  void take(const std::vector<RecordPtr>& records, UnixTime wall, std::vector<RecordPtr>& found);

  const Surroundings* around_;
  OperationId id_;
  Kind kind_;
  Handle self_;
  RecordPtr record_;
  TimePoint started_;
  Lookup lookup_;
  std::vector<Lookup> sides_;
  std::vector<Holder> holders_;
  std::vector<Handle> puts_;  ///< to be made, last first
  std::vector<RecordPtr> records_;
  unsigned extra_asks_ = 0, extra_under_way_ = 0, pages_ = 0;
  unsigned stored_ = 0;
  Duration first_{};
  std::vector<std::pair<Handle, Key>> rim_;  ///< whom to ask about the rim, and where
  bool rimmed_ = false;
  bool sided_ = false, puts_queued_ = false, crowd_ = false, done_ = false;
};

}  // namespace conclave::dht
