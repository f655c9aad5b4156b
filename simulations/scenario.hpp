#pragma once
/// A scenario: a question to the simulated network. Each has a file of its own in simulations/scenarios and a
/// line in scenarios.cpp.
#include "simulations/report.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace conclave::sim {

/// What the command line says. A scenario takes what it understands; a `--set` that nobody took is an error,
/// so that a typing mistake does not look like a result.
class Options {
 public:
  std::uint64_t nodes = 0;  ///< without --nodes: the scenario's usual size
  std::uint64_t seed = 1;
  double minutes = 0;  ///< simulated; 0: the scenario's own
  double hours = 0;    ///< simulated, or of wall time for the soak
  std::string trace;   ///< "lookup=17": what is to be told in full; scenarios ask with `traced()`
  std::map<std::string, std::string> set;

  double number(const std::string& name, double usual) const;
  std::string word(const std::string& name, const std::string& usual) const;
  bool flag(const std::string& name, bool usual) const { return number(name, usual ? 1 : 0) != 0; }
  const std::string& traced() const {
    take("trace");
    return trace;
  }
  /// What was given with --set or --trace and nothing asked for.
  std::vector<std::string> untaken() const;
  void take(const std::string& name) const { taken_[name] = true; }

 private:
  mutable std::map<std::string, bool> taken_;
};

/// Progress and what depends on the machine, on stderr.
void note(const std::string& text);
/// Peak memory of this process, in bytes.
std::uint64_t peak_memory();
/// Seconds of wall time since the first call: for notes only, never for a decision.
double wall_seconds();
/// Seconds of processor time of this process: what rates are counted in, since others share the machine.
double cpu_seconds();

struct Scenario {
  const char* name;
  std::uint64_t nodes;  ///< usually
  const char* question;
  void (*run)(const Options& options, Report& report);
};
std::vector<Scenario> scenarios();

}  // namespace conclave::sim
