/// The honest network: does a lookup find exactly the k nearest live nodes, in how many steps, at what cost?
#include "simulations/scale/settings.hpp"

namespace conclave::sim {

void scenario_dht(const Options& options, Report& report) {
  const auto nodes = options.nodes;
  const bool joins = options.word("start", nodes <= 20'000 ? "joins" : "fast") == "joins";
  const auto lookups =
      static_cast<std::uint64_t>(options.number("lookups", nodes <= 20'000 ? 100'000 : 20'000));
  const double dead = options.number("dead", 0) / 100;
  auto parameters = parameters_from(options);
  parameters.upkeep = joins;

  SeededRandom random(options.seed, 1);
  Population population;
  // Tables hold `dead` percent of nodes that are no more: so many more have been there.
  const auto all = static_cast<std::size_t>(static_cast<double>(nodes) / (1 - dead));
  population.add_random(all, Role::honest, random);
  population.settle();
  Swarm swarm(population, parameters, links_from(options), options.seed);
  if (joins) {
    note("joining");
    self_bootstrap(swarm, std::chrono::milliseconds(10), std::chrono::minutes(10));
  } else {
    note("fast start");
    for (std::uint32_t i = 0; i < all; ++i) swarm.wake_up(dht::Handle(i));
    swarm.fast_start(0, static_cast<std::uint32_t>(all));
  }
  for (std::size_t gone = all; gone > nodes; --gone) {
    auto node = random_node(swarm, random);
    population.at(node).live = false;
    swarm.put_down(node);
  }
  note("built, " + std::to_string(swarm.messages()) + " messages, " + std::to_string(peak_memory() >> 20) +
       " MiB");

  const auto built = swarm.messages();
  const auto tables = swarm.table_bytes();
  double began = cpu_seconds();
  auto measured = measure_lookups(swarm, {lookups, 200, options.traced()}, &report);
  double took = cpu_seconds() - began;
  note(std::to_string(static_cast<int>(static_cast<double>(lookups) / took)) + " lookups and " +
       std::to_string(static_cast<int>(static_cast<double>(swarm.messages() - built) / took)) +
       " messages per second of one core");

  const bool large = nodes >= 1'000'000;
  report.share("lookups right", measured.all, measured.tries, Report::at_least(99.9));
  report.percentiles("hops", measured.hops, "", large ? std::optional(Report::at_most(4)) : std::nullopt, {},
                     large ? std::optional(Report::at_most(6)) : std::nullopt);
  report.percentiles("messages", measured.asks, "");
  report.figure("messages mean", measured.asks.mean());
  report.percentiles("latency", measured.took_ms, "ms");
  report.share("escalated", measured.escalated, measured.tries);
  report.figure("memory per node", static_cast<double>(tables) / static_cast<double>(nodes), "B",
                Report::at_most(8192));
  report.distribution("latency, ms", measured.took_ms);
  report.distribution("hops", measured.hops);
  if (auto broken = swarm.broken(1 + nodes / 10'000)) report.violation(*broken);
}

}  // namespace conclave::sim
