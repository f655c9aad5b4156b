#pragma once
/// A clock for a world in which time jumps from event to event: the same coroutines as in production, with
/// Asio's own io_context as the ready queue and no wall clock anywhere.
#include "transport/io/clock.hpp"

#include <functional>

#include <boost/asio/io_context.hpp>

namespace conclave::sim {

class World final : public io::Clock {
 public:
  /// `start` is what `unix_now()` says at time zero.
  explicit World(UnixTime start = UnixTime{1'800'000'000'000}) : start_(start) {}

  TimePoint now() const override { return now_; }
  UnixTime unix_now() const override;
  Alarm at(TimePoint when, std::function<void()> action) override;
  void cancel(Alarm alarm) override;

  boost::asio::io_context& context() { return context_; }
  /// Runs until nothing is left to happen at or before `limit`; time then stands at `limit`, unless the
  /// agenda ran dry.
  void run(TimePoint limit = TimePoint::max());
  void run_for(Duration span) { run(now_ + span); }
  /// Runs until `done()` or until nothing more happens before `limit`; says whether it was done.
  bool run_until(const std::function<bool()>& done, TimePoint limit = TimePoint::max());

 private:
  void settle();
  bool step(TimePoint limit);

  boost::asio::io_context context_{1};
  UnixTime start_;
  TimePoint now_{};
  io::Agenda agenda_;
};

}  // namespace conclave::sim
