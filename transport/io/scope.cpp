#include "transport/io/scope.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <map>

namespace conclave::io {
namespace asio = boost::asio;

struct Scope::State {
  State(asio::any_io_executor the_executor, Clock& clock)
      : executor(the_executor), ended(std::move(the_executor), clock) {}
  asio::any_io_executor executor;
  std::map<std::uint64_t, asio::cancellation_signal> running;
  std::uint64_t last = 0;
  bool closing = false;
  Event ended;
};

Scope::Scope(asio::any_io_executor executor, Clock& clock)
    : state_(std::make_shared<State>(std::move(executor), clock)) {}
Scope::~Scope() { cancel(); }

std::size_t Scope::running() const { return state_->running.size(); }

void Scope::start(asio::awaitable<void> work) {
  if (state_->closing) return;
  auto id = ++state_->last;
  auto slot = state_->running[id].slot();
  asio::co_spawn(state_->executor, std::move(work),
                 asio::bind_cancellation_slot(slot, [state = state_, id](std::exception_ptr error) {
                   state->running.erase(id);
                   if (state->running.empty()) state->ended.ring();
                   if (!error) return;
                   try {
                     std::rethrow_exception(error);
                   } catch (const boost::system::system_error& cancelled) {
                     if (cancelled.code() != asio::error::operation_aborted) throw;
                   }
                 }));
}

void Scope::cancel() {
  state_->closing = true;
  // A coroutine may end inside emit() and leave the map: walk by id.
  for (auto at = state_->running.begin(); at != state_->running.end();) {
    auto id = at->first;
    at->second.emit(asio::cancellation_type::terminal);
    at = state_->running.upper_bound(id);
  }
}

asio::awaitable<bool> Scope::wait_idle_until(TimePoint deadline) {
  auto state = state_;
  while (!state->running.empty()) {
    if (!co_await state->ended.wait_until(deadline)) co_return state->running.empty();
  }
  co_return true;
}

asio::awaitable<void> Scope::close() {
  auto state = state_;
  cancel();
  while (!state->running.empty()) co_await state->ended.wait();
}

}  // namespace conclave::io
