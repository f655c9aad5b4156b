#pragma once
/// The only source of time in a node: `AsioClock` is real, `sim::World` (simulations/world.hpp) is virtual.
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "crypto/strong.hpp"
#include "crypto/time.hpp"
#include "transport/io/agenda.hpp"

namespace conclave::io {

class Clock {
 public:
  using Alarm = Strong<struct AlarmTag, std::uint64_t>;
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual UnixTime unix_now() const = 0;
  /// Runs `action` once, at or soon after `when`, on the node's thread; never inside this call.
  virtual Alarm at(TimePoint when, std::function<void()> action) = 0;
  /// After this the action does not run. Harmless if it already did.
  virtual void cancel(Alarm alarm) = 0;
};

/// Wall time by the system's steady clock; one Asio timer behind an agenda.
class AsioClock final : public Clock {
 public:
  explicit AsioClock(boost::asio::any_io_executor executor);
  ~AsioClock() override;
  TimePoint now() const override;
  UnixTime unix_now() const override;
  Alarm at(TimePoint when, std::function<void()> action) override;
  void cancel(Alarm alarm) override;

 private:
  struct Timer;
  void arm();
  void ring();

  Agenda agenda_;
  TimePoint armed_ = TimePoint::max();
  bool ringing_ = false;
  std::shared_ptr<Timer> timer_;
};

}  // namespace conclave::io
