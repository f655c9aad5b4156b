/// simulate <scenario>: the real code under virtual time. What it answers: simulations/README.md.
#include "crypto/keys.hpp"
#include "simulations/scenario.hpp"
#include "simulations/violation.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>

using namespace conclave;

namespace {

/// An `ensure` failed: its message has been printed, the seed and the event have not.
void say_where(int) {
  auto& here = sim::whereabouts;
  std::fprintf(stderr, "VIOLATION: seed %llu, event %llu at %lld us: see above\n",
               static_cast<unsigned long long>(here.seed), static_cast<unsigned long long>(here.event),
               static_cast<long long>(here.at_us));
}

int run(const sim::Scenario& scenario, sim::Options& options, bool json, const std::string& svg) {
  sim::Report report;
  if (options.nodes == 0) options.nodes = scenario.nodes;
  report.setting("nodes", std::to_string(options.nodes));
  report.setting("seed", std::to_string(options.seed));
  for (auto& [name, value] : options.set) report.setting(name, value);
  try {
    scenario.run(options, report);
  } catch (const sim::Violation& violation) {
    report.violation(violation.what());
  }
  for (auto& name : options.untaken()) throw std::runtime_error(name + ": this scenario has no such setting");
  std::cout << (json ? report.json(scenario.name) : report.table(scenario.name));
  if (!svg.empty()) std::ofstream(svg) << report.svg(scenario.name);
  sim::note("peak memory " + std::to_string(sim::peak_memory() / (1 << 20)) + " MiB");
  return report.sound() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs Conclave's own code in a simulated network, deterministic by seed");
  std::string name, svg;
  sim::Options options;
  bool json = false, list = false;
  std::vector<std::string> settings;
  app.add_option("scenario", name, "what to simulate; see --list");
  app.add_option("--nodes,--members", options.nodes, "size of the network, or of the conference");
  app.add_option("--seed", options.seed, "everything follows from it");
  app.add_option("--minutes", options.minutes, "simulated minutes");
  app.add_option("--hours", options.hours, "simulated hours; of wall time for swarm");
  app.add_option("--set", settings,
                 "name=value: switches a defence off, changes the network or the attacker");
  app.add_option("--trace", options.trace, "lookup=K: tells lookup K step by step");
  app.add_option("--svg", svg, "writes the distributions as an SVG file");
  app.add_flag("--json", json, "figures as JSON");
  app.add_flag("--list", list, "the scenarios");
  CLI11_PARSE(app, argc, argv);
  crypto::init();
  std::signal(SIGABRT, say_where);
  sim::wall_seconds();
  try {
    for (auto& setting : settings) {
      auto equals = setting.find('=');
      if (equals == std::string::npos)
        throw std::runtime_error("--set " + setting + ": name=value is wanted");
      options.set[setting.substr(0, equals)] = setting.substr(equals + 1);
    }
    for (auto& scenario : sim::scenarios()) {
      if (list)
        std::cout << scenario.name << std::string(18 - std::string_view(scenario.name).size(), ' ')
                  << scenario.question << "\n";
      if (!list && name == scenario.name) return run(scenario, options, json, svg);
    }
    if (list) return 0;
    std::cerr << (name.empty() ? "which scenario?" : "no scenario is called " + name)
              << " See simulate --list\n";
  } catch (const std::exception& wrong) {
    std::cerr << wrong.what() << "\n";
  }
  return 2;
}
