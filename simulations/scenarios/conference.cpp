/// A conference of home lines: does the mesh carry it, how near to the bound, and who notices when forwarders
/// die? Beside it what a full mesh and the one best-connected host would reach.
#include "simulations/conference.hpp"

#include "simulations/scenario.hpp"

namespace conclave::sim {
namespace {

std::string row(std::size_t members, const ConferenceFigures& f) {
  char line[256];
  std::snprintf(line, sizeof line, "%7zu  %7.3f  %9.3f  %9.3f  %5u  %6.2f / %5.2f  %9.2f  %8.0f  %10.0f",
                members, f.reached, f.full_mesh, f.best_host, f.depth_max, f.detour_p50, f.detour_p95,
                f.host_detour_p95, f.uplink_peak * 100, f.frozen_p95_ms);
  return line;
}

}  // namespace

void scenario_conference(const Options& options, Report& report) {
  ConferenceSettings settings;
  settings.seed = options.seed;
  settings.members = options.nodes;
  settings.tiles = static_cast<std::size_t>(options.number("tiles", 25));
  settings.killed = options.number("killed", 20) / 100;
  settings.lognormal_rtt = options.word("rtt", "map") == "lognormal";
  if (options.minutes > 0) settings.seconds = options.minutes * 60;

  auto figures = run_conference(settings);
  report.figure("rate of the bound r*", figures.reached, "", Report::at_least(0.95));
  report.figure("full mesh, rate of r*", figures.full_mesh);
  report.figure("best single host, rate of r*", figures.best_host);
  report.figure("busiest uplink", figures.uplink_peak * 100, "%", Report::at_most(100));
  report.figure("path delay over direct p50", figures.detour_p50);
  report.figure("path delay over direct p95", figures.detour_p95, "", Report::at_most(1.5));
  report.figure("best single host, delay over direct p95", figures.host_detour_p95);
  report.figure("delay p50", figures.delay_p50_ms, "ms");
  report.figure("delay p95", figures.delay_p95_ms, "ms");
  report.figure("depth of the deepest tree", figures.depth_max);
  report.figure("frames seen before the deaths", figures.seen * 100, "%", Report::at_least(99.9));
  report.figure("forwarders", static_cast<double>(figures.forwarders));
  report.figure("forwarders killed", static_cast<double>(figures.killed));
  report.figure("frozen p50", figures.frozen_p50_ms, "ms");
  report.figure("frozen p95", figures.frozen_p95_ms, "ms", Report::at_most(1000));
  report.figure("frozen at most", figures.frozen_max_ms, "ms");
  report.figure("packets that found no room in an uplink", static_cast<double>(figures.dropped));
  report.figure("plans made", static_cast<double>(figures.plans));

  if (!options.flag("table", settings.members == 100)) return;
  report.line(
      "members  rate/r*  full mesh  best host  depth  detour p50/p95  host p95  uplink %  frozen p95 ms");
  for (std::size_t members : {4, 8, 16, 32, 64}) {
    note("a conference of " + std::to_string(members));
    auto one = settings;
    one.members = members;
    report.line(row(members, run_conference(one)));
  }
  report.line(row(settings.members, figures));
}

}  // namespace conclave::sim
