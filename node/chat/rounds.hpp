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
  static constexpr std::size_t parallel_max = 8;
  static constexpr Duration patience_min = std::chrono::seconds(2);
  static constexpr Duration patience_max = std::chrono::minutes(15);
  static constexpr Duration patience_for_devices = std::chrono::hours(1);

  explicit Rounds(Random& random) : random_(random) {}

  /// Something waits for the account, to be tried at `when`; changes nothing where that was known.
  void want(const AccountKey& account, TimePoint when);
  /// It may be reachable now: the next try is due at once, and patience starts anew.
  void hurry(const AccountKey& account, TimePoint now);
  void forget(const AccountKey& account);
  /// A stream to the account broke with something still waiting. Patience starts anew where something had
  /// arrived.
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
    bool again = false;  ///< hurried or wanted meanwhile
  };
  void postpone(Turn& turn, TimePoint now);
  Random& random_;
  std::map<AccountKey, Turn> turns_;  ///< bounded by the contacts
  std::size_t under_way_ = 0;
};

}  // namespace conclave::chat
