#include "node/calls/layer_allocator.hpp"

#include <algorithm>

namespace conclave::calls {
namespace {

/// A step up needs this much more than it takes: the estimate trembles, pictures should not.
constexpr double reserve = 1.15;

struct Step {
  Byte layer, temporal;
  std::uint16_t height;
  double bps;
};

/// What a slot can get, in order of quality, up to the first layer that is as high as the slot.
std::vector<Step> ladder(const LayerWish& wish) {
  std::vector<Step> out;
  for (auto& offer : wish.offers) {
    // Upper layers with only their lowest temporal layer look worse than the layer below, whole.
    for (Byte temporal = out.empty() ? 0 : 1; temporal < 3; ++temporal) {
      Step step{offer.layer, temporal, offer.height, offer.bps * temporal_share[temporal]};
      if (out.empty() || step.bps > out.back().bps) out.push_back(step);
    }
    if (offer.height >= wish.height) break;
  }
  return out;
}

bool above(const Step& step, const LayerWish& wish) {
  if (!wish.now) return false;  // nothing is shown: anything is better
  return step.layer > *wish.now || (step.layer == *wish.now && step.temporal > wish.temporal_now);
}

/// How far up its ladder a wish has come.
struct Climb {
  std::vector<Step> steps;
  int at = -1;
};

bool raise(Climb& state, const LayerWish& wish, double& left, std::size_t to) {
  auto& step = state.steps[to];
  auto cost = step.bps - (state.at < 0 ? 0 : state.steps[static_cast<std::size_t>(state.at)].bps);
  if (cost + (above(step, wish) ? step.bps * (reserve - 1) : 0) > left) return false;
  left -= cost;
  state.at = static_cast<int>(to);
  return true;
}

}  // namespace

std::vector<LayerChoice> allocate(std::span<const LayerWish> wishes, double budget_bps) {
  std::vector<Climb> states;
  std::vector<std::size_t> order;
  for (auto& wish : wishes) {
    order.push_back(states.size());
    states.push_back({ladder(wish)});
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(wishes[i].rank, i); });
  auto left = budget_bps;
  for (auto i : order) {
    if (!states[i].steps.empty()) raise(states[i], wishes[i], left, 0);
  }
  for (std::size_t group = 0; group < order.size();) {
    auto end = group;
    while (end < order.size() && wishes[order[end]].rank == wishes[order[group]].rank) ++end;
    for (bool any = true; any;) {
      any = false;
      for (auto i = group; i < end; ++i) {
        auto& state = states[order[i]];
        auto next = static_cast<std::size_t>(state.at + 1);
        if (state.at >= 0 && next < state.steps.size()) any |= raise(state, wishes[order[i]], left, next);
      }
    }
    group = end;
  }
  std::vector<LayerChoice> out;
  for (std::size_t i = 0; i < states.size(); ++i) {
    auto& state = states[i];
    LayerChoice choice;
    if (state.at >= 0) {
      auto& step = state.steps[static_cast<std::size_t>(state.at)];
      choice = {step.layer, step.temporal, step.height, step.bps, false, false};
    }
    auto top = static_cast<int>(state.steps.size()) - 1;
    choice.short_of_bandwidth = state.at < top;
    choice.short_of_offer = state.at == top && choice.height < wishes[i].height;
    out.push_back(choice);
  }
  return out;
}

double full_rate(std::span<const LayerWish> wishes) {
  double out = 0;
  for (auto& wish : wishes) {
    auto steps = ladder(wish);
    if (!steps.empty()) out += steps.back().bps;
  }
  return out;
}

}  // namespace conclave::calls
