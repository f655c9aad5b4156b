#include "simulations/scale/settings.hpp"

#include "crypto/ensure.hpp"
#include "simulations/scale/trace.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace conclave::sim {

using dht::Handle;

dht::Parameters parameters_from(const Options& options, dht::Parameters p) {
  auto natural = [&](const char* name, unsigned& value) {
    value = static_cast<unsigned>(options.number(name, value));
  };
  if (options.flag("plain", false)) p = plain_rule(p);
  natural("k", p.k);
  natural("alpha", p.alpha);
  natural("beta", p.beta);
  natural("paths", p.paths);
  natural("paths_max", p.paths_max);
  p.leap_bits_max = static_cast<int>(options.number("leap", p.leap_bits_max));
  p.sparse_max = options.number("sparse", p.sparse_max);
  p.rim = options.flag("rim", p.rim);
  p.diversity = options.flag("diversity", p.diversity);
  p.verify = options.flag("verify", p.verify);
  p.prefer_old = options.flag("prefer_old", p.prefer_old);
  p.prefer_near = options.flag("prefer_near", p.prefer_near);
  p.tried_new = options.flag("tried_new", p.tried_new);
  p.anchors = options.flag("anchors", p.anchors);
  p.region = options.flag("region", p.region);
  p.fair_stores = options.flag("fair_stores", p.fair_stores);
  p.region_margin = options.number("region_margin", p.region_margin);
  return p;
}

LinkModel links_from(const Options& options, LinkModel model) {
  if (options.word("rtt", "lognormal") == "king") model = LinkModel::king();
  model.rtt_median_ms = options.number("rtt_ms", model.rtt_median_ms);
  model.rtt_sigma = options.number("sigma", model.rtt_sigma);
  model.jitter_ms = options.number("jitter_ms", model.jitter_ms);
  model.loss = options.number("loss", 100 * model.loss) / 100;
  return model;
}

dht::Parameters plain_rule(dht::Parameters p) {
  p.paths = p.paths_max = 1;
  p.leap_bits_max = 0;
  p.sparse_max = 0;
  p.rim = false;
  p.diversity = false;
  p.region = false;
  p.prefer_near = false;
  return p;
}

Handle random_node(Swarm& swarm, Random& random) {
  for (;;) {
    Handle node(static_cast<std::uint32_t>(random.below(swarm.population().size())));
    if (swarm.core(node) && swarm.population().at(node).live) return node;
  }
}

void self_bootstrap(Swarm& swarm, Duration between, Duration settle) {
  auto& population = swarm.population();
  std::vector<Handle> order, in;
  for (std::uint32_t i = 0; i < population.size(); ++i)
    if (population.at(Handle(i)).role != Role::adversary) order.push_back(Handle(i));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[swarm.random().below(i)]);
  for (Handle node : order) {
    auto& core = swarm.wake_up(node);
    if (!in.empty()) {
      Handle known[1] = {in[swarm.random().below(in.size())]};
      core.join(known, swarm.now());
    }
    swarm.pump(node);
    if (population.at(node).role == Role::honest) in.push_back(node);
    swarm.run_until(swarm.now() + between);
  }
  swarm.run_until(swarm.now() + settle);
}

Measured measure_lookups(Swarm& swarm, const Trial& trial, Report* report) {
  Measured out;
  Trace trace(swarm, trial.trace, report);
  SeededRandom random(swarm.random().next());
  std::uint64_t started = 0, open = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> numbers;
  auto begin = [&] {
    while (open < trial.at_once && started < trial.lookups) {
      Handle node = random_node(swarm, random);
      auto target = random.fixed<dht::Key>();
      auto& core = *swarm.core(node);
      if (core.operations() > 8) continue;
      swarm.give_experience(node);
      auto id = core.find(target, swarm.now(), trial.wait);
      numbers[{node.raw(), id.raw()}] = started;
      if (trace.wants(started)) trace.start(node, id, target);
      ++started, ++open;
      swarm.at(swarm.now(), [&swarm, node] { swarm.pump(node); });
    }
  };
  swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) {
    auto number = numbers.find({node.raw(), outcome.id.raw()});
    if (number == numbers.end()) return;  // upkeep's
    auto truth =
        swarm.population().nearest(outcome.target, swarm.parameters().k, [&](const Population::Person& p) {
          return p.live && p.role != Role::client && &p != &swarm.population().at(node);
        });
    std::set<Handle> found(outcome.closest.begin(), outcome.closest.end());
    bool all = true, nearest = true, first = true;
    for (Handle peer : truth) {
      if (swarm.population().at(peer).role == Role::adversary) continue;
      const bool there = found.contains(peer);
      all = all && there;
      if (first) nearest = there;
      first = false;
      ++out.honest;
      out.honest_found += there;
    }
    out.all += all;
    ++out.tries;
    out.nearest += nearest;
    out.escalated += outcome.escalated;
    out.hops.add(outcome.hops);
    out.asks.add(outcome.asks);
    out.took_ms.add(static_cast<double>(outcome.took.count()) / 1000);
    if (trace.wants(number->second)) trace.end(outcome, all);
    numbers.erase(number);
    --open;
    if (out.tries % 20'000 == 0) note(fmt::format("{} lookups, {} right", out.tries, out.all));
    begin();
  });
  begin();
  swarm.run_while([&] { return out.tries < trial.lookups; });
  swarm.on_outcome({});
  ensure(out.tries == trial.lookups, "every lookup ends");
  return out;
}

}  // namespace conclave::sim
