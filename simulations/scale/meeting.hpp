#pragma once
/// Publishing and reading at scale, measured: is the newest entry of a meeting point found, and after how
/// long?
#include "simulations/scale/settings.hpp"

namespace conclave::sim {

/// Cores for everybody and tables by the fast start; then `gone` random nodes are no more, and nobody knows.
void still_world(Swarm& swarm, std::size_t gone, Random& random);

/// An entry as an honest publisher would make it, with an identity tag for its signature.
dht::RecordPtr make_record(const dht::Key& point, const SigningPublicKey& publisher, std::uint64_t sequence,
                           UnixTime expires, std::size_t size = 600);

struct Published {
  std::uint64_t tries = 0, durable = 0;
  std::vector<dht::RecordPtr> records;
  Sample first_ms, took_ms, stored, asks;
};
/// `count` entries at random meeting points, each put by a random node. With `points`, there.
Published publish_entries(Swarm& swarm, std::uint64_t count, Random& random,
                          const std::vector<dht::Key>& points = {});

struct ReadBack {
  std::uint64_t missed = 0;
  std::uint64_t tries = 0, right = 0;
  Sample first_ms, took_ms, asks;
};
/// `count` reads by random nodes of these entries in turn. Right: the very entry, in this or a newer version,
/// is among what was found. `trace` as in Options, told to `report`; the reads are numbered from `first` on.
ReadBack read_entries(Swarm& swarm, const std::vector<dht::RecordPtr>& records, std::uint64_t count,
                      Random& random, const std::string& trace = "", Report* report = nullptr,
                      std::uint64_t first = 0);

}  // namespace conclave::sim
