#include "transport/io/clock.hpp"

#include <boost/asio/steady_timer.hpp>

namespace conclave::io {

struct AsioClock::Timer {
  explicit Timer(boost::asio::any_io_executor executor) : timer(std::move(executor)) {}
  boost::asio::steady_timer timer;
};

AsioClock::AsioClock(boost::asio::any_io_executor executor)
    : timer_(std::make_shared<Timer>(std::move(executor))) {}
AsioClock::~AsioClock() = default;

TimePoint AsioClock::now() const {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

UnixTime AsioClock::unix_now() const {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

Clock::Alarm AsioClock::at(TimePoint when, std::function<void()> action) {
  Alarm alarm(agenda_.add(when, std::move(action)));
  if (when < armed_ && !ringing_) arm();
  return alarm;
}

void AsioClock::cancel(Alarm alarm) {
  // The timer may now ring for nobody once; cheaper than setting it anew at each cancel. Only an empty
  // agenda stops it, so that an io_context without other work can end.
  if (agenda_.cancel(alarm.raw()) && agenda_.empty() && armed_ != TimePoint::max()) {
    armed_ = TimePoint::max();
    timer_->timer.cancel();
  }
}

void AsioClock::arm() {
  auto next = agenda_.next();
  if (!next) return;
  armed_ = *next;
  timer_->timer.expires_at(std::chrono::steady_clock::time_point(armed_.time_since_epoch()));
  timer_->timer.async_wait([this, alive = std::weak_ptr(timer_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    ring();
  });
}

void AsioClock::ring() {
  armed_ = TimePoint::max();
  ringing_ = true;  // whatever the actions ask for, the timer is set once, behind them
  auto time = now();
  auto alive = std::weak_ptr(timer_);
  for (auto next = agenda_.next(); next && *next <= time; next = agenda_.next()) {
    agenda_.take()();
    if (alive.expired()) return;
  }
  ringing_ = false;
  arm();
}

}  // namespace conclave::io
