#include "simulations/scale/churn.hpp"
#include "simulations/scale/settings.hpp"
#include "simulations/scale/sybils.hpp"

#include <cmath>
#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

using namespace conclave;
using namespace conclave::sim;
using namespace std::chrono_literals;

namespace {

TEST(Population, nearest_is_what_sorting_everybody_gives) {
  SeededRandom random(1);
  Population population;
  population.add_random(3000, Role::honest, random);
  population.settle();
  auto everybody = [](const Population::Person&) { return true; };
  for (int i = 0; i < 200; ++i) {
    auto target = random.fixed<dht::Key>();
    std::vector<std::pair<dht::Distance, std::uint32_t>> all;
    for (std::uint32_t p = 0; p < population.size(); ++p)
      all.emplace_back(dht::distance(population.position(dht::Handle(p)), target), p);
    std::sort(all.begin(), all.end());
    auto found = population.nearest(target, 20, everybody);
    ASSERT_EQ(found.size(), 20u);
    for (std::size_t rank = 0; rank < 20; ++rank) EXPECT_EQ(found[rank].raw(), all[rank].second);
  }
}

TEST(Links, round_trips_are_symmetric_and_have_the_median_asked_for) {
  Links links({}, 7), king(LinkModel::king(), 7);
  Sample ours, theirs;
  for (std::uint32_t a = 0; a < 200; ++a)
    for (std::uint32_t b = 0; b < a; ++b) {
      EXPECT_EQ(links.rtt(dht::Handle(a), dht::Handle(b)), links.rtt(dht::Handle(b), dht::Handle(a)));
      ours.add(static_cast<double>(links.rtt(dht::Handle(a), dht::Handle(b)).count()) / 1000);
      theirs.add(static_cast<double>(king.rtt(dht::Handle(a), dht::Handle(b)).count()) / 1000);
    }
  EXPECT_NEAR(ours.percentile(50), 80, 2);
  EXPECT_NEAR(ours.percentile(97.72), 80 * std::exp(2 * 0.6), 10) << "two sigma";
  EXPECT_NEAR(theirs.percentile(50), 159, 4);
  EXPECT_NEAR(theirs.mean(), 180, 4);
}

TEST(Wilson, agrees_with_the_textbook) {
  auto none = Wilson::of(0, 10'000);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.000384, 1e-6);
  auto half = Wilson::of(50, 100);
  EXPECT_NEAR(half.low, 0.4038, 1e-4);
  EXPECT_NEAR(half.high, 0.5962, 1e-4);
}

/// What a network found out, in numbers: joins against the fast start.
Measured measured(bool joins, std::uint64_t seed, std::uint32_t nodes, Sample& tables) {
  SeededRandom random(seed);
  Population population;
  population.add_random(nodes, Role::honest, random);
  population.settle();
  dht::Parameters parameters;
  parameters.upkeep = joins;
  Swarm swarm(population, parameters, {}, seed);
  if (joins) {
    self_bootstrap(swarm, 20ms, 2min);
  } else {
    for (std::uint32_t i = 0; i < nodes; ++i) swarm.wake_up(dht::Handle(i));
    swarm.fast_start(0, nodes);
  }
  for (std::uint32_t i = 0; i < nodes; ++i)
    tables.add(static_cast<double>(swarm.core(dht::Handle(i))->table().size()));
  auto out = measure_lookups(swarm, {.lookups = std::min(nodes, 2000u), .at_once = 20, .trace = ""}, nullptr);
  EXPECT_FALSE(swarm.broken(1));
  return out;
}

/// With CONCLAVE_JOINS=10000 at that size, which takes minutes.
TEST(Swarm, the_fast_start_is_like_real_joins) {
  const char* wanted = std::getenv("CONCLAVE_JOINS");
  const auto nodes = wanted ? static_cast<std::uint32_t>(std::stoul(wanted)) : 200u;
  Sample joined_tables, fast_tables;
  auto joined = measured(true, 1, nodes, joined_tables), fast = measured(false, 1, nodes, fast_tables);
  EXPECT_GE(joined.all * 1000, joined.tries * 999);
  EXPECT_GE(fast.all * 1000, fast.tries * 999);
  for (auto& [name, out, tables] :
       {std::tuple("joins", &joined, &joined_tables), std::tuple("fast start", &fast, &fast_tables)})
    std::cout << name << ": " << out->all << " of " << out->tries << " right, hops p50 "
              << out->hops.percentile(50) << ", messages " << out->asks.mean() << ", p50 "
              << out->took_ms.percentile(50) << " ms, table " << tables->mean() << "\n";
  EXPECT_EQ(joined.hops.percentile(50), fast.hops.percentile(50));
  EXPECT_NEAR(joined.asks.mean(), fast.asks.mean(), 0.1 * fast.asks.mean());
  EXPECT_NEAR(joined.took_ms.percentile(50), fast.took_ms.percentile(50), 0.15 * fast.took_ms.percentile(50));
  EXPECT_NEAR(joined_tables.mean(), fast_tables.mean(), 0.1 * fast_tables.mean());
}

TEST(Swarm, the_same_seed_is_the_same_run) {
  auto run = [](std::uint64_t seed) {
    Sample tables;
    auto out = measured(true, seed, 60, tables);
    return std::tuple(out.took_ms.sorted(), out.asks.sorted(), tables.sorted());
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(Sybils, a_forged_record_is_not_believed) {
  SeededRandom random(1);
  auto genuine = make_record(random.fixed<dht::Key>(), random.fixed<SigningPublicKey>(), 3, UnixTime{9});
  IdentityTags trust;
  EXPECT_TRUE(trust.genuine(*genuine, {}));
  auto forged = *genuine;
  forged.sequence = 4;
  EXPECT_FALSE(trust.genuine(forged, {}));
}

}  // namespace
