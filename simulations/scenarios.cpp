/// All scenarios, one a line, sorted by name.
#include "simulations/scenario.hpp"

namespace conclave::sim {

void scenario_bootstrap(const Options&, Report&);
void scenario_churn(const Options&, Report&);
void scenario_conference(const Options&, Report&);
void scenario_dht(const Options&, Report&);
void scenario_eclipse(const Options&, Report&);
void scenario_entries(const Options&, Report&);
void scenario_flood(const Options&, Report&);
void scenario_partition(const Options&, Report&);
void scenario_people(const Options&, Report&);
void scenario_poison(const Options&, Report&);
void scenario_rekey(const Options&, Report&);
void scenario_swarm(const Options&, Report&);
void scenario_sybils(const Options&, Report&);
void scenario_target(const Options&, Report&);

std::vector<Scenario> scenarios() {
  return {
      {"bootstrap", 10'000, "cache, invite, LAN: is each alone enough to come in, how soon?",
       scenario_bootstrap},
      {"churn", 10'000, "a day of coming and going: lookups, entries, bytes per second", scenario_churn},
      {"conference", 100,
       "home lines, a speaker and 25 tiles: who forwards for whom, and who notices deaths?",
       scenario_conference},
      {"dht", 10'000, "an honest network: are lookups right, in how many hops, messages, ms?", scenario_dht},
      {"eclipse", 10'000, "10 to 200 identities stand next to a key: is it still read?", scenario_eclipse},
      {"entries", 100'000, "a fifth of table entries is dead: how soon is an entry found, and published?",
       scenario_entries},
      {"flood", 2'000, "genuine junk fills all stores around a key: is there room for a person's entry?",
       scenario_flood},
      {"partition", 10'000, "two halves for an hour: how soon are they one again?", scenario_partition},
      {"people", 1000,
       "whole nodes with contacts: what does being there cost, and do messages find strangers by key?",
       scenario_people},
      {"poison", 1'000, "one /16 speaks to all for a day: what does it own, also of who restarts?",
       scenario_poison},
      {"rekey", 100,
       "a conference: how long until everybody has everybody's new keys, the processor's time charged?",
       scenario_rekey},
      {"swarm", 600, "the soak: random worlds until an invariant breaks", scenario_swarm},
      {"sybils", 1'000'000, "20 % of all identities collude: are lookups right?", scenario_sybils},
      {"target", 10'000, "50 addresses against one person for three days: is she found?", scenario_target},
  };
}

}  // namespace conclave::sim
