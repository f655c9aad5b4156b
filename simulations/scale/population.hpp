#pragma once
/// Everybody who ever stands in a simulated network: positions, addresses, roles. Sorted by position, so that
/// who is nearest to a key is known without asking anybody: the ground truth that lookups are measured
/// against.
#include "dht/directory.hpp"

namespace conclave::sim {

enum class Role : std::uint8_t { honest, adversary, client };

class Population final : public dht::Directory {
 public:
  struct Person {
    dht::Key position;
    dht::Networks networks;
    Role role = Role::honest;
    bool live = true;
  };

  /// `count` people at random positions, each in a /24 of its own unless chance (2^24 of them) wills
  /// otherwise.
  void add_random(std::size_t count, Role role, Random& random);
  void add(const Person& person) { people_.push_back(person); }
  /// After the last `add`: sorts. Handles are places in this order from here on.
  void settle();

  std::size_t size() const { return people_.size(); }
  Person& at(dht::Handle handle) { return people_[handle.raw()]; }
  const Person& at(dht::Handle handle) const { return people_[handle.raw()]; }
  const dht::Key& position(dht::Handle handle) const override { return people_[handle.raw()].position; }
  /// A million people do not fit into the cache: tells the processor that this one is asked for soon.
  void announce(dht::Handle handle) const {
    const auto* person = reinterpret_cast<const char*>(&people_[handle.raw()]);
    __builtin_prefetch(person);
    __builtin_prefetch(person + sizeof(Person) - 1);
  }
  dht::Networks networks(dht::Handle handle) const override { return people_[handle.raw()].networks; }

  /// The `count` nearest to `target` of those for whom `counts(person)`, nearest first.
  template <class Counts>
  std::vector<dht::Handle> nearest(const dht::Key& target, std::size_t count, Counts&& counts) const;
  /// The handles [first, second) of those who share the first `bits` bits with `key`.
  std::pair<std::uint32_t, std::uint32_t> sharing(const dht::Key& key, int bits) const;
  /// Halves [first, last), who all share `bit` bits: where those begin whose next bit is one.
  std::uint32_t split(std::uint32_t first, std::uint32_t last, int bit) const;

 private:
  std::vector<Person> people_;
};

/// A random /24 and its /16, as a real node would see them.
dht::Networks random_networks(Random& random);
dht::Networks networks_of(std::uint32_t ip);

template <class Counts>
std::vector<dht::Handle> Population::nearest(const dht::Key& target, std::size_t count,
                                             Counts&& counts) const {
  // The smallest prefix of the target that enough people share: nobody outside is nearer than anybody inside.
  std::vector<std::pair<dht::Distance, dht::Handle>> found;
  int bits = 0;
  for (std::size_t all = size(); all > 4 * count && bits < 120; ++bits) {
    auto [first, last] = sharing(target, bits + 1);
    all = last - first;
    if (all < count) break;
  }
  for (;; --bits) {
    found.clear();
    auto [first, last] = sharing(target, bits);
    for (auto i = first; i < last; ++i)
      if (counts(people_[i])) found.emplace_back(dht::distance(people_[i].position, target), dht::Handle(i));
    if (found.size() >= count || bits == 0) break;
  }
  std::sort(found.begin(), found.end());
  if (found.size() > count) found.resize(count);
  std::vector<dht::Handle> out;
  for (auto& [far, handle] : found) out.push_back(handle);
  return out;
}

}  // namespace conclave::sim
