#pragma once
/// Nodes that come and go. Sessions are Weibull-distributed with shape 0.5 (heavy-tailed): Stutzbach and
/// Rejaie (Understanding Churn in Peer-to-Peer Networks, IMC 2006) fit session lengths of Gnutella,
/// BitTorrent and Kad with shapes of 0.34 to 0.59. Pauses have the same distribution, so that half of the
/// population is there at a time.
#include "simulations/scale/meeting.hpp"

namespace conclave::sim {

struct ChurnModel {
  Duration median = std::chrono::minutes(60);
  double shape = 0.5;
  bool publishes = true;   ///< each node keeps an entry of its own alive
  unsigned contacts = 10;  ///< of which it reads the entries of those it cannot dial, when it comes
  std::chrono::milliseconds clock_offset_max{600'000};
};

class Churn {
 public:
  Churn(Swarm& swarm, const ChurnModel& model, Random& random);
  /// Half of the honest population starts; the rest of their sessions is drawn as if they had come and gone
  /// for long. They join one after the other over `within`.
  void start(Duration within);

  bool live(dht::Handle node) const { return lives_[node.raw()].up; }
  TimePoint since(dht::Handle node) const { return lives_[node.raw()].since; }
  /// The entry that this node published last, nullptr if none.
  const dht::RecordPtr& entry(dht::Handle node) const { return lives_[node.raw()].entry; }
  TimePoint published_at(dht::Handle node) const { return lives_[node.raw()].published; }
  std::size_t up() const { return up_; }
  /// Node-seconds lived, for rates.
  double lived_seconds(TimePoint now) const;
  dht::Handle random_up(Random& random, Duration age) const;
  std::uint64_t arrivals() const { return arrivals_; }
  /// For hooks of one's own: outcomes that are not the churn's.
  void on_outcome(dht::Handle node, const dht::Outcome& outcome);
  void on_found(dht::Handle node, const dht::Found& found);

 private:
  struct Life {
    bool up = false;
    TimePoint since{};
    TimePoint published{};
    dht::RecordPtr entry;
    std::vector<std::pair<dht::Handle, dht::Rtt>> saved;  ///< the table of its former life
  };
  Duration draw();
  void arrive(dht::Handle node, Duration stay);
  void leave(dht::Handle node);
  Swarm& swarm_;
  ChurnModel model_;
  SeededRandom random_;
  std::vector<Life> lives_;
  std::vector<dht::Handle> honest_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> reads_;
  std::size_t up_ = 0;
  std::uint64_t arrivals_ = 0;
  double lived_ = 0;
};

/// What a search finds under churn, measured against those who lived from a minute before it until its end.
struct Availability {
  std::uint64_t lookups = 0, right = 0;
  std::uint64_t reads = 0, found = 0;
  std::uint64_t abandoned = 0;  ///< whose node left before they ended; counted nowhere else
  std::uint64_t endless = 0;    ///< that had not ended half a minute later, though their node was there
  Sample took_ms, asks, first_ms;
  std::vector<std::pair<double, double>> over_time;  ///< hours, percent right
};
/// Spreads so many of each over `span` and runs the swarm until then.
Availability measure_under_churn(Swarm& swarm, Churn& churn, std::uint64_t lookups, std::uint64_t reads,
                                 Duration span, Random& random, Report* report);

}  // namespace conclave::sim
