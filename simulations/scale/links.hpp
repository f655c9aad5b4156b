#pragma once
/// Delay and loss between any two of a million: nothing is stored per pair, all of it is drawn from the seed
/// and the two handles.
#include "crypto/random.hpp"
#include "crypto/time.hpp"
#include "dht/directory.hpp"

#include <array>

namespace conclave::sim {

struct LinkModel {
  /// Lognormal, median 80 ms, sigma 0.6: the design's assumption.
  double rtt_median_ms = 80;
  double rtt_sigma = 0.6;
  double jitter_ms = 4;  ///< each answer comes up to this much later
  double loss = 0;       ///< of a datagram; a question is repeated once, as transport/oneshot does
  /// The second set: round trips between 1740 name servers, the "King" data of MIT's p2psim (Gummadi, Saroiu,
  /// Gribble: King, IMW 2002; Dabek et al.: Vivaldi, SIGCOMM 2004), as the lognormal of its published median
  /// (159 ms) and mean (180 ms).
  static LinkModel king() { return {159, 0.498, 4, 0}; }
};

class Links {
 public:
  Links(const LinkModel& model, std::uint64_t seed);
  Duration rtt(dht::Handle a, dht::Handle b) const;
  const LinkModel& model() const { return model_; }

 private:
  LinkModel model_;
  std::uint64_t seed_;
  std::array<std::int32_t, 4096> quantiles_;  ///< microseconds
};

}  // namespace conclave::sim
