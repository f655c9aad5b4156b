/// A conference changes its keys: how long until everybody has everybody's new keys after somebody was removed, and
/// until a newcomer has them all? The members' own code (node/member/circle.hpp) over home paths; what it costs in
/// processor time is measured as it runs and charged to its member, one thing after the other, and every message waits
/// its turn in its sender's uplink. Measured time makes these figures the machine's as well: with --set cpu_us=N each
/// message costs N microseconds instead, and the same seed gives the same bytes.
#include "node/member/circle.hpp"
#include "simulations/scenario.hpp"

#include <cmath>
#include <ctime>
#include <numbers>
#include <queue>

namespace conclave::sim {
namespace {

/// JSON, base64, SCTP, DTLS, UDP around a parcel.
constexpr double envelope_bytes = 180, base64 = 4.0 / 3;

Duration processor_time() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return Duration(at.tv_sec * 1'000'000 + at.tv_nsec / 1000);
}

class Rekeying {
 public:
  Rekeying(const Options& options)
      : random_(options.seed),
        conference_(ConferenceKeys::generate(random_)),
        invite_(SigningKeys::generate(random_)),
        rtt_ms_(options.number("rtt_ms", 80)),
        sigma_(options.number("sigma", 0.6)),
        uplink_(options.number("uplink_mbps", 5) * 1e6 / 8),
        slowness_(options.number("slowness", 1)),
        cpu_us_(options.number("cpu_us", 0)) {
    say(calls::Invite{invite_.public_key(), wall_ + std::chrono::hours(24), 500, calls::Invite::no_admission});
  }

  std::size_t join() {
    auto self = member::Self::make(conference_.public_key(), invite_, "member", random_, wall_);
    auto statement = self.statement.bytes;
    auto& seat = *seats_.emplace_back(std::make_unique<Seat>());
    seat.circle = std::make_unique<member::Circle>(conference_.public_key(), std::move(self), random_);
    by_id_[seat.circle->id()] = seats_.size() - 1;
    for (auto& each : statements_) post(seats_.size() - 1, {now_, false, 0, each});
    spread(statement, seats_.size() - 1);
    return seats_.size() - 1;
  }
  void remove(std::size_t which, std::size_t admin) {
    auto& own = std::get<calls::Member>(seats_[which]->circle->own().saying);
    seats_[which]->in = false;
    say(calls::Remove{own.call, std::nullopt}, admin);
  }
  /// Until nothing is on its way.
  void settle() {
    while (!events_.empty()) {
      auto event = std::move(const_cast<Event&>(events_.top()));
      events_.pop();
      now_ = std::max(now_, event.at);
      handle(event);
    }
    now_ += std::chrono::seconds(2);
  }
  /// From now on what happens is charged and counted: each key that a member has taken in, since now.
  void begin() {
    began_ = now_;
    counting_ = true;
    taken = {};
    for (auto& seat : seats_) seat->charged = {}, seat->last_key = {};
  }

  Sample taken;  ///< ms, one for each pair
  /// When each member had all keys, ms; and the processor time it was charged, ms.
  std::pair<Sample, Sample> members() const {
    std::pair<Sample, Sample> out;
    for (auto& seat : seats_) {
      if (!seat->in) continue;
      out.first.add(ms(seat->last_key - began_));
      out.second.add(ms(seat->charged));
    }
    return out;
  }
  std::uint64_t refused() const {
    std::uint64_t out = 0;
    for (auto& seat : seats_)
      if (seat->in) out += seat->circle->counters().keys_refused;
    return out;
  }
  /// Frames of everybody opened by everybody who is in; and by who is out.
  std::pair<std::size_t, std::size_t> open_all() {
    std::pair<std::size_t, std::size_t> out;
    for (auto& from : seats_) {
      auto sealed = from->circle->seal(e2ee::Kind::audio, view("a frame"));
      if (!sealed) continue;
      for (auto& to : seats_) {
        if (to == from) continue;
        bool opened = to->circle->open(false, *sealed, now_, now_).has_value();
        ++(to->in ? opened ? out.first : missing : opened ? out.second : nothing);
      }
    }
    return out;
  }
  std::size_t missing = 0, nothing = 0;

 private:
  struct Seat {
    std::unique_ptr<member::Circle> circle;
    TimePoint busy{}, uplink_free{}, woken{TimePoint::max()}, last_key{};
    Duration charged{};
    bool in = true;
  };
  struct Event {
    TimePoint at;
    bool parcel = false, wake = false;
    std::size_t to = 0;
    Bytes bytes;
    Event(TimePoint when, bool is_parcel, std::size_t whom, Bytes content)
        : at(when), parcel(is_parcel), to(whom), bytes(std::move(content)) {}
    bool operator<(const Event& other) const { return at > other.at; }  // the earliest first
  };
  static double ms(Duration span) { return static_cast<double>(span.count()) / 1000; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - random_.unit())) * std::cos(2 * std::numbers::pi * random_.unit());
  }
  /// Half of a lognormal round trip, independent for each pair and the same both ways.
  Duration path(std::size_t from, std::size_t to) {
    auto [at, fresh] = paths_.try_emplace(std::minmax(from, to));
    if (fresh) at->second = Duration(static_cast<std::int64_t>(rtt_ms_ / 2 * std::exp(sigma_ * normal()) * 1000));
    return at->second;
  }
  void post(std::size_t to, Event event) {
    event.to = to;
    events_.push(std::move(event));
  }
  void say(calls::Saying saying, std::optional<std::size_t> from = {}) {
    spread(calls::issue(conference_, conference_.public_key(), wall_, std::move(saying)).bytes, from);
  }
  void spread(const Bytes& statement, std::optional<std::size_t> from) {
    statements_.push_back(statement);
    for (std::size_t to = 0; to < seats_.size(); ++to)
      post(to, {now_ + (from ? path(*from, to) : Duration(0)), false, to, statement});
  }

  void handle(const Event& event) {
    auto& seat = *seats_[event.to];
    // One thing after the other on a member's processor.
    auto start = counting_ ? std::max(event.at, seat.busy) : event.at;
    auto& circle = *seat.circle;
    auto received = circle.counters().keys_received;
    auto before = processor_time();
    if (event.wake) {
      seat.woken = TimePoint::max();
      circle.advance(wall_, start);
    } else if (event.parcel) {
      circle.hear_parcel(event.bytes, wall_, start);
    } else {
      (void)circle.hear_statement(event.bytes, wall_, start);
    }
    auto parcels = circle.take_parcels();
    auto spent = processor_time() - before;
    if (cpu_us_ > 0) spent = Duration(static_cast<std::int64_t>(cpu_us_ * static_cast<double>(1 + parcels.size())));
    spent = Duration(static_cast<std::int64_t>(static_cast<double>(spent.count()) * slowness_));
    auto done = counting_ ? start + spent : start;
    seat.busy = done;
    seat.charged += spent;
    if (circle.counters().keys_received > received && counting_) {
      taken.add(ms(done - began_));
      seat.last_key = std::max(seat.last_key, done);
    }
    for (auto& parcel : parcels) send(event.to, parcel, done);
    if (circle.deadline() < seat.woken) {
      seat.woken = circle.deadline();
      Event wake(std::max(seat.woken, done), false, event.to, {});
      wake.wake = true;
      events_.push(std::move(wake));
    }
  }

  void send(std::size_t from, member::Circle::Parcel& parcel, TimePoint at) {
    auto found = by_id_.find(parcel.to);
    if (found == by_id_.end()) return;
    auto& seat = *seats_[from];
    auto bytes = static_cast<double>(parcel.bytes.size()) * base64 + envelope_bytes;
    if (counting_) {
      auto leaves = std::max(at, seat.uplink_free);
      seat.uplink_free = leaves + Duration(static_cast<std::int64_t>(bytes / uplink_ * 1e6));
      at = seat.uplink_free;
    }
    post(found->second, {at + path(from, found->second), true, 0, std::move(parcel.bytes)});
  }

  SeededRandom random_;
  ConferenceKeys conference_;
  SigningKeys invite_;
  double rtt_ms_, sigma_, uplink_, slowness_, cpu_us_;
  UnixTime wall_{1'800'000'000'000};
  TimePoint now_{std::chrono::hours(1)}, began_{};
  bool counting_ = false;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::map<calls::MemberId, std::size_t> by_id_;
  std::vector<Bytes> statements_;
  std::map<std::pair<std::size_t, std::size_t>, Duration> paths_;
  std::priority_queue<Event> events_;
};

}  // namespace

void scenario_rekey(const Options& options, Report& report) {
  Rekeying party(options);
  const auto members = static_cast<std::size_t>(options.nodes);
  for (std::size_t i = 0; i < members; ++i) party.join();
  party.settle();
  note("everybody has everybody's keys");
  auto rounds = static_cast<std::size_t>(options.number("rounds", 5));
  Sample removal, removal_whole, arrival, arrival_whole, cpu_removal, cpu_arrival;
  auto add = [](Sample& to, const Sample& from) {
    for (auto value : from.sorted()) to.add(value);
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    party.begin();
    party.remove(round, members - 1);
    party.settle();
    add(removal, party.taken);
    add(removal_whole, party.members().first);
    add(cpu_removal, party.members().second);
    party.begin();
    party.join();
    party.settle();
    add(arrival, party.taken);
    arrival_whole.add(party.taken.max());
    add(cpu_arrival, party.members().second);
  }
  auto [opened, leaked] = party.open_all();
  report.percentiles("a removal: new keys, each pair", removal, "ms", {}, Report::at_most(500));
  report.percentiles("a removal: all new keys, each member", removal_whole, "ms");
  report.percentiles("an arrival: keys to and from the newcomer", arrival, "ms", {}, Report::at_most(500));
  report.percentiles("processor time for a removal, each member", cpu_removal, "ms");
  report.percentiles("processor time for an arrival, each member", cpu_arrival, "ms");
  report.figure("key messages refused", static_cast<double>(party.refused()), "", Report::exactly(0));
  report.figure("frames opened by those who are in", static_cast<double>(opened));
  report.figure("frames that they could not open", static_cast<double>(party.missing), "", Report::exactly(0));
  report.figure("frames opened by those who were removed", static_cast<double>(leaked), "", Report::exactly(0));
}

}  // namespace conclave::sim
