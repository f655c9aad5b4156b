#pragma once
/// A conference of home lines under virtual time: the planner, the routes and the steering of real nodes, with
/// packets that queue in every uplink. Frames are not encoded; everything else that decides who sends what to
/// whom, and who takes over, is the product's own code (node/calls).
#include "node/calls/plan.hpp"

namespace conclave::sim {

struct ConferenceSettings {
  std::size_t members = 100;
  std::uint64_t seed = 1;
  std::size_t tiles = 25;                 ///< small pictures that everyone sees beside the speaker
  std::uint32_t speaker_bps = 1'500'000;  ///< 720p
  std::uint32_t tile_bps = 150'000;       ///< 180p
  double killed = 0.2;                    ///< share of forwarders that die at once
  bool lognormal_rtt = false;  ///< independent pairs, median 80 ms, σ 0.6, instead of places on a map
  double seconds = 20;         ///< simulated; the deaths come in the middle
};

struct ConferenceFigures {
  double bound = 0;        ///< by what factor all rates could grow at most (calls::rate_bound)
  double reached = 0;      ///< the factor that the planner reaches, as a share of `bound`
  double full_mesh = 0;    ///< the same for everyone sending to everyone
  double best_host = 0;    ///< the same for the one best-connected member serving all
  unsigned depth_max = 0;
  double uplink_peak = 0;  ///< busiest second of the busiest node, as a share of its line
  double delay_p50_ms = 0, delay_p95_ms = 0;  ///< packets, source to receiver, measured
  double detour_p50 = 0, detour_p95 = 0;      ///< delay over the direct path's, per (source, receiver)
  double host_detour_p95 = 0;                 ///< the same by way of the best host
  std::size_t forwarders = 0, killed = 0;
  double frozen_p50_ms = 0, frozen_p95_ms = 0, frozen_max_ms = 0;  ///< pictures after the deaths, per (stream, receiver)
  double seen = 0;  ///< frames shown among those captured before the deaths
  std::uint64_t dropped = 0;                  ///< packets that an uplink's queue had no room for
  std::uint64_t plans = 0;
};

/// The conference as the planner sees it: uplinks from the distribution below, everyone watching the speaker and
/// `tiles` others.
///
/// Home uplinks: 5 % 2 Mbit/s, 15 % 5, 30 % 10, 30 % 20, 15 % 40, 5 % 100 (ADSL, cable, VDSL and fibre side by
/// side), of which 85 % are declared.
calls::PlanInput conference_input(const ConferenceSettings& settings);

ConferenceFigures run_conference(const ConferenceSettings& settings);

}  // namespace conclave::sim
