/// All scenarios, one a line, sorted by name.
#include "simulations/scenario.hpp"

namespace conclave::sim {

void scenario_conference(const Options&, Report&);
void scenario_dht(const Options&, Report&);
void scenario_people(const Options&, Report&);

std::vector<Scenario> scenarios() {
  return {
      {"conference", 100, "home lines, a speaker and 25 tiles: who forwards for whom, and who notices deaths?",
       scenario_conference},
      {"dht", 10'000, "an honest network: are lookups right, in how many hops, messages, milliseconds?",
       scenario_dht},
      {"people", 1000, "whole nodes with contacts: what does being there cost, and do messages find strangers by key?",
       scenario_people},
  };
}

}  // namespace conclave::sim
