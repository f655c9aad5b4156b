#pragma once
/// What must never happen has happened. The seed and the number of the event lead back to it: the same run
/// with a debugger that stops there.
#include <cstdint>
#include <stdexcept>
#include <string>

namespace conclave::sim {

/// Thrown out of a simulated world; `simulate` prints it, with the seed, and exits with 1.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Which event of which world runs now: told when an `ensure` of ours fails, too.
struct Whereabouts {
  std::uint64_t seed = 0;   ///< of the world, which is not that of the command line in the soak
  std::uint64_t event = 0;  ///< counted from 1
  std::int64_t at_us = 0;   ///< simulated microseconds
};
inline Whereabouts whereabouts;

}  // namespace conclave::sim
