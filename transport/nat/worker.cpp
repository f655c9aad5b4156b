#include "transport/nat/worker.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace conclave::nat {
namespace asio = boost::asio;

struct Worker::State {
  State(asio::any_io_executor the_executor, io::Clock& the_clock)
      : executor(std::move(the_executor)), clock(the_clock) {}
  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      arrived.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (stopping) return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }
  asio::any_io_executor executor;
  io::Clock& clock;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::function<void()>> jobs;
  bool stopping = false;
  std::thread thread;
};

Worker::Worker(asio::any_io_executor executor, io::Clock& clock)
    : state_(std::make_shared<State>(std::move(executor), clock)) {
  state_->thread = std::thread([state = state_.get()] { state->work(); });
}

Worker::~Worker() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->arrived.notify_one();
  state_->thread.join();
}

asio::awaitable<void> Worker::run(std::function<void()> job) {
  auto state = state_;
  // The event belongs to the node's thread; the worker only posts the ring to it. The executor is kept busy
  // meanwhile, or an io_context with nothing else to do would end before the answer.
  auto done = std::make_shared<io::Event>(state->executor, state->clock);
  auto finished = std::make_shared<bool>(false);
  {
    std::lock_guard lock(state->mutex);
    state->jobs.push_back([job = std::move(job), done, finished, executor = state->executor]() mutable {
      job();
      asio::post(executor, [done = std::move(done), finished = std::move(finished)] {
        *finished = true;
        done->ring();
      });
    });
  }
  state->arrived.notify_one();
  while (!*finished) co_await done->wait();
}

}  // namespace conclave::nat
