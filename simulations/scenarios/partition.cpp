/// A cable is cut and the network falls into two halves for an hour; then it is mended. How long until
/// lookups find all of the network again?
#include "simulations/scale/settings.hpp"

#include <algorithm>

namespace conclave::sim {

void scenario_partition(const Options& options, Report& report) {
  const auto cut_for =
      Duration(static_cast<Duration::rep>((options.minutes > 0 ? options.minutes : 60) * 6e7));
  const auto lookups = static_cast<std::uint64_t>(options.number("lookups", 500));
  SeededRandom random(options.seed, 7);
  Population population;
  population.add_random(options.nodes, Role::honest, random);
  population.settle();
  Swarm swarm(population, parameters_from(options), links_from(options), options.seed);
  self_bootstrap(swarm, std::chrono::milliseconds(10), std::chrono::minutes(5));
  note("cut");
  std::vector<std::uint8_t> halves(population.size());
  for (auto& half : halves) half = static_cast<std::uint8_t>(random.below(2));
  swarm.set_groups(halves);
  swarm.run_until(swarm.now() + cut_for);
  std::size_t known = 0, across = 0;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    for (auto& entry : swarm.core(dht::Handle(i))->table().entries())
      ++known, across += halves[i] != halves[entry.peer.raw()];
  report.figure("entries across the cut, before it is mended",
                100.0 * static_cast<double>(across) / static_cast<double>(known), "%");
  note("mended");
  swarm.set_groups({});
  const auto mended = swarm.now();
  double healed = -1;
  std::vector<std::pair<double, double>> curve;
  for (int second = 0; second <= 120 && healed < 0; second += 5) {
    swarm.run_until(mended + std::chrono::seconds(second));
    auto started = static_cast<double>((swarm.now() - mended).count()) * 1e-6;
    auto measured = measure_lookups(swarm, {lookups, lookups, ""}, nullptr);
    const double right = 100.0 * static_cast<double>(measured.all) / static_cast<double>(measured.tries);
    curve.emplace_back(started, right);
    note(std::to_string(started) + " s: " + std::to_string(right) + " % right");
    if (right >= 99.9) healed = started;
  }
  report.figure("healed after (99.9 % of lookups right)", healed < 0 ? 1e9 : healed, "s",
                Report::at_most(60));
  report.figure("right at once", curve.front().second, "%");
  report.curve("percent of lookups right, seconds since the cable was mended", curve);
  if (auto broken = swarm.broken(1)) report.violation(*broken);
}

}  // namespace conclave::sim
