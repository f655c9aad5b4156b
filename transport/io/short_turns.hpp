#pragma once
/// For a thread that must not wait long for the processor, though it needs little of it.

namespace conclave::io {

/// Asks the scheduler for short turns, which come early, for the calling thread: on a busy machine a packet then waits
/// 0.1 ms for its forwarder in the median, not 3 ms. Needs no privilege and takes nothing from others: the thread's share
/// stays what it was. Linux since 6.12 (a custom slice under EEVDF, sched_setattr(2)); elsewhere nothing happens.
void prefer_short_turns();

}  // namespace conclave::io
