#include "tests/transport/webrtc/virtual_wall.hpp"

#include <sys/time.h>

#include <ctime>

namespace conclave::test {

std::optional<TimePoint> virtual_wall;

}  // namespace conclave::test

// This definition comes before the C library's for every shared library of the test.
extern "C" int gettimeofday(timeval* out, void*) noexcept {
  if (conclave::test::virtual_wall) {
    auto us = conclave::test::virtual_wall->time_since_epoch().count();
    *out = {us / 1'000'000, us % 1'000'000};
    return 0;
  }
  timespec real{};
  clock_gettime(CLOCK_REALTIME, &real);
  *out = {real.tv_sec, real.tv_nsec / 1000};
  return 0;
}
