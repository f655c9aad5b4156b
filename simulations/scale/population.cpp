#include "simulations/scale/population.hpp"

#include <algorithm>

namespace conclave::sim {

dht::Networks networks_of(std::uint32_t ip) { return {1u << 24 | ip >> 8, 1u << 16 | ip >> 16}; }

dht::Networks random_networks(Random& random) {
  return networks_of(static_cast<std::uint32_t>(random.below(1ull << 32)));
}

void Population::add_random(std::size_t count, Role role, Random& random) {
  people_.reserve(people_.size() + count);
  for (std::size_t i = 0; i < count; ++i)
    people_.push_back({random.fixed<dht::Key>(), random_networks(random), role, true});
}

void Population::settle() {
  std::sort(people_.begin(), people_.end(),
            [](const Person& a, const Person& b) { return a.position < b.position; });
}

std::uint32_t Population::split(std::uint32_t first, std::uint32_t last, int bit) const {
  auto begin = people_.begin() + first, end = people_.begin() + last;
  auto byte = static_cast<std::size_t>(bit / 8);
  auto mask = static_cast<Byte>(0x80 >> (bit % 8));
  auto at =
      std::partition_point(begin, end, [&](const Person& p) { return !(p.position.bytes[byte] & mask); });
  return static_cast<std::uint32_t>(at - people_.begin());
}

std::pair<std::uint32_t, std::uint32_t> Population::sharing(const dht::Key& key, int bits) const {
  dht::Key low = key, high = key;
  for (int bit = bits; bit < 256; ++bit) {
    auto byte = static_cast<std::size_t>(bit / 8);
    if (bit % 8 == 0) {
      for (auto rest = byte; rest < 32; ++rest) low.bytes[rest] = 0, high.bytes[rest] = 0xff;
      break;
    }
    auto mask = static_cast<Byte>(0x80 >> (bit % 8));
    low.bytes[byte] = static_cast<Byte>(low.bytes[byte] & ~mask);
    high.bytes[byte] |= mask;
  }
  auto before = [](const Person& person, const dht::Key& k) { return person.position < k; };
  auto after = [](const dht::Key& k, const Person& person) { return k < person.position; };
  auto first = std::lower_bound(people_.begin(), people_.end(), low, before);
  auto last = std::upper_bound(first, people_.end(), high, after);
  return {static_cast<std::uint32_t>(first - people_.begin()),
          static_cast<std::uint32_t>(last - people_.begin())};
}

}  // namespace conclave::sim
