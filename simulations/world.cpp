#include "simulations/world.hpp"

namespace conclave::sim {

UnixTime World::unix_now() const {
  return start_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
}

io::Clock::Alarm World::at(TimePoint when, std::function<void()> action) {
  auto id = ++last_;
  if (when < now_) when = now_;
  agenda_.emplace(std::pair(when, id), std::move(action));
  when_.emplace(id, when);
  return Alarm(id);
}

void World::cancel(Alarm alarm) {
  auto found = when_.find(alarm.raw());
  if (found == when_.end()) return;
  agenda_.erase({found->second, alarm.raw()});
  when_.erase(found);
}

/// Everything that can happen now.
void World::settle() {
  context_.restart();
  context_.poll();
}

bool World::step(TimePoint limit) {
  settle();
  if (agenda_.empty()) return false;
  auto due = agenda_.begin();
  if (due->first.first > limit) {
    now_ = limit;
    return false;
  }
  now_ = due->first.first;  // then time jumps
  auto action = std::move(due->second);
  when_.erase(due->first.second);
  agenda_.erase(due);
  action();
  return true;
}

void World::run(TimePoint limit) {
  while (step(limit)) {
  }
}

bool World::run_until(const std::function<bool()>& done, TimePoint limit) {
  for (settle(); !done(); settle()) {
    if (!step(limit)) return done();
  }
  return true;
}

}  // namespace conclave::sim
