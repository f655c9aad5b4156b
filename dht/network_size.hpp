#pragma once
/// How many there are, told by how densely they stand: the radius within which k nodes are found, as a share
/// of the key space. k divided by it is the size of the network.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace conclave::dht {

/// The median over the last searches. One search is 22 % off; somebody who crowds the place of one search
/// moves one sample, and the median not at all. Of two in the middle the smaller counts: to look sparse costs
/// liars nothing, to look dense costs them work.
class NetworkSize {
 public:
  static constexpr std::size_t samples_max = 15;
  void sample(double radius) {
    samples_[next_++ % samples_max] = static_cast<float>(radius);
    if (next_ == 2 * samples_max) next_ = samples_max;
  }
  std::size_t samples() const { return std::min<std::size_t>(next_, samples_max); }
  /// `own` is what the routing table says (Table::radius_estimate).
  double radius(double own) const {
    std::array<float, samples_max + 1> sorted;
    auto count = samples();
    std::copy_n(samples_.begin(), count, sorted.begin());
    sorted[count++] = static_cast<float>(own);
    auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(count));
    return static_cast<double>(*middle);
  }

 private:
  std::array<float, samples_max> samples_{};
  std::uint8_t next_ = 0;
};

}  // namespace conclave::dht
