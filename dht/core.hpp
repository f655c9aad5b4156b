#pragma once
/// One node of the DHT without socket, clock or randomness of its own: it answers requests, runs operations,
/// and keeps its routing table alive. A real node drives it with dht::Service, a simulation with an event
/// heap; a million of them stand in one process, so it holds no coroutine and no std::function, and a node at
/// rest is one table.
///
/// The driver's loop: `next(now)` until it has no question; send each; report `on_response` or `on_failure`
/// (after the deadline) for every one of them; take `events()`; call `next` again at `wake()`.
#include "dht/meeting_store.hpp"
#include "dht/operation.hpp"
#include "dht/upkeep.hpp"

#include <utility>

namespace conclave::dht {

/// Who asks, as far as it is known.
struct Asker {
  Handle peer = no_handle;  ///< none: a client, which nobody can reach
  Networks networks;        ///< of the address the request came from
};

struct Ask {
  std::uint32_t id = 0;
  Handle to;
  Request request;
  TimePoint deadline;
  OperationId operation{};  ///< zero: upkeep's own
};

/// An entry that a read has found, before the read is over.
struct Found {
  OperationId id;
  RecordPtr record;
};

class Core {
 public:
  /// Operations of one's own at a time; each is at most 100 KB.
  static constexpr std::size_t operations_max = 64;
  /// Bytes of an answer's body: a datagram of 1232 with headers, Noise and padding.
  static constexpr std::size_t answer_size_max = 1080;
  static constexpr std::size_t answer_header_size = 32;
  /// A contact at a v4 address, as dht/wire.hpp writes it.
  static constexpr std::size_t contact_size = 48;
  /// Contacts that entries leave room for: junk at a meeting point must not hide the way on from there.
  static constexpr std::size_t contacts_kept = 6;

  Core(const Surroundings& around, Handle self, TimePoint now);

  // What others ask.
  Response on_request(const Asker& from, const Request& request, Now now);

  // What we ask. Zero where too many operations are under way.
  OperationId find(const Key& target, TimePoint now, Lookup::Wait wait = Lookup::Wait::nearest);
  OperationId get(const Key& point, Now now);
  OperationId put(RecordPtr record, TimePoint now);
  /// Ends an operation early: the reader has what it came for. It has no outcome.
  void cancel(OperationId id);
  /// Keeps `record` alive: puts it now, and again before its holders can all be gone. A newer one of the same
  /// publisher takes its place.
  void publish(RecordPtr record, TimePoint now);
  /// The same, for who makes the first put by itself.
  void publish_later(RecordPtr record, TimePoint now);
  void withdraw(const SigningPublicKey& publisher);
  /// Enters the network by these: asks them who is near us, then fills the table little by little.
  OperationId join(std::span<const Handle> peers, TimePoint now);

  // The driver.
  std::optional<Ask> next(Now now);
  TimePoint wake() const;
  void on_response(std::uint32_t ask, Handle from, const Response& response, Now now);
  void on_failure(std::uint32_t ask, Now now);
  std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }
  std::vector<Found> take_found() { return std::exchange(found_, {}); }

  // What is known.
  Handle self() const { return self_; }
  const Table& table() const { return table_; }
  Table& table() { return table_; }
  const MeetingStore* store() const { return store_.get(); }
  const Newcomers& newcomers() const { return newcomers_; }
  Newcomers& newcomers() { return newcomers_; }
  /// The share of the key space within which k nodes stand.
  double radius() const { return size_.radius(table_.radius_estimate()); }
  NetworkSize& network_size() { return size_; }
  /// Round trips to anybody, smoothed.
  Rtt& rtt() { return rtt_; }
  std::size_t operations() const { return operations_.size(); }
  const Operation* operation(OperationId id) const;
  /// A contact that was heard of elsewhere: an invite, the LAN, a connection.
  void hear(Handle peer);
  /// The entries that have been here longest, from different networks: asked first after a restart.
  std::vector<Handle> anchors(std::size_t count) const;
  /// Bytes of heap that a node at rest holds, itself included.
  std::size_t memory() const;
  template <class F>
  void each_handle(F&& f) const {
    for (auto& entry : table_.entries()) f(entry.peer);
    for (auto peer : newcomers_.places())
      if (peer != no_handle) f(peer);
    for (auto peer : newcomers_.silent())
      if (peer != no_handle) f(peer);
    for (auto peer : upkeep_.lost())
      if (peer != no_handle) f(peer);
    for (auto& operation : operations_) operation->each_handle(f);
    for (auto& asked : in_flight_) f(asked.to);
  }
  /// What must hold at any time; the name of what does not, or nothing.
  const char* broken(Now now) const;

 private:
  struct InFlight {
    std::uint32_t id;
    Handle to;
    OperationId operation;
    Operation::Part part;
    TimePoint sent;
    TimePoint deadline;
  };
  OperationId start(Kind kind, const Key& target, RecordPtr record, std::span<const Handle> seeds,
                    bool internal, TimePoint now, Lookup::Wait wait = Lookup::Wait::none);
  Duration patience(Handle peer) const;
  Ask send(Handle to, Request request, OperationId operation, Operation::Part part, TimePoint now);
  void heard_from(Handle peer, Duration rtt, TimePoint now);
  void heard_of(const Response& response, Handle from);
  void unheard(Handle peer, TimePoint sent, TimePoint now);
  void finish(Now now);
  std::optional<Ask> upkeep_question(Now now);
  std::uint64_t token(Networks networks, TimePoint now, int epochs_ago) const;

  const Surroundings* around_;
  Handle self_;
  Table table_;
  Newcomers newcomers_;
  Upkeep upkeep_;
  NetworkSize size_;
  Rtt rtt_;  ///< of everybody: the guess for those we have not met
  std::uint64_t secret_;
  std::uint32_t last_ask_ = 0, last_operation_ = 0;
  TimePoint last_answer_{};
  std::unique_ptr<MeetingStore> store_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<InFlight> in_flight_;
  std::vector<Outcome> outcomes_;
  std::vector<Found> found_;
};

}  // namespace conclave::dht
