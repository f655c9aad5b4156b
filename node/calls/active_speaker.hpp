#pragma once
/// Who speaks, from the levels that travel beside encrypted audio (RFC 6464): a smoothed loudness for each member,
/// and an order that does not jump at a cough.
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "crypto/time.hpp"
#include "node/calls/statement.hpp"

namespace conclave::calls {

class ActiveSpeaker {
 public:
  static constexpr Byte speech_level = 55;       ///< −dBov; quieter is breath and fans
  static constexpr double margin = 6;            ///< dB by which a challenger must be louder …
  static constexpr Duration patience{300'000};   ///< … for so long
  static constexpr Duration memory{10'000'000};  ///< who has not spoken for so long is no speaker
  static constexpr std::size_t members_max = 256;

  /// One packet's level, or another node's word for a member that we do not hear.
  void hear(const MemberId& member, Byte level, TimePoint now);
  void forget(const MemberId& member);
  /// Loudest first, only who has spoken lately. The first place changes by `margin` and `patience`.
  std::span<const MemberId> order(TimePoint now);
  /// 0 silence to 127.
  double loudness(const MemberId& member, TimePoint now) const;

 private:
  struct Voice {
    double loudness = 0;
    TimePoint at{}, spoke{};
    bool ever = false;
  };
  static double decayed(const Voice& voice, TimePoint now);
  std::map<MemberId, Voice> voices_;
  std::vector<MemberId> order_;
  std::optional<MemberId> challenger_;
  TimePoint challenged_{};
};

}  // namespace conclave::calls
