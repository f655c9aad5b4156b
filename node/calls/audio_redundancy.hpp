#pragma once
/// How many earlier packets of audio travel again with each packet on a link that loses some: one always, two where
/// the loss is high. It costs 40 kbit/s each, adds no delay, and needs to know nothing of the codec.
#include <cstdint>

namespace conclave::calls {

class AudioRedundancy {
 public:
  static constexpr double high = 0.08;   ///< share lost above which n−2 goes along as well …
  static constexpr double calm = 0.04;   ///< … until it is below this: losses come and go
  static constexpr std::uint32_t copies_max = 2;

  std::uint32_t copies(double loss) {
    if (loss > high) deep_ = true;
    if (loss < calm) deep_ = false;
    return deep_ ? 2 : 1;
  }

 private:
  bool deep_ = false;
};

}  // namespace conclave::calls
