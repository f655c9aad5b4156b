/// Somebody stands next to a key, with 10 to 200 identities nearer than any honest node, and wants nobody to
/// read what was published there last: they lie about who is near, take every entry and keep none, and answer
/// with the version before, and with junk.
#include "simulations/scale/meeting.hpp"
#include "simulations/scale/sybils.hpp"

namespace conclave::sim {

namespace {

struct Attacked {
  ReadBack read;
  Published put;
};

/// One network and one attacked key in it, `identities` around it; the results are added to `out`.
void attack(const Options& options, const dht::Parameters& parameters, std::size_t identities,
            std::uint64_t world, std::uint64_t reads, const std::string& trace, Attacked& out,
            Report& report) {
  SeededRandom random(options.seed, (world << 16) + identities);
  Population population;
  population.add_random(options.nodes, Role::honest, random);
  // Twenty times nearer than honest nodes stand from each other: nearest of all, next to nearly every key.
  const double reach = options.number("reach", 0.05) / static_cast<double>(options.nodes);
  const auto attacked = random.fixed<dht::Key>();
  add_best_placed(population, attacked, identities, reach, {}, random);
  population.settle();
  Sybils colluders(lie_from(options.word("lie", "fresh")), options.seed);
  colluders.know(population);
  Swarm swarm(population, parameters, links_from(options), options.seed);
  swarm.set_adversary(&colluders);
  still_world(swarm, 0, random);

  auto before = publish_entries(swarm, 1, random, {attacked});
  for (auto& record : before.records) {
    colluders.hide_behind(record);
    std::vector<dht::RecordPtr> junk;
    for (int i = 0; i < 30; ++i)
      junk.push_back(make_record(record->point, random.fixed<SigningPublicKey>(), 1,
                                 swarm.wall() + std::chrono::hours(20), 1000));
    colluders.junk_at(record->point, std::move(junk));
  }
  // The publishers say something new; only that counts.
  std::vector<dht::RecordPtr> records;
  std::uint64_t done = 0;
  swarm.on_outcome([&](dht::Handle, const dht::Outcome& outcome) {
    ++done;
    out.put.stored.add(outcome.stored);
    out.put.asks.add(outcome.asks);
  });
  for (auto& old : before.records) {
    records.push_back(make_record(old->point, old->publisher, 2, old->expires));
    auto node = random_node(swarm, random);
    swarm.give_experience(node);
    swarm.core(node)->put(records.back(), swarm.now());
    swarm.pump(node);
  }
  swarm.run_while([&] { return done < records.size(); });
  swarm.on_outcome({});
  auto read = read_entries(swarm, records, reads, random, trace, &report);
  out.read.tries += read.tries;
  out.read.right += read.right;
  for (double value : read.first_ms.sorted()) out.read.first_ms.add(value);
  for (double value : read.asks.sorted()) out.read.asks.add(value);
  if (auto broken = swarm.broken(17)) report.violation(*broken);
}

}  // namespace

void scenario_eclipse(const Options& options, Report& report) {
  const auto keys = static_cast<std::uint64_t>(options.number("keys", 20));
  const auto reads = static_cast<std::uint64_t>(options.number("reads", 10'000));
  const auto only = static_cast<std::size_t>(options.number("identities", 0));
  auto parameters = parameters_from(options);
  parameters.upkeep = false;
  for (std::size_t identities : {10, 20, 50, 100, 200}) {
    if (only != 0 && identities != only) continue;
    auto name = std::to_string(identities) + " identities: ";
    Attacked attacked, plain;
    for (std::uint64_t world = 0; world < keys; ++world) {
      attack(options, parameters, identities, world, reads / keys, world == 0 ? options.traced() : "",
             attacked, report);
      if (world < std::max<std::uint64_t>(1, keys / 4))
        attack(options, plain_rule(parameters), identities, world, reads / keys, "", plain, report);
    }
    report.share(name + "reads right", attacked.read.right, attacked.read.tries, Report::at_least(100));
    report.share(name + "plain rule, reads right", plain.read.right, plain.read.tries);
    const double times = attacked.put.stored.mean() / parameters.k;
    report.figure(name + "stores, times k", times, "",
                  identities == 20 ? std::optional(Report::at_most(2.2)) : std::nullopt);
    report.figure(name + "messages of a put", attacked.put.asks.mean());
    report.figure(name + "messages of a read", attacked.read.asks.mean());
    report.percentiles(name + "first right entry", attacked.read.first_ms, "ms");
    note(name + "done");
  }
}

}  // namespace conclave::sim
