#include "crypto/ensure.hpp"
#include "simulations/conference.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

namespace conclave::sim {
namespace {

using calls::NodeIndex;

constexpr double declared_share = 0.85;

std::uint64_t draw_uplink(Random& random) {
  double at = random.unit();
  for (auto [share, mbit] : {std::pair(0.05, 2), {0.20, 5}, {0.50, 10}, {0.80, 20}, {0.95, 40}})
    if (at < share) return static_cast<std::uint64_t>(mbit) * 1'000'000;
  return 100'000'000;
}

double normal(Random& random) {
  double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

/// Places on a map and an access line each: what a detour really costs. Median round trip about 80 ms.
std::vector<std::uint32_t> map_rtts(std::size_t count, Random& random) {
  struct Place {
    double x, y, access_ms;
  };
  std::vector<Place> places(count);
  for (auto& place : places) place = {random.unit(), random.unit(), 2 + 8 * random.unit()};
  std::vector<std::uint32_t> rtt(count * count);
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      double far = std::hypot(places[a].x - places[b].x, places[a].y - places[b].y);
      double ms = places[a].access_ms + places[b].access_ms + 133 * far;
      rtt[a * count + b] = rtt[b * count + a] = static_cast<std::uint32_t>(ms * 1000);
    }
  return rtt;
}

std::vector<std::uint32_t> lognormal_rtts(std::size_t count, Random& random) {
  std::vector<std::uint32_t> rtt(count * count);
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < a; ++b)
      rtt[a * count + b] = rtt[b * count + a] =
          static_cast<std::uint32_t>(80'000 * std::exp(0.6 * normal(random)));
  return rtt;
}

}  // namespace

calls::PlanInput conference_input(const ConferenceSettings& settings) {
  ensure(settings.members >= 2 && settings.members <= calls::nodes_max, "2 to 256 members");
  SeededRandom random(settings.seed, 1);
  calls::PlanInput input;
  const auto count = settings.members;
  for (std::size_t i = 0; i < count; ++i) {
    auto declared = static_cast<std::uint64_t>(static_cast<double>(draw_uplink(random)) * declared_share);
    calls::PlanNode node{.key = random.fixed<NodeKey>(), .uplink_bps = declared};
    node.key.bytes[0] = static_cast<Byte>(i);  // ascending, as the planner wants them
    input.nodes.push_back(node);
  }
  input.rtt_us = settings.lognormal_rtt ? lognormal_rtts(count, random) : map_rtts(count, random);

  // Node 0 speaks. Everyone sees it large, and the first `tiles` others small.
  const auto watched = std::min(settings.tiles + 1, count - 1);
  for (std::size_t source = 0; source <= watched; ++source) {
    calls::PlanStream stream{.id = static_cast<std::uint32_t>(source),
                             .source = static_cast<NodeIndex>(source),
                             .rate_bps = source == 0 ? settings.speaker_bps : settings.tile_bps,
                             .receivers = {}};
    for (std::size_t i = 0; i < count; ++i) {
      // Of settings.tiles + 1 small pictures everyone drops its own, or the last.
      bool drops = source != 0 && source == settings.tiles + 1 && (i == 0 || i > settings.tiles + 1);
      if (i != source && !drops) stream.receivers.push_back(static_cast<NodeIndex>(i));
    }
    input.streams.push_back(std::move(stream));
  }
  return input;
}

}  // namespace conclave::sim
