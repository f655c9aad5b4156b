/// The soak: one random world after the other, of random size, with random faults and attackers, for as long
/// as asked, until an invariant breaks. Each world has a seed of its own, which a violation names.
#include "simulations/scale/churn.hpp"
#include "simulations/scale/sybils.hpp"
#include "simulations/violation.hpp"

#include <cmath>

#include <fmt/format.h>

namespace conclave::sim {

using dht::Handle;

namespace {

/// What one world was and how it went.
struct World {
  std::string what;
  std::uint64_t lookups = 0, right = 0, reads = 0, found = 0, events = 0;
  std::optional<std::string> violation;
};

/// `sabotage`: breaks an invariant on purpose, to see that it is noticed.
void live_through(std::uint64_t seed, std::uint64_t nodes_max, double minutes, bool sabotage, World& out) {
  SeededRandom random(seed, 10);
  auto chance = [&](double p) { return random.unit() < p; };
  const auto nodes = 30 + random.below(std::max<std::uint64_t>(nodes_max, 31) - 30);
  LinkModel links = chance(0.3) ? LinkModel::king() : LinkModel{};
  links.loss = chance(0.5) ? 0.05 * random.unit() : 0;
  links.jitter_ms = chance(0.5) ? 100 * random.unit() : 1;
  dht::Parameters parameters;
  if (chance(0.2)) parameters.paths = parameters.paths_max = 1;
  if (chance(0.1)) parameters.diversity = false;
  if (chance(0.1)) parameters.records_max = 64;
  ChurnModel model;
  model.median = Duration(static_cast<Duration::rep>((2 + 60 * random.unit()) * 6e7));
  model.contacts = static_cast<unsigned>(random.below(5));
  const double hostile = chance(0.4) ? 0.3 * random.unit() : 0;
  const double clients = chance(0.3) ? 0.4 * random.unit() : 0;
  const auto lie = static_cast<Lie>(random.below(4));
  Population population;
  population.add_random(2 * nodes, Role::honest, random);
  population.add_random(static_cast<std::size_t>(hostile * static_cast<double>(nodes)), Role::adversary,
                        random);
  population.add_random(static_cast<std::size_t>(clients * static_cast<double>(nodes)), Role::client, random);
  population.settle();
  Sybils adversary(lie, seed);
  adversary.know(population);
  Swarm swarm(population, parameters, links, seed);
  swarm.set_adversary(&adversary);
  Churn churn(swarm, model, random);
  churn.start(std::chrono::seconds(60));
  swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) { churn.on_outcome(node, outcome); });
  swarm.on_found([&](Handle node, const dht::Found& found) { churn.on_found(node, found); });
  swarm.run_until(TimePoint(std::chrono::minutes(4)));
  // Cuts that come and go.
  const bool cut = chance(0.4);
  if (cut) {
    const double share = random.unit();
    std::vector<std::uint8_t> groups(population.size());
    for (auto& group : groups) group = random.unit() < share;
    swarm.at(swarm.now() + std::chrono::minutes(1), [&swarm, groups] { swarm.set_groups(groups); });
    swarm.at(swarm.now() + std::chrono::minutes(2), [&swarm] { swarm.set_groups({}); });
  }
  if (sabotage) swarm.at(swarm.now() + std::chrono::minutes(1), [&swarm] { swarm.parameters().k = 5; });
  out.what = fmt::format(
      "{} nodes, sessions {:.0f} min, rtt {:.0f} ms, jitter {:.0f} ms, loss {:.1f} %, {:.0f} % hostile ({}), "
      "{:.0f} % "
      "clients, {} paths{}{}",
      nodes, static_cast<double>(model.median.count()) / 6e7, links.rtt_median_ms, links.jitter_ms,
      100 * links.loss, 100 * hostile, static_cast<int>(lie), 100 * clients, parameters.paths,
      parameters.diversity ? "" : ", no diversity", cut ? ", cut for a minute" : "");
  auto measured = measure_under_churn(swarm, churn, 200, 200,
                                      Duration(static_cast<Duration::rep>(minutes * 6e7)), random, nullptr);
  out.lookups = measured.lookups;
  out.right = measured.right;
  out.reads = measured.reads;
  out.found = measured.found;
  out.events = swarm.events();
  out.violation = swarm.broken(1);
  if (!out.violation && measured.endless > 0)
    out.violation = fmt::format("seed {}: {} searches never ended", seed, measured.endless);
  // With nobody hostile and no fault but loss, a network that is not tiny works. A question is sent twice;
  // whoever loses both is taken for dead, and the lookup then misses one of the k nearest.
  const double way = 1 - (1 - links.loss) * (1 - links.loss);
  const double possible = std::pow(1 - way * way, parameters.k) * static_cast<double>(measured.lookups);
  if (!out.violation && hostile == 0 && !cut && nodes > 100 &&
      static_cast<double>(measured.right) < 0.85 * possible)
    out.violation =
        fmt::format("seed {}: only {} of {} lookups right among honest nodes, where loss allows {:.0f}", seed,
                    measured.right, measured.lookups, possible);
}

}  // namespace

void scenario_swarm(const Options& options, Report& report) {
  const double wall_limit = options.hours > 0 ? 3600 * options.hours : 0;
  const auto worlds = static_cast<std::uint64_t>(options.number("worlds", wall_limit > 0 ? 1e9 : 20));
  const double minutes = options.minutes > 0 ? options.minutes : 10;
  const bool sabotage = options.flag("sabotage", false);
  std::uint64_t done = 0, lookups = 0, right = 0, reads = 0, found = 0, events = 0;
  // How many worlds an hour sees depends on the machine; with --set worlds=N the report does not.
  auto seed = options.seed;
  for (; done < worlds && (wall_limit == 0 || wall_seconds() < wall_limit); ++done) {
    seed = options.seed + done;
    World world;
    try {
      live_through(seed, options.nodes, minutes, sabotage, world);
    } catch (const Violation& violation) {
      world.violation = violation.what();
    }
    lookups += world.lookups, right += world.right, reads += world.reads, found += world.found,
        events += world.events;
    note(fmt::format("seed {}: {}: {} of {} right, {} of {} found", seed, world.what, world.right,
                     world.lookups, world.found, world.reads));
    if (!world.violation) continue;
    report.violation(fmt::format("{} ({})", *world.violation, world.what));
    break;
  }
  report.line(fmt::format("seeds {} to {}", options.seed, seed));
  report.figure("worlds without a violation", static_cast<double>(done));
  report.figure("events", static_cast<double>(events));
  report.share("lookups right, attacks and cuts included", right, lookups);
  report.share("entries found, attacks and cuts included", found, reads);
}

}  // namespace conclave::sim
