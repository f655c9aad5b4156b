#pragma once
/// Which accounts to try next, and when: those for which something waits.
///
/// Sans-IO. An account that cannot be reached is tried again after 2 s, 4 s, … 15 min, each ± 20 %, so that a
/// thousand nodes that lost the same peer do not return in step; at once when it shows up. A try may cost a
/// DHT lookup of some 15 KB: at 15 minutes that is 17 B/s.
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

#include <map>
#include <optional>

namespace conclave::chat {

class Rounds {
 public:
  /// A round for somebody who has gone away without a word takes five seconds, and others wait behind it.
  static constexpr std::size_t parallel_max = 16;
  static constexpr Duration patience_min = std::chrono::seconds(2);
  static constexpr Duration patience_max = std::chrono::minutes(15);
  static constexpr Duration patience_for_devices = std::chrono::hours(1);

  explicit Rounds(Random& random) : random_(random) {}

  /// Something waits for the account, to be tried at `when`; changes nothing where that was known. Of those that are
  /// due, whoever was wanted first is first.
  void want(const AccountKey& account, TimePoint when);
  /// It may be reachable now: the next try is due at once, and patience starts anew.
  void hurry(const AccountKey& account, TimePoint now);
  void forget(const AccountKey& account);
  /// A stream to the account broke with something still waiting: it is tried again soon, whatever else is known.
  /// Patience starts anew where something had arrived.
  void broke(const AccountKey& account, bool progressed, TimePoint now);

  /// The next account to try, if one is due; it counts as under way until `ended`.
  std::optional<AccountKey> next(TimePoint now);
  enum class Outcome : Byte {
    nothing_waits,
    handed_over,     ///< to everybody it waits for; a stream that breaks says so by `broke`
    partly_reached,  ///< a device of the account is gone, maybe for good: it is not looked for often
    not_reached,
  };
  void ended(const AccountKey& account, Outcome outcome, TimePoint now);
  /// When `next` is worth asking again; nothing happens before that by itself.
  TimePoint wake() const;

 private:
  struct Turn {
    TimePoint due{};
    Duration patience = patience_min;
    bool under_way = false;
    std::uint64_t number = 0;
    bool again = false;   ///< hurried or wanted meanwhile
    bool broken = false;  ///< a stream broke meanwhile: what the round found out no longer holds
  };
  Duration spread(Duration patience);
  void postpone(Turn& turn, TimePoint now);
  Random& random_;
  std::map<AccountKey, Turn> turns_;  ///< bounded by the contacts
  std::size_t under_way_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace conclave::chat
