#pragma once
/// Who has misbehaved, and for how long we want no more of it.
///
/// Points add up and halve every ten minutes. At 100 the offender is banned until they have decayed to 50, so
/// ten minutes for the first hundred, longer for more. Bounded: the least guilty is forgotten first.
#include <cmath>
#include <map>

#include "crypto/time.hpp"

namespace conclave::swarm {

template <class Offender>
class Conduct {
 public:
  static constexpr double ban_at = 100;
  static constexpr double pardon_at = 50;
  static constexpr double points_max = 800;  ///< half an hour until pardon
  static constexpr std::size_t offenders_max = 2048;
  static constexpr Duration half_life = std::chrono::minutes(10);

  /// Says whether the offender is banned by now.
  bool add(const Offender& offender, double points, TimePoint now) {
    if (!records_.contains(offender) && records_.size() >= offenders_max) forget_one(now);
    auto& record = records_[offender];
    record.points = std::min(points_max, decayed(record, now) + points);
    record.when = now;
    if (record.points >= ban_at) record.banned = true;
    return record.banned;
  }

  bool banned(const Offender& offender, TimePoint now) const {
    auto found = records_.find(offender);
    return found != records_.end() && found->second.banned && decayed(found->second, now) > pardon_at;
  }
  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    double points = 0;
    TimePoint when{};
    bool banned = false;
  };
  static double decayed(const Record& record, TimePoint now) {
    auto lives = std::chrono::duration<double>(std::max(now, record.when) - record.when) /
                 std::chrono::duration<double>(half_life);
    return record.points * std::exp2(-lives);
  }
  void forget_one(TimePoint now) {
    auto least = records_.begin();
    for (auto at = records_.begin(); at != records_.end(); ++at)
      if (decayed(at->second, now) < decayed(least->second, now)) least = at;
    records_.erase(least);
  }
  std::map<Offender, Record> records_;
};

}  // namespace conclave::swarm
