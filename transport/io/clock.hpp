#pragma once
/// The only source of time in a node: `AsioClock` is real, `sim::World` (simulations/world.hpp) is virtual.
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include "crypto/strong.hpp"
#include "crypto/time.hpp"

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

/// Wall time by the system's steady clock; one Asio timer behind an agenda. Connections move their alarms all the
/// time, so a cancelled one stays in the agenda until its time comes or half of the agenda is cancelled.
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
  using Entry = std::pair<TimePoint, std::uint64_t>;
  void arm();
  void ring();
  void drop_first();
  void drop_cancelled();
  std::vector<Entry> agenda_;  ///< a heap, the earliest in front
  boost::unordered_flat_map<std::uint64_t, std::function<void()>> actions_;  ///< of those not cancelled
  std::uint64_t last_ = 0;
  TimePoint armed_ = TimePoint::max();
  bool ringing_ = false;
  std::shared_ptr<Timer> timer_;
};

}  // namespace conclave::io
