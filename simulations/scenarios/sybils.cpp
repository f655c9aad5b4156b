/// A share of all identities colludes, and a share of table entries is dead: does a lookup still find the
/// honest nodes nearest to a key? Beside it the rule of libp2p's kad-dht on the same network: one path, all
/// answers believed.
#include "simulations/scale/sybils.hpp"

#include "simulations/scale/meeting.hpp"

namespace conclave::sim {

namespace {

/// What is asked of the lookups; `cost`: also of what they take.
struct Goals {
  std::optional<double> right;
  bool cost = false;
};

void table(Report& report, const std::string& name, const Measured& measured, const Goals& goals) {
  auto cost = [&](double most) { return goals.cost ? std::optional(Report::at_most(most)) : std::nullopt; };
  report.share(name + "lookups right (nearest honest node found)", measured.nearest, measured.tries,
               goals.right ? std::optional(Report::at_least(*goals.right)) : std::nullopt);
  report.share(name + "all honest ones of the k nearest found", measured.all, measured.tries);
  report.share(name + "honest ones of the k nearest, each", measured.honest_found, measured.honest);
  report.figure(name + "messages mean", measured.asks.mean(), "", cost(110));
  report.percentiles(name + "messages", measured.asks, "");
  report.percentiles(name + "hops", measured.hops, "");
  report.percentiles(name + "latency", measured.took_ms, "ms", cost(1000));
  report.share(name + "escalated", measured.escalated, measured.tries);
}

}  // namespace

void scenario_sybils(const Options& options, Report& report) {
  const double sybils = options.number("sybils", 20) / 100, dead = options.number("dead", 20) / 100;
  const auto lookups = static_cast<std::uint64_t>(options.number("lookups", 10'000));
  auto parameters = parameters_from(options);
  parameters.upkeep = false;

  SeededRandom random(options.seed, 4);
  Population population;
  const auto colluding = static_cast<std::size_t>(sybils * static_cast<double>(options.nodes));
  const auto honest = options.nodes - colluding;
  // Of all entries in tables `dead` lead nowhere; of those who live `sybils` collude.
  const auto gone = static_cast<std::size_t>(static_cast<double>(options.nodes) * dead / (1 - dead));
  population.add_random(honest + gone, Role::honest, random);
  population.add_random(colluding, Role::adversary, random);
  population.settle();
  Sybils colluders(lie_from(options.word("lie", "fresh")), options.seed);
  colluders.know(population);
  Swarm swarm(population, parameters, links_from(options), options.seed);
  swarm.set_adversary(&colluders);
  note("building");
  still_world(swarm, gone, random);
  note("built");
  auto measured =
      measure_lookups(swarm, {lookups, 200, options.traced(), dht::Lookup::Wait::nearest}, &report);
  Goals goals;
  if (options.flag("goals", true)) goals = {sybils <= 0.2 ? 99.95 : 99.5, sybils <= 0.2};
  table(report, "", measured, goals);
  report.distribution("latency, ms", measured.took_ms);
  report.distribution("messages", measured.asks);
  if (options.flag("compare", true)) {
    const auto ours = swarm.parameters();
    swarm.parameters() = plain_rule(ours);
    table(report,
          "plain rule: ", measure_lookups(swarm, {lookups, 200, "", dht::Lookup::Wait::nearest}, nullptr),
          {});
    swarm.parameters() = ours;
  }
  if (auto broken = swarm.broken(1 + options.nodes / 10'000)) report.violation(*broken);
}

}  // namespace conclave::sim
