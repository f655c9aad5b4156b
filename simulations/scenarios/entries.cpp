/// Entries at meeting points among many nodes, some of whose table entries are dead: how long does it take
/// until a person can be found, and until a reader has found her?
#include "simulations/scale/meeting.hpp"

namespace conclave::sim {

void scenario_entries(const Options& options, Report& report) {
  const double dead = options.number("dead", 20) / 100;
  const auto points = static_cast<std::uint64_t>(options.number("points", 2'000));
  const auto reads = static_cast<std::uint64_t>(options.number("reads", 10'000));
  auto parameters = parameters_from(options);
  parameters.upkeep = false;

  SeededRandom random(options.seed, 2);
  Population population;
  const auto all = static_cast<std::size_t>(static_cast<double>(options.nodes) / (1 - dead));
  population.add_random(all, Role::honest, random);
  population.settle();
  Swarm swarm(population, parameters, links_from(options), options.seed);
  still_world(swarm, all - options.nodes, random);
  note("built");

  auto published = publish_entries(swarm, points, random);
  note("published");
  auto read = read_entries(swarm, published.records, reads, random, options.traced(), &report);

  report.share("publish: held by k/2 or more", published.durable, published.tries, Report::at_least(100));
  report.percentiles("publish: until k/2 hold it", published.first_ms, "ms", Report::at_most(500));
  report.percentiles("publish: until all is done", published.took_ms, "ms");
  report.figure("publish: holders mean", published.stored.mean());
  report.figure("publish: messages mean", published.asks.mean());
  report.share("read: newest entry found", read.right, read.tries, Report::at_least(99.99));
  report.percentiles("read: first entry", read.first_ms, "ms", Report::at_most(250), Report::at_most(600),
                     Report::at_most(1000));
  report.percentiles("read: whole region asked", read.took_ms, "ms");
  report.figure("read: messages mean", read.asks.mean());
  report.distribution("first entry, ms", read.first_ms);
  if (auto broken = swarm.broken(1 + all / 10'000)) report.violation(*broken);
}

}  // namespace conclave::sim
