/// For a day one who rents a /16 speaks to everybody, all the time, from thousands of identities that never
/// leave, while honest nodes come and go. How much of a table does it own in the end? And when a node then
/// restarts, with nothing but its saved table, does it ever come back among attackers only?
#include "simulations/scale/churn.hpp"
#include "simulations/scale/sybils.hpp"

#include <algorithm>

namespace conclave::sim {

using dht::Handle;

namespace {

/// Each identity asks one random live node after the other: that is how one gets into tables.
class Flood {
 public:
  Flood(Swarm& swarm, Churn& churn, std::vector<Handle> identities, double per_node_and_minute,
        Random& random)
      : swarm_(swarm), churn_(churn), identities_(std::move(identities)), random_(random.next()) {
    rate_ = per_node_and_minute;
    next();
  }

 private:
  void next() {
    // All identities together; the same rate on each victim, however many there are.
    auto gap = Duration(static_cast<Duration::rep>(
        6e7 / (rate_ * static_cast<double>(std::max<std::size_t>(churn_.up(), 1)))));
    swarm_.at(swarm_.now() + std::max(gap, Duration(1)), [this] {
      if (churn_.up() > 0) {
        dht::Request request;
        request.kind = dht::Kind::find;
        request.target = random_.fixed<dht::Key>();
        swarm_.inject(identities_[random_.below(identities_.size())], churn_.random_up(random_, Duration{}),
                      request);
      }
      next();
    });
  }
  Swarm& swarm_;
  Churn& churn_;
  std::vector<Handle> identities_;
  SeededRandom random_;
  double rate_;
};

double owned(const Swarm& swarm, const Population& population, const dht::Core& core) {
  (void)swarm;
  if (core.table().size() == 0) return 0;
  std::size_t count = 0;
  for (auto& entry : core.table().entries()) count += population.at(entry.peer).role == Role::adversary;
  return 100.0 * static_cast<double>(count) / static_cast<double>(core.table().size());
}

}  // namespace

void scenario_poison(const Options& options, Report& report) {
  const double hours = options.hours > 0 ? options.hours : 24;
  const auto span = Duration(static_cast<Duration::rep>(hours * 3.6e9));
  const auto identities = static_cast<std::size_t>(options.number("identities", 2'560));
  const auto restarts = static_cast<std::uint64_t>(options.number("restarts", 1'000));
  ChurnModel model;
  model.median = Duration(static_cast<Duration::rep>(options.number("session_minutes", 60) * 6e7));
  model.publishes = false;

  SeededRandom random(options.seed, 6);
  Population population;
  population.add_random(2 * options.nodes, Role::honest, random);
  for (std::size_t i = 0; i < identities; ++i) {
    // Ten to a /24, all within 45.67.0.0/16.
    auto ip = 45u << 24 | 67u << 16 | static_cast<std::uint32_t>(i % 256) << 8 |
              static_cast<std::uint32_t>(i / 256);
    population.add({random.fixed<dht::Key>(), networks_of(ip), Role::adversary, true});
  }
  population.settle();
  Sybils attackers(lie_from(options.word("lie", "fresh")), options.seed);
  attackers.know(population);
  std::vector<Handle> theirs;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    if (population.at(Handle(i)).role == Role::adversary) theirs.push_back(Handle(i));
  Swarm swarm(population, parameters_from(options), links_from(options), options.seed);
  swarm.set_adversary(&attackers);
  Churn churn(swarm, model, random);
  churn.start(std::chrono::minutes(10));
  Flood flood(swarm, churn, theirs, options.number("rate", 6), random);
  for (int hour = 1; hour <= static_cast<int>(hours + 0.5); ++hour) {
    swarm.run_until(TimePoint(span * hour / std::max(1, static_cast<int>(hours + 0.5))));
    note("hour " + std::to_string(hour) + ", " + std::to_string(churn.up()) + " nodes");
    if (auto broken = swarm.broken(7)) report.violation(*broken);
  }

  Sample shares;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    if (auto* core = swarm.core(Handle(i)); core && churn.live(Handle(i)))
      if (swarm.now() - churn.since(Handle(i)) > std::chrono::minutes(30))
        shares.add(owned(swarm, population, *core));
  report.figure("owned of a table, mean", shares.mean(), "%", Report::at_most(5));
  report.figure("owned of a table, worst", shares.max(), "%");
  report.figure("owned of a table, p99", shares.percentile(99), "%");

  // Restarts: a node comes back after a quarter of an hour with what it saved; the flood goes on. Eclipsed is
  // who finds no honest node within a minute.
  std::uint64_t eclipsed = 0, tried = 0, wrong = 0, lookups = 0;
  while (tried < restarts) {
    std::vector<Handle> batch;
    for (int i = 0; i < 50 && tried + batch.size() < restarts; ++i) {
      auto node = churn.random_up(random, std::chrono::minutes(30));
      if (std::find(batch.begin(), batch.end(), node) == batch.end()) batch.push_back(node);
    }
    for (Handle node : batch) {
      auto old = swarm.put_down(node);
      auto& core = swarm.wake_up(node);
      std::vector<Handle> seeds = swarm.parameters().anchors ? old->anchors(8) : std::vector<Handle>{};
      for (auto& entry : old->table().entries()) {
        core.table().restore(entry.peer, entry.rtt);
        if (seeds.size() < 20) seeds.push_back(entry.peer);
      }
      core.join(seeds, swarm.now());
      swarm.pump(node);
    }
    swarm.run_until(swarm.now() + std::chrono::minutes(1));
    for (Handle node : batch) {
      ++tried;
      auto* core = swarm.core(node);
      if (!core) continue;  // its session ended
      std::size_t honest = 0;
      for (auto& entry : core->table().entries())
        honest += population.at(entry.peer).role == Role::honest && population.at(entry.peer).live &&
                  entry.seen_s > 0;
      eclipsed += honest == 0;
      core->find(random.fixed<dht::Key>(), swarm.now());
      ++lookups;
      swarm.pump(node);
    }
    swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) {
      churn.on_outcome(node, outcome);
      if (outcome.internal) return;
      auto truth = population.nearest(outcome.target, 1, [&](const Population::Person& p) {
        return p.live && p.role == Role::honest && &p != &population.at(node);
      });
      wrong += truth.empty() ||
               std::find(outcome.closest.begin(), outcome.closest.end(), truth[0]) == outcome.closest.end();
    });
    swarm.run_until(swarm.now() + std::chrono::seconds(10));
    swarm.on_outcome({});
  }
  report.share("restarts that ended among attackers only", eclipsed, tried, Report::at_most(0));
  report.share("lookups after a restart that miss the nearest honest node", wrong, lookups);
}

}  // namespace conclave::sim
