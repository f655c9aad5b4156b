#pragma once
/// A doorbell between coroutines of one thread: some ring, one waits.
///
/// "Reply or deadline" is `co_await event.wait_until(deadline)`: there is no `operator||` over awaitables in
/// this code base. An event may be destroyed while somebody waits: the wait ends with false.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "transport/io/clock.hpp"

namespace conclave::io {

class Event {
 public:
  Event(boost::asio::any_io_executor executor, Clock& clock);
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  /// Wakes the waiter, or is remembered for the next one. Two rings before a wait are one.
  void ring();
  /// True when rung, false when `deadline` came first, the event went away or the wait was cancelled.
  /// One waiter at a time.
  boost::asio::awaitable<bool> wait_until(TimePoint deadline);
  boost::asio::awaitable<bool> wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Sleeps until `when`; earlier only if the coroutine is cancelled.
boost::asio::awaitable<void> sleep_until(Clock& clock, TimePoint when);

}  // namespace conclave::io
