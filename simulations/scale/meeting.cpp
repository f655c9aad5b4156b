#include "simulations/scale/meeting.hpp"

#include "crypto/ensure.hpp"
#include "simulations/scale/trace.hpp"

namespace conclave::sim {

using dht::Handle;

namespace {
double ms(Duration time) { return static_cast<double>(time.count()) / 1000; }
}  // namespace

void still_world(Swarm& swarm, std::size_t gone, Random& random) {
  auto& population = swarm.population();
  const auto all = static_cast<std::uint32_t>(population.size());
  for (std::uint32_t i = 0; i < all; ++i)
    if (population.at(Handle(i)).role != Role::adversary) swarm.wake_up(Handle(i));
  swarm.fast_start(0, all);
  for (std::size_t i = 0; i < gone; ++i) {
    auto node = random_node(swarm, random);
    population.at(node).live = false;
    swarm.put_down(node);
  }
}

dht::RecordPtr make_record(const dht::Key& point, const SigningPublicKey& publisher, std::uint64_t sequence,
                           UnixTime expires, std::size_t size) {
  auto record = std::make_shared<dht::Record>();
  record->point = point;
  record->publisher = publisher;
  record->sequence = sequence;
  record->expires = expires;
  record->size = static_cast<std::uint16_t>(size);
  record->wire = IdentityTags::tag(*record);
  return record;
}

Published publish_entries(Swarm& swarm, std::uint64_t count, Random& random,
                          const std::vector<dht::Key>& points) {
  Published out;
  std::uint64_t started = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> open;
  auto begin = [&] {
    while (open.size() < 50 && started < count) {
      Handle node = random_node(swarm, random);
      auto& core = *swarm.core(node);
      if (core.operations() > 8) continue;
      swarm.give_experience(node);
      auto point = started < points.size() ? points[started] : random.fixed<dht::Key>();
      auto record =
          make_record(point, random.fixed<SigningPublicKey>(), 1, swarm.wall() + std::chrono::hours(24));
      out.records.push_back(record);
      auto id = core.put(record, swarm.now());
      open[{node.raw(), id.raw()}] = true;
      ++started;
      swarm.at(swarm.now(), [&swarm, node] { swarm.pump(node); });
    }
  };
  swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) {
    if (open.erase({node.raw(), outcome.id.raw()}) == 0) return;
    ++out.tries;
    const bool durable = outcome.stored * 2 >= swarm.parameters().k;
    out.durable += durable;
    if (durable) out.first_ms.add(ms(outcome.first));
    out.took_ms.add(ms(outcome.took));
    out.stored.add(outcome.stored);
    out.asks.add(outcome.asks);
    begin();
  });
  begin();
  swarm.run_while([&] { return out.tries < count; });
  swarm.on_outcome({});
  ensure(out.tries == count, "every put ends");
  return out;
}

ReadBack read_entries(Swarm& swarm, const std::vector<dht::RecordPtr>& records, std::uint64_t count,
                      Random& random, const std::string& trace, Report* report, std::uint64_t first) {
  constexpr std::size_t at_once = 100;
  ReadBack out;
  Trace tracing(swarm, trace, report);
  struct Reading {
    dht::RecordPtr wanted;
    TimePoint started;
    std::uint64_t number;
    bool found = false;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Reading> open;
  std::uint64_t started = 0;
  auto begin = [&] {
    while (open.size() < at_once && started < count) {
      Handle node = random_node(swarm, random);
      auto& core = *swarm.core(node);
      if (core.operations() > 8) continue;
      swarm.give_experience(node);
      auto& wanted = records[started % records.size()];
      auto id = core.get(wanted->point, swarm.moment(node));
      open[{node.raw(), id.raw()}] = {wanted, swarm.now(), first + started, false};
      if (tracing.wants(first + started)) tracing.start(node, id, wanted->point);
      ++started;
      swarm.at(swarm.now(), [&swarm, node] { swarm.pump(node); });
    }
  };
  swarm.on_found([&](Handle node, const dht::Found& found) {
    auto reading = open.find({node.raw(), found.id.raw()});
    if (reading == open.end() || reading->second.found) return;
    auto& wanted = *reading->second.wanted;
    if (found.record->publisher != wanted.publisher || found.record->sequence < wanted.sequence) return;
    reading->second.found = true;
    out.first_ms.add(ms(swarm.now() - reading->second.started));
  });
  swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) {
    auto reading = open.find({node.raw(), outcome.id.raw()});
    if (reading == open.end()) return;
    ++out.tries;
    out.right += reading->second.found;
    if (!reading->second.found && !out.missed++)
      note("read " + std::to_string(reading->second.number) + " is the first that missed its entry");
    out.took_ms.add(ms(outcome.took));
    out.asks.add(outcome.asks);
    if (tracing.wants(reading->second.number)) tracing.end(outcome, reading->second.found);
    open.erase(reading);
    begin();
  });
  begin();
  swarm.run_while([&] { return out.tries < count; });
  swarm.on_outcome({});
  swarm.on_found({});
  ensure(out.tries == count, "every read ends");
  return out;
}

}  // namespace conclave::sim
