#include "simulations/scale/settings.hpp"

#include "crypto/ensure.hpp"

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

namespace {

/// Tells one lookup: who was asked when, what it said, why the search stopped.
class Trace {
 public:
  Trace(const std::string& wanted, Report* report) : report_(report) {
    if (wanted.starts_with("lookup=")) index_ = std::stoull(wanted.substr(7));
  }
  bool wants(std::uint64_t lookup) const { return report_ && index_ == lookup; }
  void start(Swarm& swarm, Handle node, dht::OperationId id, const dht::Key& target) {
    node_ = node, id_ = id, target_ = target, started_ = swarm.now();
    report_->line(fmt::format("trace: node {} searches {}", node.raw(), hex(target.view().first(8))));
  }
  void asked(Swarm& swarm, Handle node, dht::OperationId id, Handle to, const dht::Response* response,
             TimePoint sent) {
    if (node != node_ || id != id_ || id_ == dht::OperationId{}) return;
    auto bits = [&](Handle h) {
      return dht::distance(swarm.population().position(h), target_).common_bits();
    };
    auto ms = [&](TimePoint t) { return static_cast<double>((t - started_).count()) / 1000; };
    std::string said = "no answer";
    if (response) {
      int best = 0;
      for (Handle contact : response->contacts) best = std::max(best, bits(contact));
      said = fmt::format("{} contacts, best shares {} bits", response->contacts.size(), best);
    }
    report_->line(fmt::format(
        "  {:8.1f} ms  asked {:>8} ({:>3} bits{})  {:8.1f} ms  {}", ms(sent), to.raw(), bits(to),
        swarm.population().at(to).role == Role::adversary ? ", adversary" : "", ms(swarm.now()), said));
  }
  void end(const dht::Outcome& outcome, bool right) {
    report_->line(fmt::format("  ended after {:.1f} ms and {} questions: {} found, {}{}",
                              static_cast<double>(outcome.took.count()) / 1000, outcome.asks,
                              outcome.closest.size(), right ? "right" : "WRONG",
                              outcome.escalated ? ", escalated" : ""));
    id_ = {};
  }

 private:
  Report* report_;
  std::optional<std::uint64_t> index_;
  Handle node_ = dht::no_handle;
  dht::OperationId id_{};
  dht::Key target_;
  TimePoint started_{};
};

}  // namespace

Measured measure_lookups(Swarm& swarm, const Trial& trial, Report* report) {
  Measured out;
  Trace trace(trial.trace, report);
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
      if (trace.wants(started)) trace.start(swarm, node, id, target);
      ++started, ++open;
      swarm.at(swarm.now(), [&swarm, node] { swarm.pump(node); });
    }
  };
  swarm.on_ask([&](Handle node, dht::OperationId id, Handle to, const dht::Request&,
                   const dht::Response* response,
                   TimePoint sent) { trace.asked(swarm, node, id, to, response, sent); });
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
  swarm.on_ask({});
  ensure(out.tries == trial.lookups, "every lookup ends");
  return out;
}

}  // namespace conclave::sim
