/// Somebody wants the nodes around a key to have no room for it: from a few addresses in each of many
/// networks it fills their stores with entries at points near by, all of them genuine. Then the person
/// publishes, and is looked for.
#include "simulations/scale/meeting.hpp"
#include "simulations/scale/sybils.hpp"

#include <cmath>

namespace conclave::sim {

using dht::Handle;

void scenario_flood(const Options& options, Report& report) {
  const auto keys = static_cast<std::uint64_t>(options.number("keys", 10));
  const auto reads = static_cast<std::uint64_t>(options.number("reads", 10'000));
  const auto networks = static_cast<std::size_t>(options.number("networks", 64));
  const auto puts = static_cast<std::uint64_t>(options.number("puts", 6'000));
  auto parameters = parameters_from(options);
  parameters.upkeep = false;
  parameters.records_max = static_cast<std::size_t>(options.number("records", 4'096));

  ReadBack all;
  Sample holders, full;
  for (std::uint64_t world = 0; world < keys; ++world) {
    SeededRandom random(options.seed, (world << 16) + 11);
    Population population;
    population.add_random(options.nodes, Role::honest, random);
    // Four addresses in each wide network, two to a /24; clients: they ask and are not asked.
    for (std::size_t i = 0; i < networks; ++i) {
      const auto wide = static_cast<std::uint32_t>(random.below(1u << 16)) << 16;
      for (std::uint32_t host = 0; host < 4; ++host)
        population.add(
            {random.fixed<dht::Key>(), networks_of(wide | (host / 2) << 8 | host), Role::client, true});
    }
    population.settle();
    Swarm swarm(population, parameters, links_from(options), options.seed);
    still_world(swarm, 0, random);
    std::vector<Handle> theirs;
    for (std::uint32_t i = 0; i < population.size(); ++i)
      if (population.at(Handle(i)).role == Role::client) theirs.push_back(Handle(i));

    // Points so near to the key that the same nodes stand around them.
    const auto attacked = random.fixed<dht::Key>();
    const int bits = static_cast<int>(std::ceil(std::log2(static_cast<double>(options.nodes)))) + 3;
    std::uint64_t started = 0, done = 0;
    swarm.on_outcome([&](Handle, const dht::Outcome&) { ++done; });
    while (done < puts) {
      while (started < puts && started - done < 200) {
        Handle node = theirs[started % theirs.size()];
        auto point = dht::random_at_prefix(attacked, bits, random);
        swarm.give_experience(node);
        swarm.core(node)->put(make_record(point, random.fixed<SigningPublicKey>(), 1,
                                          swarm.wall() + std::chrono::hours(48), 1000),
                              swarm.now());
        ++started;
        swarm.at(swarm.now(), [&swarm, node] { swarm.pump(node); });
      }
      const auto before = done;
      swarm.run_while([&] { return done == before; });
    }
    swarm.on_outcome({});
    for (Handle node : population.nearest(attacked, parameters.k,
                                          [](const Population::Person& p) { return p.role == Role::honest; }))
      if (auto* store = swarm.core(node)->store())
        full.add(100.0 * static_cast<double>(store->size()) / static_cast<double>(parameters.records_max));
    for (Handle node : theirs) swarm.put_down(node);
    auto published = publish_entries(swarm, 1, random, {attacked});
    holders.add(published.stored.mean());
    auto read = read_entries(swarm, published.records, reads / keys, random);
    all.tries += read.tries;
    all.right += read.right;
    if (auto broken = swarm.broken(1)) report.violation(*broken);
    note("key " + std::to_string(world + 1) + ": " + std::to_string(read.right) + " of " +
         std::to_string(read.tries));
  }
  report.share("reads right", all.right, all.tries, Report::at_least(100));
  report.figure("stores of the nearest, full, mean", full.mean(), "%");
  report.figure("nodes that took the person's entry, mean", holders.mean());
}

}  // namespace conclave::sim
