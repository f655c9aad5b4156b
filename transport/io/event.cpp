#include "transport/io/event.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "crypto/ensure.hpp"

namespace conclave::io {
namespace asio = boost::asio;
using Waiter = asio::any_completion_handler<void(bool)>;

struct Event::State {
  State(asio::any_io_executor the_executor, Clock& the_clock)
      : executor(std::move(the_executor)), clock(the_clock) {}

  void finish(bool rung_now) {
    if (!waiter) return;
    if (alarm) clock.cancel(*alarm);
    alarm.reset();
    asio::get_associated_cancellation_slot(*waiter).clear();
    auto handler = std::move(*waiter);
    waiter.reset();
    asio::post(executor, asio::append(std::move(handler), rung_now));
  }

  asio::any_io_executor executor;
  Clock& clock;
  std::optional<Waiter> waiter;
  std::optional<Clock::Alarm> alarm;
  std::uint64_t waits = 0;  ///< which wait a late cancellation meant
  bool rung = false;
};

Event::Event(asio::any_io_executor executor, Clock& clock)
    : state_(std::make_shared<State>(std::move(executor), clock)) {}
Event::~Event() { state_->finish(false); }

void Event::ring() {
  if (state_->waiter) {
    state_->finish(true);
  } else {
    state_->rung = true;
  }
}

asio::awaitable<bool> Event::wait() { return wait_until(TimePoint::max()); }

asio::awaitable<bool> Event::wait_until(TimePoint deadline) {
  auto state = state_;  // outlives the event
  if (state->rung) {
    state->rung = false;
    co_return true;
  }
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      [state, deadline](auto handler) {
        ensure(!state->waiter, "one waiter at a time");
        state->waiter.emplace(std::move(handler));
        // The type-erased handler brings a slot of its own; assigning to the inner one would destroy it.
        auto slot = asio::get_associated_cancellation_slot(*state->waiter);
        std::weak_ptr<State> weak = state;
        if (slot.is_connected()) {
          // Posted, because finishing clears the slot, and with it the function that runs just now.
          slot.assign([weak, wait = ++state->waits](asio::cancellation_type) {
            auto still = weak.lock();
            if (!still) return;
            asio::post(still->executor, [still, wait] {
              if (still->waits == wait) still->finish(false);
            });
          });
        }
        if (deadline != TimePoint::max()) {
          state->alarm = state->clock.at(deadline, [weak] {
            if (auto still = weak.lock()) {
              still->alarm.reset();
              still->finish(false);
            }
          });
        }
      },
      asio::use_awaitable);
}

asio::awaitable<void> sleep_until(Clock& clock, TimePoint when) {
  Event never(co_await asio::this_coro::executor, clock);
  co_await never.wait_until(when);
}

}  // namespace conclave::io
