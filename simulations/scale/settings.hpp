#pragma once
/// What every scenario at scale lets the command line change, and how lookups are measured against the truth.
#include "simulations/scale/swarm.hpp"
#include "simulations/scenario.hpp"

namespace conclave::sim {

/// Defences (`--set paths=1`, `diversity=0`, …) and numbers of the DHT.
dht::Parameters parameters_from(const Options& options, dht::Parameters usual = {});
/// Delay and loss (`--set rtt=king`, `rtt_ms`, `sigma`, `jitter_ms`, `loss` in percent).
LinkModel links_from(const Options& options, LinkModel usual = {});
/// The rule of go-libp2p and js-libp2p as a comparison: one path, no region, no check of answers or networks.
dht::Parameters plain_rule(dht::Parameters parameters);

/// Whom lookups start from: a live honest node with a core.
dht::Handle random_node(Swarm& swarm, Random& random);

/// Everybody joins by their own searches, one after the other, each told of one who is in; then time to
/// settle.
void self_bootstrap(Swarm& swarm, Duration between, Duration settle);

struct Measured {
  std::uint64_t tries = 0;
  std::uint64_t all = 0;                       ///< every live honest node among the k nearest was found
  std::uint64_t nearest = 0;                   ///< the nearest live honest one was
  std::uint64_t honest = 0, honest_found = 0;  ///< node by node
  std::uint64_t escalated = 0;
  Sample hops, asks, took_ms;
};

struct Trial {
  std::uint64_t lookups = 10'000;
  std::size_t at_once = 200;
  std::string trace;  ///< as in Options
  dht::Lookup::Wait wait = dht::Lookup::Wait::all;
};

/// Lookups of random keys from random nodes, held against the truth.
Measured measure_lookups(Swarm& swarm, const Trial& trial, Report* report);

}  // namespace conclave::sim
