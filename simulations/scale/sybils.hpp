#pragma once
/// Colluding identities, each with an actor's own code: what they say to whoever asks.
#include "simulations/scale/swarm.hpp"

namespace conclave::sim {

/// What a colluder answers when asked who is near a key.
enum class Lie {
  fixed,      ///< the same twenty colluders, whatever the key
  fresh,      ///< the twenty colluders nearest to the key
  plausible,  ///< colluders at such distances as an honest list would have, so that no check of one answer
              ///< tells
  silent,     ///< nothing at all
};
Lie lie_from(const std::string& word);

/// Asked for entries, they give an old version where they know one (`hide_behind`), and junk.
class Sybils : public Adversary {
 public:
  Sybils(Lie lie, std::uint64_t seed) : lie_(lie), random_(seed, 0x5b11) {}
  /// After the population has settled.
  void know(const Population& population);

  std::optional<dht::Response> answer(Swarm& swarm, dht::Handle self, dht::Handle from,
                                      const dht::Request& request) override;

  /// An entry that really was published once, and has been replaced since.
  void hide_behind(dht::RecordPtr old) { old_[old->point] = std::move(old); }
  /// Entries of our own with no meaning, as large as they may be, to fill answers with.
  void junk_at(const dht::Key& point, std::vector<dht::RecordPtr> junk) { junk_[point] = std::move(junk); }
  std::uint64_t asked() const { return asked_; }

 protected:
  void tell(Swarm& swarm, dht::Handle self, const dht::Key& target, dht::Contacted& out);

 private:
  void tell_plausibly(Swarm& swarm, dht::Handle self, const dht::Key& target, dht::Contacted& out);
  Lie lie_;
  SeededRandom random_;
  std::vector<dht::Handle> ours_;  ///< by position
  std::map<dht::Key, dht::RecordPtr> old_;
  std::map<dht::Key, std::vector<dht::RecordPtr>> junk_;
  std::uint64_t asked_ = 0;
};

/// `count` identities nearer to `key` than any honest node, each in its own network or, with `networks`
/// given, shared out among these.
void add_best_placed(Population& population, const dht::Key& key, std::size_t count, double nearest_share,
                     const std::vector<std::uint32_t>& addresses, Random& random);

}  // namespace conclave::sim
