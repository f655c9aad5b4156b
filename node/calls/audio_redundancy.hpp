#pragma once
/// How many earlier packets of audio travel again with each packet: on a media link one always, on the way to and from
/// a page one where it loses some; two where the loss is high. It costs 40 kbit/s each, adds no delay, and needs to
/// know nothing of the codec.
#include <algorithm>
#include <cstdint>

namespace conclave::calls {

class AudioRedundancy {
 public:
  static constexpr double some = 0.015;  ///< share lost above which n−1 goes along …
  static constexpr double none = 0.004;  ///< … until it is below this: losses come and go
  static constexpr double high = 0.08;   ///< above which n−2 goes along as well …
  static constexpr double calm = 0.04;   ///< … until it is below this
  static constexpr std::uint32_t copies_max = 2;

  explicit AudioRedundancy(std::uint32_t least) : least_(least) {}

  std::uint32_t copies(double loss) {
    if (loss > high) copies_ = 2;
    else if (loss > some) copies_ = std::max(copies_, 1u);
    if (loss < calm) copies_ = std::min(copies_, 1u);
    if (loss < none) copies_ = 0;
    return std::max(copies_, least_);
  }

 private:
  std::uint32_t least_, copies_ = 0;
};

/// The last packet of a frame, of which nobody notices the loss until the next frame comes, goes once more a moment
/// later where the way loses this much: asked for, it would come a frame and a round trip too late.
struct TailRepeat {
  static constexpr double loss_min = 0.03;
  static constexpr std::int64_t delay_us = 15'000;
};

/// Loss as redundancy should take it: up at once, down over some seconds, since the next loss is not far.
class LossMemory {
 public:
  /// Once a second.
  double hear(double loss) { return loss_ = std::max(loss, 0.85 * loss_); }
  double loss() const { return loss_; }

 private:
  double loss_ = 0;
};

}  // namespace conclave::calls
