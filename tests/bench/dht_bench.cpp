// What the DHT costs a node, beside the least that it could cost: an answer from the table beside a copy of
// its bytes, a whole lookup beside the questions it asks.
#include "crypto/hash.hpp"
#include "dht/position.hpp"
#include "dht/wire.hpp"
#include "simulations/scale/settings.hpp"

#include <benchmark/benchmark.h>

using namespace conclave;
using namespace conclave::dht;

namespace {

/// A network of 20 000 by the fast start, built once.
sim::Swarm& network() {
  static SeededRandom random(1);
  static sim::Population population = [] {
    sim::Population made;
    made.add_random(20'000, sim::Role::honest, random);
    made.settle();
    return made;
  }();
  static std::unique_ptr<sim::Swarm> swarm = [] {
    Parameters parameters;
    parameters.upkeep = false;
    auto made = std::make_unique<sim::Swarm>(population, parameters, sim::LinkModel{}, 1);
    for (std::uint32_t i = 0; i < 20'000; ++i) made->wake_up(Handle(i));
    made->fast_start(0, 20'000);
    return made;
  }();
  return *swarm;
}

void closest_twenty(benchmark::State& state) {
  auto& core = *network().core(Handle(777));
  SeededRandom random(2);
  for (auto _ : state) {
    Contacted out;
    core.table().closest(random.fixed<Key>(), 20, no_handle, out);
    benchmark::DoNotOptimize(out);
  }
}

void answer_a_find(benchmark::State& state) {
  auto& core = *network().core(Handle(777));
  SeededRandom random(2);
  Request request{.kind = Kind::find};
  for (auto _ : state) {
    request.target = random.fixed<Key>();
    benchmark::DoNotOptimize(core.on_request({Handle(5), {1, 1}}, request, {TimePoint{}, UnixTime{}}));
  }
}

WireResponse full_answer() {
  SeededRandom random(3);
  WireResponse response;
  response.kind = Kind::find;
  for (int i = 0; i < 20; ++i)
    response.contacts.push_back(
        {random.fixed<NodeKey>(), random.next(), {io::IpAddress::v4(20, 1, 2, 3), 4000}});
  return response;
}

void write_an_answer(benchmark::State& state) {
  auto response = full_answer();
  for (auto _ : state) benchmark::DoNotOptimize(encode(response));
}

void read_an_answer(benchmark::State& state) {
  auto bytes = encode(full_answer());
  for (auto _ : state) benchmark::DoNotOptimize(decode_response(bytes));
}

void copy_an_answer(benchmark::State& state) {
  auto bytes = encode(full_answer());
  for (auto _ : state) benchmark::DoNotOptimize(Bytes(bytes));
}

void check_the_work_of_twenty(benchmark::State& state) {
  auto contacts = full_answer().contacts;
  for (auto _ : state)
    for (auto& contact : contacts) {
      benchmark::DoNotOptimize(worked(contact.node, contact.nonce, 20));
      benchmark::DoNotOptimize(position_of(contact.node, contact.nonce));
    }
}

void lookup(benchmark::State& state) {
  auto& swarm = network();
  std::uint64_t questions = swarm.messages(), lookups = 0;
  for (auto _ : state) {
    auto measured = sim::measure_lookups(swarm, {.lookups = 100, .at_once = 20, .trace = ""}, nullptr);
    lookups += measured.tries;
    benchmark::DoNotOptimize(measured);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(lookups));
  state.counters["questions"] =
      static_cast<double>(swarm.messages() - questions) / static_cast<double>(lookups);
}

BENCHMARK(closest_twenty);
BENCHMARK(answer_a_find);
BENCHMARK(copy_an_answer);
BENCHMARK(write_an_answer);
BENCHMARK(read_an_answer);
BENCHMARK(check_the_work_of_twenty);
BENCHMARK(lookup)->Unit(benchmark::kMillisecond);

}  // namespace
