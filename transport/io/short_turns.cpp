#include "transport/io/short_turns.hpp"

#ifdef __linux__
#include <cstdint>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace conclave::io {
namespace {

/// The first version of the kernel's structure; glibc has it only since 2.41.
struct Attributes {
  std::uint32_t size = sizeof(Attributes), policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  ///< nanoseconds; under SCHED_OTHER `runtime` is the slice
};
constexpr std::uint64_t shortest_ns = 100'000;

}  // namespace

void prefer_short_turns() {
  // Whoever runs us under another policy has had a reason.
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  Attributes wish;
  wish.nice = ::getpriority(PRIO_PROCESS, 0);
  wish.runtime = shortest_ns;
  // A kernel that does not know it refuses or ignores it: turns are then as they were.
  (void)::syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace conclave::io

#else

namespace conclave::io {
void prefer_short_turns() {}
}  // namespace conclave::io

#endif
