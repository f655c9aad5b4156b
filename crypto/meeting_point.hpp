#pragma once
/// Meeting points: where in the DHT, on which day, the nodes of a public key are found by those who know it
/// (docs/identity.md, "Sealed entries").
///
/// Days overlap, so that midnight loses nobody. A node publishes under every day that is "today" for somebody within
/// an hour of its own clock; a reader asks for the day of its own clock, and within `clock_skew` of midnight for the
/// neighbouring day as well. Two honest clocks differ by at most 2 × clock_skew = 20 minutes, so that either rule
/// alone would do; the hour leaves time for publishing. Entries of a day hold until a day after its end.
#include "crypto/keys.hpp"
#include "crypto/strong.hpp"
#include "crypto/time.hpp"

namespace conclave {

using MeetingPoint = Fixed<struct MeetingPointTag, 32>;  ///< a DHT key
using Day = Strong<struct DayTag, std::int64_t>;         ///< days since 1970-01-01, UTC

/// Whose nodes meet: accounts and conferences with the same key bytes meet apart.
enum class MeetingKind : Byte { account, conference };

inline constexpr std::chrono::milliseconds day_length = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds publish_margin = std::chrono::hours(1);

Day day_of(UnixTime time);
UnixTime start_of(Day day);

/// The days to publish under at `now`, ascending: one, or two around midnight.
std::vector<Day> days_to_publish(UnixTime now);
/// When `days_to_publish` changes next, after `now`.
UnixTime next_publish_change(UnixTime now);
/// The days to read at `now`, likeliest first: one, or two around midnight.
std::vector<Day> days_to_read(UnixTime now);
/// No entry of that day expires later: a day after the day's end.
UnixTime expiry_limit(Day day);

/// SHA-256(domain ‖ 0x00 ‖ key ‖ day as 8 bytes, big endian).
MeetingPoint meeting_point(const AccountKey& key, Day day);
MeetingPoint meeting_point(const ConferenceKey& key, Day day);
MeetingPoint meeting_point(MeetingKind kind, ByteView key, Day day);

/// The key that bodies are sealed with there.
Secret<32> body_key(MeetingKind kind, ByteView key, Day day);

/// The pair a node signs its entry with there: a fresh one at each meeting point and day, which nobody can connect
/// with another or with the node, and the same one again after a restart, so that the node's old entry is replaced.
SigningKeys publisher_keys(const NodeKeys& node, const MeetingPoint& at);

}  // namespace conclave
