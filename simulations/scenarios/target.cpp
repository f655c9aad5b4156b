/// An attacker who knows a person's public key, and so every future meeting point of hers, has 50 addresses
/// in 10 networks. Each day it works for new identities next to that day's key, fills the point with junk
/// from all its networks before she comes, and shows readers yesterday's version. Three days; then the
/// readers are counted.
#include "simulations/scale/meeting.hpp"
#include "simulations/scale/sybils.hpp"

namespace conclave::sim {

using dht::Handle;

void scenario_target(const Options& options, Report& report) {
  const auto accounts = static_cast<std::size_t>(options.number("accounts", 20));
  const auto days = static_cast<std::size_t>(options.number("days", 3));
  const auto addresses_count = static_cast<std::size_t>(options.number("addresses", 50));
  const auto networks = static_cast<std::size_t>(options.number("networks", 10));
  const auto reads = static_cast<std::uint64_t>(options.number("reads", 10'000));
  auto parameters = parameters_from(options);
  parameters.upkeep = false;

  SeededRandom random(options.seed, 9);
  std::vector<std::uint32_t> addresses;
  for (std::size_t i = 0; i < addresses_count; ++i) {
    if (i < networks) {
      addresses.push_back(static_cast<std::uint32_t>(random.below(1ull << 32)) & ~0xffu);
    } else {
      addresses.push_back(addresses[i % networks] + static_cast<std::uint32_t>(i / networks));
    }
  }
  Population population;
  population.add_random(options.nodes, Role::honest, random);
  std::vector<dht::Key> points;
  for (std::size_t i = 0; i < accounts * days; ++i) {
    points.push_back(random.fixed<dht::Key>());
    add_best_placed(population, points.back(), addresses_count, 0.05 / static_cast<double>(options.nodes),
                    addresses, random);
  }
  population.settle();
  Sybils attacker(lie_from(options.word("lie", "fresh")), options.seed);
  attacker.know(population);
  std::vector<Handle> theirs;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    if (population.at(Handle(i)).role == Role::adversary) theirs.push_back(Handle(i));
  Swarm swarm(population, parameters, links_from(options), options.seed);
  swarm.set_adversary(&attacker);
  still_world(swarm, 0, random);
  // Its identities also act: with cores of their own they put junk, while others see only what they are told.
  for (Handle node : theirs) swarm.wake_up(node);
  swarm.fast_start(0, static_cast<std::uint32_t>(population.size()));
  note("built");

  ReadBack all;
  std::uint64_t junk_kept = 0, junk_tried = 0;
  for (std::size_t day = 0; day < days; ++day) {
    std::vector<dht::RecordPtr> records;
    for (std::size_t account = 0; account < accounts; ++account) {
      auto& point = points[day * accounts + account];
      // First the junk: two from each address, from a node that stands in that address' network.
      std::vector<dht::RecordPtr> junk;
      std::uint64_t open = 0;
      swarm.on_outcome([&](Handle, const dht::Outcome& outcome) { --open, junk_kept += outcome.stored; });
      for (std::size_t i = 0; i < 2 * addresses_count; ++i) {
        Handle node = theirs[random.below(theirs.size())];
        junk.push_back(make_record(point, random.fixed<SigningPublicKey>(), 1,
                                   swarm.wall() + std::chrono::hours(47), 1000));
        swarm.core(node)->put(junk.back(), swarm.now());
        ++open, ++junk_tried;
        swarm.pump(node);
      }
      swarm.run_while([&] { return open > 0; });
      swarm.on_outcome({});
      attacker.junk_at(point, std::move(junk));
      auto old = publish_entries(swarm, 1, random, {point}).records[0];
      attacker.hide_behind(old);
      records.push_back(make_record(point, old->publisher, 2, old->expires));
      std::uint64_t done = 0;
      swarm.on_outcome([&](Handle, const dht::Outcome&) { ++done; });
      auto node = Handle(0);
      do node = random_node(swarm, random);
      while (population.at(node).role != Role::honest);
      swarm.give_experience(node);
      swarm.core(node)->put(records.back(), swarm.now());
      swarm.pump(node);
      swarm.run_while([&] { return done == 0; });
      swarm.on_outcome({});
    }
    auto read = read_entries(swarm, records, reads / days + (day < reads % days), random, options.traced(),
                             &report, all.tries);
    all.tries += read.tries;
    all.right += read.right;
    for (double value : read.first_ms.sorted()) all.first_ms.add(value);
    for (double value : read.asks.sorted()) all.asks.add(value);
    note("day " + std::to_string(day + 1) + ": " + std::to_string(read.right) + " of " +
         std::to_string(read.tries));
    swarm.run_until(swarm.now() + std::chrono::hours(24));
  }
  report.share("reads right", all.right, all.tries, Report::at_least(100));
  report.percentiles("first right entry", all.first_ms, "ms");
  report.figure("messages of a read", all.asks.mean());
  report.figure("nodes that took a piece of junk, mean",
                static_cast<double>(junk_kept) / static_cast<double>(std::max<std::uint64_t>(junk_tried, 1)));
  if (auto broken = swarm.broken(3)) report.violation(*broken);
}

}  // namespace conclave::sim
