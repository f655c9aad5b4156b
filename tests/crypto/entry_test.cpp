#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/sealed_entry.hpp"

using namespace conclave;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime now{1'800'000'000'000};  // 08:00 UTC

struct Fixture {
  SeededRandom random{1};
  AccountKeys account = AccountKeys::generate(random);
  NodeKeys node = NodeKeys::generate(random);
  Day day = day_of(now);
  EntryContent content{node.public_key(),
                       encode(certify(account, node.public_key(), 1, now, now + 24h * 365, "desk")),
                       {*from_hex("04010203049102000af1dcc101")},
                       {}};
  SealedEntry seal() {
    return *seal_entry(MeetingKind::account, account.public_key(), day, content, node, 7, now + 2h, random);
  }
};

TEST(MeetingPoint, is_the_hash_that_the_documents_state) {
  Fixture f;
  Bytes message = copy(view("conclave/meeting/account/1"));
  message.push_back(0);
  append(message, f.account.public_key());
  append(message, *from_hex("0000000000005161"));
  EXPECT_EQ(f.day, Day(0x5161));
  EXPECT_EQ(hex(meeting_point(f.account.public_key(), f.day)), hex(crypto::sha256(message)));
  ConferenceKey same_bytes = *ConferenceKey::from(f.account.public_key());
  EXPECT_NE(meeting_point(same_bytes, f.day), meeting_point(f.account.public_key(), f.day));
}

TEST(MeetingPoint, days_before_1970_are_negative) {
  EXPECT_EQ(day_of({-1}), Day(-1));
  EXPECT_EQ(day_of({0}), Day(0));
  EXPECT_EQ(start_of(Day(-1)), UnixTime{-86'400'000});
}

// Two honest clocks are at most 20 minutes apart.
RC_GTEST_PROP(MeetingPoint, a_reader_looks_where_the_publisher_is, ()) {
  auto start = start_of(Day(20'000));
  auto offset =
      *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 3 * 86'400'000),
                      rc::gen::inRange<std::int64_t>(86'400'000 - 4'000'000, 86'400'000 + 4'000'000));
  auto apart = *rc::gen::inRange<std::int64_t>(-20 * 60'000, 20 * 60'000 + 1);
  UnixTime publisher{start.ms + offset};
  UnixTime reader{publisher.ms + apart};
  auto published = days_to_publish(publisher);
  // The first day a reader asks for is enough.
  RC_ASSERT(std::ranges::count(published, days_to_read(reader).front()) == 1);
  RC_ASSERT(days_to_read(reader).size() <= 2u);
  RC_ASSERT(published.size() <= 2u);
}

RC_GTEST_PROP(MeetingPoint, the_days_to_publish_change_exactly_when_said, ()) {
  UnixTime time{*rc::gen::inRange<std::int64_t>(0, 3 * 86'400'000)};
  auto change = next_publish_change(time);
  RC_ASSERT(change > time);
  RC_ASSERT(days_to_publish(change - 1ms) == days_to_publish(time));
  RC_ASSERT(days_to_publish(change) != days_to_publish(time));
}

TEST(SealedEntry, is_opened_by_who_knows_the_key) {
  Fixture f;
  auto entry = f.seal();
  EXPECT_TRUE(verify_entry(entry, now));
  auto opened = open_account_entry(f.account.public_key(), f.day, entry, now);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->content, f.content);
  EXPECT_EQ(opened->certificate.name, "desk");
}

TEST(SealedEntry, shows_a_holder_nothing_of_whom_it_is_about) {
  Fixture f;
  Bytes bytes = encode(f.seal());
  auto holds = [&](ByteView part) { return !std::ranges::search(bytes, part).empty(); };
  EXPECT_FALSE(holds(f.node.public_key()));
  EXPECT_FALSE(holds(f.account.public_key()));
  EXPECT_FALSE(holds(f.content.addresses[0]));
  auto short_entry = f.seal();
  f.content.addresses.push_back(f.content.addresses[0]);
  EXPECT_EQ(f.seal().sealed.size(), short_entry.sealed.size()) << "padding hides one address more";
}

TEST(SealedEntry, of_another_key_or_day_is_refused) {
  Fixture f;
  auto entry = f.seal();
  auto other = AccountKeys::generate(f.random).public_key();
  EXPECT_EQ(open_account_entry(other, f.day, entry, now).error(), Errc::refused);
  EXPECT_EQ(open_account_entry(f.account.public_key(), Day(1), entry, now).error(), Errc::refused);
}

TEST(SealedEntry, cannot_be_taken_over_by_another_publisher_who_knows_the_key) {
  Fixture f;
  auto entry = f.seal();
  // Mallory, who knows the account's key, seals the same content for herself: the node's signature does not
  // hold.
  auto mallory = NodeKeys::generate(f.random);
  auto hers = f.content;
  hers.node = mallory.public_key();
  auto forged =
      *seal_entry(MeetingKind::account, f.account.public_key(), f.day, hers, mallory, 8, now + 2h, f.random);
  EXPECT_TRUE(verify_entry(forged, now));
  EXPECT_EQ(open_account_entry(f.account.public_key(), f.day, forged, now).error(), Errc::refused);
  // Nor can a body be moved below another publisher's key.
  auto moved = entry;
  moved.publisher = forged.publisher;
  EXPECT_FALSE(open_account_entry(f.account.public_key(), f.day, moved, now));
}

TEST(SealedEntry, of_a_revoked_device_is_refused) {
  Fixture f;
  Revocation revocations[] = {revoke(f.account, f.node.public_key(), now)};
  EXPECT_EQ(open_account_entry(f.account.public_key(), f.day, f.seal(), now, revocations).error(),
            Errc::revoked);
}

TEST(SealedEntry, any_flipped_bit_is_noticed_by_the_holder) {
  Fixture f;
  Bytes bytes = encode(f.seal());
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 3) {
    bytes[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    auto decoded = decode_entry(bytes);
    EXPECT_FALSE(decoded && verify_entry(*decoded, now)) << bit;
    bytes[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    ++refused;
  }
  std::printf("figure sealed entry bits flipped, all refused: %zu\n", refused);
}

TEST(SealedEntry, time_is_bounded_in_both_directions) {
  Fixture f;
  auto entry = f.seal();
  EXPECT_TRUE(verify_entry(entry, now + 2h + 10min - 1ms));
  EXPECT_EQ(verify_entry(entry, now + 2h + 10min).error(), Errc::expired);
  EXPECT_EQ(verify_entry(entry, now - 24h * 3).error(), Errc::expired) << "too far ahead";
  entry.expires = UnixTime{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(verify_entry(entry, now).error(), Errc::expired);
  auto later = *seal_entry(MeetingKind::account, f.account.public_key(), f.day, f.content, f.node, 1,
                           now + 24h * 9, f.random);
  EXPECT_EQ(later.expires, expiry_limit(f.day));
}

TEST(SealedEntry, the_publisher_is_the_same_after_a_restart_and_another_one_elsewhere) {
  Fixture f;
  EXPECT_EQ(f.seal().publisher, f.seal().publisher);
  auto today = f.seal();
  f.day = Day(f.day.raw() + 1);
  EXPECT_NE(f.seal().publisher, today.publisher);
}

TEST(SealedEntry, too_much_content_is_refused_when_sealing) {
  Fixture f;
  f.content.addresses.assign(8, Bytes(120, 1));
  auto sealed =
      seal_entry(MeetingKind::account, f.account.public_key(), f.day, f.content, f.node, 1, now, f.random);
  EXPECT_EQ(sealed.error(), Errc::too_long);
}

TEST(SealedEntry, the_largest_fits_its_limits) {
  Fixture f;
  std::size_t largest = 0;
  for (std::size_t size = 0;; ++size) {
    f.content.addresses.assign(1, Bytes(size, 1));
    auto sealed = seal_entry(MeetingKind::account, f.account.public_key(), f.day, f.content, f.node,
                             std::numeric_limits<std::uint64_t>::max(), now, f.random);
    if (!sealed) break;
    largest = std::max(largest, encode(*sealed).size());
    ASSERT_LE(sealed->sealed.size(), SealedEntry::sealed_max);
  }
  EXPECT_LE(largest, SealedEntry::size_max);
  std::printf("figure largest sealed entry, bytes: %zu\n", largest);
}

RC_GTEST_PROP(SealedEntry, noise_gives_an_error, (const Bytes& noise)) { RC_ASSERT(!decode_entry(noise)); }

}  // namespace
