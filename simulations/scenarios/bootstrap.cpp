/// Each way into the network alone: what a former run saved, an invite link, the LAN; and some guides that
/// lie. How long until the newcomer finds others, and others find it?
#include "simulations/scale/churn.hpp"
#include "simulations/scale/sybils.hpp"

#include <algorithm>

namespace conclave::sim {

using dht::Handle;

namespace {

struct Way {
  const char* name;
  std::size_t guides;     ///< nodes that the newcomer was told of
  double dead;            ///< share of them that is no more
  std::size_t liars = 0;  ///< so many more that belong to an attacker
};

}  // namespace

void scenario_bootstrap(const Options& options, Report& report) {
  const bool goals = options.flag("goals", true);
  const auto tries = static_cast<std::size_t>(options.number("tries", 200));
  const std::vector<Way> ways = {{"cache (20 nodes, 60 % gone)", 20, 0.6},
                                 {"invite (5 nodes, 2 gone)", 5, 0.4},
                                 {"LAN (1 node)", 1, 0},
                                 {"invite, 4 of 5 guides lie", 1, 0, 4}};
  SeededRandom random(options.seed, 8);
  Population population;
  population.add_random(options.nodes + tries * ways.size(), Role::honest, random);
  population.add_random(options.nodes / 20, Role::adversary, random);
  population.settle();
  Sybils liars(Lie::fresh, options.seed);
  liars.know(population);
  Swarm swarm(population, parameters_from(options), links_from(options), options.seed);
  swarm.set_adversary(&liars);
  std::vector<Handle> newcomers, members, attackers;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    (population.at(Handle(i)).role == Role::adversary ? attackers : members).push_back(Handle(i));
  for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random.below(i)]);
  while (newcomers.size() < tries * ways.size()) {
    newcomers.push_back(members.back());
    population.at(members.back()).live = false;  // and so dead, for whoever is told of it
    members.pop_back();
  }
  for (Handle member : members) swarm.wake_up(member);
  swarm.fast_start(0, static_cast<std::uint32_t>(population.size()));
  note("built");

  std::size_t next = 0;
  for (auto& way : ways) {
    Sample joined_ms;
    std::uint64_t finds = 0, found = 0;
    for (std::size_t i = 0; i < tries; ++i) {
      Handle node = newcomers[next++];
      std::vector<Handle> guides;
      for (std::size_t g = 0; g < way.guides; ++g) {
        const bool gone = static_cast<double>(g) < way.dead * static_cast<double>(way.guides);
        // The dead are newcomers whose turn has not come; of the last none is left, then guides live.
        guides.push_back(gone && next + g < newcomers.size() ? newcomers[next + g]
                                                             : members[random.below(members.size())]);
      }
      for (std::size_t g = 0; g < way.liars; ++g) guides.push_back(attackers[random.below(attackers.size())]);
      population.at(node).live = true;
      auto& core = swarm.wake_up(node);
      const auto started = swarm.now();
      auto id = core.join(guides, started);
      bool over = false;
      swarm.on_outcome([&](Handle who, const dht::Outcome& outcome) {
        if (who == node && outcome.id == id)
          over = true, joined_ms.add(static_cast<double>(outcome.took.count()) / 1000);
      });
      swarm.pump(node);
      swarm.run_while([&] { return !over; }, started + std::chrono::seconds(30));
      swarm.run_until(started + std::chrono::seconds(5));
      // Five seconds after its start it looks for somebody, and somebody looks for it.
      int ends = 0;
      auto other = members[random.below(members.size())];
      const auto sought = random.fixed<dht::Key>();
      swarm.on_outcome([&](Handle who, const dht::Outcome& outcome) {
        if (outcome.internal || (who != node && who != other)) return;
        ++ends;
        auto truth = who == other ? std::vector<Handle>{node}
                                  : population.nearest(sought, 1, [&](const Population::Person& p) {
                                      return p.live && p.role == Role::honest;
                                    });
        found += std::find(outcome.closest.begin(), outcome.closest.end(), truth[0]) != outcome.closest.end();
      });
      swarm.core(node)->find(sought, swarm.now());
      swarm.core(other)->find(population.position(node), swarm.now());
      finds += 2;
      swarm.pump(node);
      swarm.pump(other);
      swarm.run_while([&] { return ends < 2; }, swarm.now() + std::chrono::seconds(30));
      swarm.on_outcome({});
    }
    std::string name = std::string(way.name) + ": ";
    report.percentiles(name + "joined", joined_ms, "ms", {}, {}, Report::at_most(5000));
    report.share(name + "finds and is found at 5 s", found, finds,
                 goals ? std::optional(Report::at_least(99)) : std::nullopt);
    note(name + "done");
  }
}

}  // namespace conclave::sim
