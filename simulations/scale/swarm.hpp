#pragma once
/// The DHT at scale: real cores (routing table, lookup, store, upkeep) of up to a million nodes, one event
/// heap, no coroutine. Messages are handed over as values; their bytes are counted as dht/wire.hpp would
/// write them.
#include "dht/core.hpp"
#include "simulations/identity_tags.hpp"
#include "simulations/scale/links.hpp"
#include "simulations/scale/population.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace conclave::sim {

class Swarm;

/// Those who are against us. One object plays all of an attacker's identities: they know of each other at no
/// cost.
class Adversary {
 public:
  virtual ~Adversary() = default;
  /// What the identity `self` answers; nothing: it stays silent.
  virtual std::optional<dht::Response> answer(Swarm& swarm, dht::Handle self, dht::Handle from,
                                              const dht::Request& request) = 0;
};

/// Datagram sizes with IP, UDP and one-shot headers, for the figures in bytes per second.
struct Sizes {
  static std::size_t request(const dht::Request& request);
  static std::size_t response(const dht::Response& response);
};

class Swarm {
 public:
  /// Runs after an operation of `node` ended.
  using OnOutcome = std::function<void(dht::Handle node, const dht::Outcome& outcome)>;
  using OnFound = std::function<void(dht::Handle node, const dht::Found& found)>;
  /// Sees each question and what became of it (nothing: no answer), for traces.
  using OnAsk =
      std::function<void(dht::Handle node, dht::OperationId operation, dht::Handle to,
                         const dht::Request& request, const dht::Response* response, TimePoint sent)>;
  struct Traffic {
    std::uint64_t sent_bytes = 0;
    std::uint64_t sent_datagrams = 0;
  };

  Swarm(Population& population, dht::Parameters parameters, LinkModel links, std::uint64_t seed);

  const dht::Parameters& parameters() const { return parameters_; }
  dht::Parameters& parameters() { return parameters_; }
  Population& population() { return population_; }
  const Links& links() const { return links_; }
  Random& random() { return random_; }
  TimePoint now() const { return now_; }
  UnixTime wall() const {
    return {1'800'000'000'000 + now_.time_since_epoch() / std::chrono::milliseconds(1)};
  }
  dht::Now moment(dht::Handle node) const;

  /// Gives `node` a core; its clock says `offset` more than ours.
  dht::Core& wake_up(dht::Handle node, std::chrono::milliseconds offset = {});
  /// The node is gone, without a word. What it held is lost unless `core` is kept by the caller.
  std::unique_ptr<dht::Core> put_down(dht::Handle node);
  dht::Core* core(dht::Handle node) { return cores_[node.raw()].get(); }
  void set_adversary(Adversary* adversary) { adversary_ = adversary; }
  /// Fills tables from the ground truth as if everybody had joined long ago (docs/dht.md, "Fast start"): for
  /// each bucket random members of that part of the key space, by Table::answered. Who is not live is taken
  /// as well.
  void fast_start(std::uint32_t first, std::uint32_t last);
  /// Gives `node` what its last searches would have left it: round trips, and how densely nodes stand.
  void give_experience(dht::Handle node);

  /// Lets a node's core do what it wants to do, after somebody called one of its methods.
  void pump(dht::Handle node);
  /// Sends a question outside of any core: what adversaries do. The answer is not looked at.
  void inject(dht::Handle from, dht::Handle to, dht::Request request);
  void at(TimePoint when, std::function<void()> action);
  /// Hosts of different groups do not hear each other.
  void set_groups(std::vector<std::uint8_t> groups) { groups_ = std::move(groups); }

  void run_until(TimePoint limit);
  /// Until `done()`; false when nothing is left to happen or the limit came first.
  bool run_while(const std::function<bool()>& busy, TimePoint limit = TimePoint::max());

  void on_outcome(OnOutcome hook) { on_outcome_ = std::move(hook); }
  void on_found(OnFound hook) { on_found_ = std::move(hook); }
  void on_ask(OnAsk hook) { on_ask_ = std::move(hook); }

  std::uint64_t messages() const { return messages_; }
  /// Questions of one dht::Kind so far.
  std::uint64_t asked(int kind) const { return asked_[static_cast<std::size_t>(kind)]; }
  std::uint64_t events() const { return events_; }
  Traffic traffic(dht::Handle node) const { return traffic_.empty() ? Traffic{} : traffic_[node.raw()]; }
  void count_traffic() { traffic_.assign(population_.size(), {}); }
  Traffic total_traffic() const;
  std::size_t table_bytes() const;  ///< of all cores
  std::size_t live_cores() const { return live_cores_; }
  /// Checks the invariants of one core in `stride`; the first that is broken. While the world runs, that of
  /// every `check_every`-th event is checked as well, and what is broken is thrown as a Violation.
  std::optional<std::string> broken(std::size_t stride) const;

 private:
  enum class What : std::uint8_t { wake, request, response, failure, action };
  struct Event {
    TimePoint at;
    std::uint64_t order;
    std::uint32_t subject;  ///< a node, a message or an action
    What what;
    bool operator>(const Event& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
  };
  struct Message {
    dht::Handle from, to;
    std::uint32_t ask = 0;
    std::uint32_t life = 0;  ///< of the asker: an answer to its former life finds nobody
    dht::OperationId operation;
    TimePoint sent;
    TimePoint deadline;
    Duration rtt{};
    dht::Request request;
    dht::Response response;
  };
  static constexpr std::uint64_t check_every = 256;
  void check(dht::Handle node) const;
  void push(TimePoint when, What what, std::uint32_t subject);
  void send(dht::Handle from, dht::Ask ask);
  void deliver_request(std::uint32_t message);
  void deliver_response(std::uint32_t message);
  void give_up(std::uint32_t message);
  void free(std::uint32_t message);
  bool step(TimePoint limit);
  bool cut(dht::Handle a, dht::Handle b) const {
    return !groups_.empty() && groups_[a.raw()] != groups_[b.raw()];
  }

  Population& population_;
  dht::Parameters parameters_;
  Links links_;
  SeededRandom random_;
  IdentityTags trust_;
  dht::Surroundings around_;
  Adversary* adversary_ = nullptr;
  TimePoint now_{};
  std::uint64_t order_ = 0, messages_ = 0, events_ = 0;
  std::size_t live_cores_ = 0;
  std::array<std::uint64_t, 4> asked_{};
  std::vector<std::unique_ptr<dht::Core>> cores_;
  std::vector<TimePoint> armed_;
  std::vector<std::int32_t> clock_offset_ms_;
  std::vector<std::uint16_t> lives_;
  std::vector<std::uint8_t> groups_;
  std::vector<Event> heap_;
  std::vector<Message> pool_;
  std::vector<std::uint32_t> free_;
  std::vector<std::function<void()>> actions_;
  std::vector<std::uint32_t> free_actions_;
  std::vector<Traffic> traffic_;
  OnOutcome on_outcome_;
  OnFound on_found_;
  OnAsk on_ask_;
};

}  // namespace conclave::sim
