#pragma once
/// A thread for calls that block. What it computes comes back as a message to the node's thread.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "transport/io/event.hpp"

namespace conclave::nat {

class Worker {
 public:
  Worker(boost::asio::any_io_executor executor, io::Clock& clock);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Finishes the job under way, drops the others.
  ~Worker();

  /// Runs `job` on the worker, jobs one after the other, and returns when it has finished. Cancelling ends the
  /// wait, not the job: it must own what it uses.
  boost::asio::awaitable<void> run(std::function<void()> job);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace conclave::nat
