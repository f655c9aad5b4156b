#include "crypto/meeting_point.hpp"

#include "crypto/hash.hpp"
#include "crypto/hkdf.hpp"

namespace conclave {
namespace {

constexpr std::string_view body_salt = "conclave/entry-key/1";
constexpr std::string_view publisher_label = "conclave/publisher/1";

std::string_view domain(MeetingKind kind) {
  return kind == MeetingKind::account ? "conclave/meeting/account/1" : "conclave/meeting/conference/1";
}

/// domain ‖ 0x00 ‖ key ‖ day
Bytes named(MeetingKind kind, ByteView key, Day day) {
  Bytes out = copy(view(domain(kind)));
  out.push_back(0);
  append(out, key);
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<Byte>(static_cast<std::uint64_t>(day.raw()) >> shift));
  return out;
}

}  // namespace

Day day_of(UnixTime time) {
  const auto length = day_length.count();
  auto day = time.ms / length;
  return Day(time.ms % length < 0 ? day - 1 : day);
}

UnixTime start_of(Day day) { return {day.raw() * day_length.count()}; }

std::vector<Day> days_to_publish(UnixTime now) {
  Day first = day_of(now - publish_margin);
  Day last = day_of(now + publish_margin);
  if (first == last) return {first};
  return {first, last};
}

UnixTime next_publish_change(UnixTime now) {
  // Tomorrow begins a margin before midnight, yesterday ends a margin after it.
  Day today = day_of(now);
  UnixTime midnight = start_of(today) + day_length;
  UnixTime yesterday_ends = start_of(today) + publish_margin;
  if (now < yesterday_ends) return yesterday_ends;
  UnixTime tomorrow_begins = midnight - publish_margin;
  if (now < tomorrow_begins) return tomorrow_begins;
  return midnight + publish_margin;
}

std::vector<Day> days_to_read(UnixTime now) {
  Day today = day_of(now);
  if (Day earlier = day_of(now - clock_skew); earlier != today) return {today, earlier};
  if (Day later = day_of(now + clock_skew); later != today) return {today, later};
  return {today};
}

UnixTime expiry_limit(Day day) { return start_of(day) + 2 * day_length; }

MeetingPoint meeting_point(MeetingKind kind, ByteView key, Day day) {
  return *MeetingPoint::from(crypto::sha256(named(kind, key, day)));
}
MeetingPoint meeting_point(const AccountKey& key, Day day) {
  return meeting_point(MeetingKind::account, key, day);
}
MeetingPoint meeting_point(const ConferenceKey& key, Day day) {
  return meeting_point(MeetingKind::conference, key, day);
}

Secret<32> body_key(MeetingKind kind, ByteView key, Day day) {
  return crypto::hkdf_expand<32>(crypto::hkdf_extract(view(body_salt), named(kind, key, day)).view(),
                                 view("body"));
}

SigningKeys publisher_keys(const NodeKeys& node, const MeetingPoint& at) {
  Bytes label = copy(view(publisher_label));
  label.push_back(0);
  return SigningKeys::from_seed(crypto::hmac_sha256(node.seed().view(), {label, at}));
}

}  // namespace conclave
