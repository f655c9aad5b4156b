#pragma once
/// usrsctp measures by the wall clock what its timers then decide upon: a chunk that was sent "just now" is not sent
/// again. A test that runs it in virtual time says here what `gettimeofday` answers.
#include <optional>

#include "crypto/time.hpp"

namespace conclave::test {

/// Nothing: the real time.
extern std::optional<TimePoint> virtual_wall;

}  // namespace conclave::test
