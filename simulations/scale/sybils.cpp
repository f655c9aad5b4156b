#include "simulations/scale/sybils.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace conclave::sim {

using dht::Handle;

Lie lie_from(const std::string& word) {
  if (word == "static") return Lie::fixed;
  if (word == "fresh") return Lie::fresh;
  if (word == "plausible") return Lie::plausible;
  if (word == "silent") return Lie::silent;
  throw std::runtime_error("--set lie=" + word + ": static, fresh, plausible or silent");
}

void Sybils::know(const Population& population) {
  for (std::uint32_t i = 0; i < population.size(); ++i)
    if (population.at(Handle(i)).role == Role::adversary) ours_.push_back(Handle(i));
}

void Sybils::tell(Swarm& swarm, Handle self, const dht::Key& target, dht::Contacted& out) {
  auto& population = swarm.population();
  if (lie_ == Lie::fixed) {
    for (std::size_t i = 0; i < std::min<std::size_t>(20, ours_.size()); ++i)
      if (ours_[i] != self) out.push(ours_[i]);
    return;
  }
  if (lie_ == Lie::plausible) return tell_plausibly(swarm, self, target, out);
  for (Handle fellow : population.nearest(target, 21, [&](const Population::Person& p) {
         return p.role == Role::adversary && p.live && &p != &population.at(self);
       }))
    out.push(fellow);
}

/// For each contact of an honest list a colluder that shares as many bits with the target as that one would:
/// one more than the liar must, with half of them another, and so on, up to what the checks allow.
void Sybils::tell_plausibly(Swarm& swarm, Handle self, const dht::Key& target, dht::Contacted& out) {
  auto& population = swarm.population();
  const int must = dht::distance(population.position(self), target).common_bits() + 1;
  for (int tries = 0; tries < 200 && !out.full(); ++tries) {
    int bits = must;
    // The first seven lean nearer, as near as an answer is believed to lead.
    if (out.size() < 7) {
      bits += 5 - static_cast<int>(out.size() / 2);
    } else {
      while (random_.next() & 1 && bits < must + 3) ++bits;
    }
    auto [first, last] = population.sharing(target, bits);
    if (first == last) continue;
    for (int i = 0; i < 20; ++i) {
      Handle chosen(first + static_cast<std::uint32_t>(random_.below(last - first)));
      if (population.at(chosen).role != Role::adversary || chosen == self ||
          std::find(out.begin(), out.end(), chosen) != out.end())
        continue;
      out.push(chosen);
      break;
    }
  }
}

std::optional<dht::Response> Sybils::answer(Swarm& swarm, Handle self, Handle, const dht::Request& request) {
  ++asked_;
  if (lie_ == Lie::silent) return std::nullopt;
  dht::Response response;
  response.kind = request.kind;
  response.token = 1;
  if (request.kind == dht::Kind::find || request.kind == dht::Kind::get)
    tell(swarm, self, request.target, response.contacts);
  if (request.kind == dht::Kind::get) {
    if (auto old = old_.find(request.point); old != old_.end()) response.records.push_back(old->second);
    if (auto junk = junk_.find(request.point); junk != junk_.end() && !junk->second.empty()) {
      response.records.push_back(junk->second[random_.below(junk->second.size())]);
      response.more = 30;  // and there is always more
    }
  }
  return response;  // a put is "stored"
}

void add_best_placed(Population& population, const dht::Key& key, std::size_t count, double nearest_share,
                     const std::vector<std::uint32_t>& addresses, Random& random) {
  for (std::size_t i = 0; i < count; ++i) {
    Population::Person person;
    // Anywhere nearer than `nearest_share`: the key with noise in what lies below that distance.
    auto near = dht::Distance::of_share(nearest_share * (0.02 + 0.98 * random.unit()));
    person.position = key;
    for (std::size_t byte = 0; byte < 8; ++byte)
      person.position.bytes[byte] ^= static_cast<Byte>(near.high >> (56 - 8 * byte));
    auto noise = random.fixed<dht::Key>();
    std::copy(noise.bytes.begin() + 8, noise.bytes.end(), person.position.bytes.begin() + 8);
    person.networks =
        addresses.empty() ? random_networks(random) : networks_of(addresses[i % addresses.size()]);
    person.role = Role::adversary;
    population.add(person);
  }
}

}  // namespace conclave::sim
