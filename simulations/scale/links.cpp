#include "simulations/scale/links.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::sim {

namespace {

/// The quantile function of the normal distribution, by bisection of erfc: exact enough, and called 4096
/// times.
double normal_quantile(double p) {
  double low = -6, high = 6;
  for (int i = 0; i < 60; ++i) {
    double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return low;
}

}  // namespace

Links::Links(const LinkModel& model, std::uint64_t seed) : model_(model), seed_(seed) {
  for (std::size_t i = 0; i < quantiles_.size(); ++i) {
    double p = (static_cast<double>(i) + 0.5) / static_cast<double>(quantiles_.size());
    quantiles_[i] = static_cast<std::int32_t>(1000 * model.rtt_median_ms *
                                              std::exp(model.rtt_sigma * normal_quantile(p)));
  }
}

Duration Links::rtt(dht::Handle a, dht::Handle b) const {
  std::uint64_t pair = std::uint64_t{std::min(a.raw(), b.raw())} << 32 | std::max(a.raw(), b.raw());
  std::uint64_t x = (pair + seed_) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  return Duration(quantiles_[x >> 52]);
}

}  // namespace conclave::sim
