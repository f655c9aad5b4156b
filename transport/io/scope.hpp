#pragma once
/// Owns coroutines: none outlives it. To end a thing, close its scope.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "transport/io/event.hpp"

namespace conclave::io {

class Scope {
 public:
  Scope(boost::asio::any_io_executor executor, Clock& clock);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  /// Cancels what still runs. Prefer `co_await close()`: a coroutine that refers to the scope's owner must
  /// have ended before the owner goes.
  ~Scope();

  /// Starts `work`. After `close()` it is dropped unstarted. An exception other than a cancellation that
  /// leaves `work` is a bug of ours and ends the program.
  void start(boost::asio::awaitable<void> work);
  /// Cancels every coroutine: its pending wait ends, and every later one at once.
  void cancel();
  /// `cancel()`, then waits until all have ended.
  boost::asio::awaitable<void> close();
  /// Waits until all have ended by themselves; false when `deadline` came first. Not together with `close()`.
  boost::asio::awaitable<bool> wait_idle_until(TimePoint deadline);
  std::size_t running() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace conclave::io
