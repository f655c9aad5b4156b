#pragma once
/// What a node holds for others: at each meeting point, the newest entry of each of a few publishers.
///
/// The holder cannot read an entry and cannot tell whose it is. So it protects all alike: nobody who is
/// established at a point is evicted by a newcomer there, one network gets few places at a point, and every
/// total is bounded. When all places are taken, whoever's wide network holds most gives way, newest first: a
/// flood displaces itself.
#include "dht/surroundings.hpp"

#include <map>
#include <optional>

namespace conclave::dht {

class MeetingStore {
 public:
  /// `from` is the network that the sender has proven (by a token) to be in. The signature is checked here,
  /// last, since it costs most.
  PutStatus put(const Surroundings& around, const RecordPtr& record, Networks from, UnixTime now);
  /// Entries at `point` that `have` does not name, in an order that `secret` mixes (holders answer
  /// differently, so that who asks several sees all), until `size_max` bytes; the count of those that did not
  /// fit is returned.
  std::uint16_t get(const Key& point, std::span<const std::uint64_t> have, UnixTime now, std::uint64_t secret,
                    std::size_t size_max, std::vector<RecordPtr>& out) const;
  void expire(UnixTime now);
  std::size_t size() const { return size_; }
  std::size_t points() const { return points_.size(); }
  std::size_t publishers(const Key& point) const;
  /// Every bound holds. For simulations, which assert it while they run.
  bool within_bounds(const Parameters& limits) const;

 private:
  struct Held {
    RecordPtr record;
    Networks from;
    std::uint64_t arrival;  ///< grows with each new publisher
  };
  bool room(const Surroundings& around, const std::vector<Held>& point, Networks from) const;
  /// The wide network that holds most, if it holds at least two more than that of `from`.
  std::optional<std::uint32_t> crowd(const Parameters& rules, Networks from) const;
  void evict_newest_of(std::uint32_t wide);
  void count(Networks from, int change);

  std::map<Key, std::vector<Held>> points_;
  std::map<std::uint32_t, std::size_t> wide_;  ///< entries by the wide network they came from
  std::size_t size_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace conclave::dht
