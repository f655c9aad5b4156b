/// A day of coming and going: are lookups right, are entries there, and what does it cost a node that wants
/// nothing?
#include "simulations/scale/churn.hpp"

namespace conclave::sim {

void scenario_churn(const Options& options, Report& report) {
  const bool goals = options.flag("goals", true);  // they are for a day of ten thousand
  auto goal = [&](Report::Goal wanted) { return goals ? std::optional(wanted) : std::nullopt; };
  const double hours = options.hours > 0 ? options.hours : 24;
  const auto span = Duration(static_cast<Duration::rep>(hours * 3.6e9));
  const auto lookups = static_cast<std::uint64_t>(options.number("lookups", 10'000));
  const auto reads = static_cast<std::uint64_t>(options.number("reads", 20'000));
  ChurnModel model;
  model.median = Duration(static_cast<Duration::rep>(options.number("session_minutes", 60) * 6e7));
  model.shape = options.number("shape", model.shape);
  model.contacts = static_cast<unsigned>(options.number("contacts", model.contacts));
  model.publishes = options.flag("publishes", true);

  SeededRandom random(options.seed, 3);
  Population population;
  population.add_random(2 * options.nodes, Role::honest, random);
  population.settle();
  Swarm swarm(population, parameters_from(options), links_from(options), options.seed);
  swarm.count_traffic();
  Churn churn(swarm, model, random);
  const auto within = std::chrono::minutes(10);
  churn.start(within);
  swarm.on_outcome([&](dht::Handle node, const dht::Outcome& outcome) { churn.on_outcome(node, outcome); });
  swarm.on_found([&](dht::Handle node, const dht::Found& found) { churn.on_found(node, found); });
  swarm.run_until(swarm.now() + within + std::chrono::minutes(20));
  note("running");

  const auto before = swarm.total_traffic();
  const auto lived_before = churn.lived_seconds(swarm.now());
  const auto messages_before = swarm.messages();
  const std::array<std::uint64_t, 4> kinds_before{swarm.asked(0), swarm.asked(1), swarm.asked(2),
                                                  swarm.asked(3)};
  auto measured = measure_under_churn(swarm, churn, lookups, reads, span, random, &report);
  const double lived = churn.lived_seconds(swarm.now()) - lived_before;
  const auto after = swarm.total_traffic();

  report.figure("nodes there at the end", static_cast<double>(churn.up()));
  report.figure("arrivals", static_cast<double>(churn.arrivals()));
  report.share("lookups right", measured.right, measured.lookups, goal(Report::at_least(99.9)));
  report.share("entries found", measured.found, measured.reads, goal(Report::at_least(99.99)));
  report.figure("sent per node", static_cast<double>(after.sent_bytes - before.sent_bytes) / lived, "B/s",
                goal(Report::at_most(200)));
  report.figure("questions per node and hour",
                3600 * static_cast<double>(swarm.messages() - messages_before) / lived);
  const double hours_lived = lived / 3600;
  for (auto [name, kind] :
       {std::pair("pings", 0), std::pair("finds", 1), std::pair("gets", 2), std::pair("puts", 3)})
    report.figure(
        std::string(name) + " per node and hour",
        static_cast<double>(swarm.asked(kind) - kinds_before[static_cast<std::size_t>(kind)]) / hours_lived);
  report.percentiles("lookup latency", measured.took_ms, "ms");
  report.percentiles("read: first entry", measured.first_ms, "ms");
  report.figure("memory per node", static_cast<double>(swarm.table_bytes()) / static_cast<double>(churn.up()),
                "B");
  report.curve("lookups right, percent, by hour", measured.over_time);
}

}  // namespace conclave::sim
