#pragma once
/// What a core is given from outside. One per real node; shared by all nodes of a simulated world.
#include "crypto/random.hpp"
#include "dht/messages.hpp"
#include "dht/parameters.hpp"

namespace conclave::dht {

struct Surroundings {
  const Parameters& parameters;
  const Directory& directory;
  const Trust& trust;
  Random& random;
};

/// Both kinds of time: deadlines go by one, expiry by the other.
struct Now {
  TimePoint at;
  UnixTime wall;
};

}  // namespace conclave::dht
