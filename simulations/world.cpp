#include "simulations/world.hpp"

#include <algorithm>

namespace conclave::sim {

UnixTime World::unix_now() const {
  return start_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
}

io::Clock::Alarm World::at(TimePoint when, std::function<void()> action) {
  return Alarm(agenda_.add(std::max(when, now_), std::move(action)));
}

void World::cancel(Alarm alarm) { agenda_.cancel(alarm.raw()); }

/// Everything that can happen now.
void World::settle() {
  context_.restart();
  context_.poll();
}

bool World::step(TimePoint limit) {
  settle();
  auto next = agenda_.next();
  if (!next) return false;
  if (*next > limit) {
    now_ = limit;
    return false;
  }
  now_ = *next;  // then time jumps
  agenda_.take()();
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
