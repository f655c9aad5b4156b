#include "transport/io/clock.hpp"

#include <algorithm>
#include <functional>

#include <boost/asio/steady_timer.hpp>

namespace conclave::io {
namespace {
constexpr std::size_t agenda_least = 64;  ///< cancelled entries that are not worth dropping
}

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
  auto id = ++last_;
  actions_.emplace(id, std::move(action));
  agenda_.emplace_back(when, id);
  std::ranges::push_heap(agenda_, std::greater());
  if (when < armed_ && !ringing_) arm();
  return Alarm(id);
}

void AsioClock::cancel(Alarm alarm) {
  if (actions_.erase(alarm.raw()) == 0) return;
  if (agenda_.size() > 2 * actions_.size() + agenda_least) drop_cancelled();
  // The timer may now ring for nobody once; cheaper than setting it anew at each cancel. Only an empty
  // agenda stops it, so that an io_context without other work can end.
  if (actions_.empty() && armed_ != TimePoint::max()) {
    armed_ = TimePoint::max();
    timer_->timer.cancel();
  }
}

void AsioClock::drop_first() {
  std::ranges::pop_heap(agenda_, std::greater());
  agenda_.pop_back();
}

void AsioClock::drop_cancelled() {
  std::erase_if(agenda_, [this](const Entry& entry) { return !actions_.contains(entry.second); });
  std::ranges::make_heap(agenda_, std::greater());
}

void AsioClock::arm() {
  while (!agenda_.empty() && !actions_.contains(agenda_.front().second)) drop_first();
  if (agenda_.empty()) return;
  armed_ = agenda_.front().first;
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
  while (!agenda_.empty() && agenda_.front().first <= time) {
    auto due = actions_.find(agenda_.front().second);
    drop_first();
    if (due == actions_.end()) continue;
    auto action = std::move(due->second);
    actions_.erase(due);
    action();
    if (alive.expired()) return;
  }
  ringing_ = false;
  arm();
}

}  // namespace conclave::io
