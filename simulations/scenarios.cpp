/// All scenarios, one a line, sorted by name.
#include "simulations/scenario.hpp"

namespace conclave::sim {

void scenario_dht(const Options&, Report&);

std::vector<Scenario> scenarios() {
  return {
      {"dht", 10'000, "an honest network: are lookups right, in how many hops, messages, milliseconds?",
       scenario_dht},
  };
}

}  // namespace conclave::sim
