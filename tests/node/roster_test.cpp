#include "node/calls/roster.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/msgpack.hpp"

using namespace conclave;
using namespace conclave::calls;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime now{1'800'000'000'000};

/// A conference with a founder whose node speaks for the admin account, and an invite for strangers.
struct Room {
  explicit Room(std::uint64_t seed = 1) : random(seed) {}
  SeededRandom random;
  ConferenceKeys conference = ConferenceKeys::generate(random);
  AccountKeys admin_account = AccountKeys::generate(random);
  NodeKeys admin_node = NodeKeys::generate(random);
  Certificate certificate = certify(admin_account, admin_node.public_key(), 1, now - 1h, now + 24h, "laptop");
  SigningKeys invite = SigningKeys::generate(random);
  const ConferenceKey& key() const { return conference.public_key(); }

  Statement by_admin(Saying saying, UnixTime at = now) { return issue(admin_node, key(), at, saying, certificate); }
  std::vector<Statement> founding(std::uint16_t members_max = 10) {
    return {issue(conference, key(), now, Admin{admin_account.public_key()}),
            by_admin(Invite{invite.public_key(), now + 1h, members_max, Invite::no_admission})};
  }
  Statement guest(const SigningKeys& call, UnixTime at = now, std::string name = "Ann") {
    return issue(invite, key(), at,
                 Member{call.public_key(), crypto::x25519_public(call.seed()), {}, std::move(name), now + 2h, invite.public_key()});
  }
};

Roster roster_of(const Room& room, const std::vector<Statement>& statements) {
  Roster roster(room.key());
  for (const auto& statement : statements) {
    auto opened = open_statement(statement.bytes, room.key(), now);
    EXPECT_TRUE(opened);
    EXPECT_TRUE(roster.add(*opened));
  }
  return roster;
}

TEST(Roster, an_invite_lets_guests_in_up_to_its_cap_and_until_it_expires) {
  Room room;
  auto statements = room.founding(2);
  std::vector<SigningKeys> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(SigningKeys::generate(room.random));
    statements.push_back(room.guest(calls.back(), now + std::chrono::seconds(i)));
  }
  auto roster = roster_of(room, statements);
  EXPECT_EQ(roster.members(now).size(), 2u);
  EXPECT_FALSE(roster.members(now).contains(calls[2].public_key())) << "the last one found it full";
  EXPECT_EQ(roster.admits(room.invite.public_key(), now).error(), Errc::limit_reached);
  EXPECT_EQ(roster.members(now + 90min).size(), 0u);
  EXPECT_EQ(roster.admits(room.invite.public_key(), now + 90min).error(), Errc::expired);
}

TEST(Roster, who_was_removed_does_not_come_back_by_the_same_link) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  statements.push_back(room.by_admin(Remove{call.public_key(), room.invite.public_key()}));
  auto roster = roster_of(room, statements);
  EXPECT_TRUE(roster.members(now).empty());
  EXPECT_TRUE(roster.removed(call.public_key()));
  auto again = SigningKeys::generate(room.random);
  EXPECT_TRUE(roster.add(room.guest(again, now + 1s)));
  EXPECT_TRUE(roster.members(now + 1s).empty()) << "a new call key under the revoked invite";
  EXPECT_EQ(roster.admits(room.invite.public_key(), now).error(), Errc::revoked);
}

TEST(Roster, guests_cannot_say_what_admins_say) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto victim = SigningKeys::generate(room.random);
  auto own_invite = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  statements.push_back(room.guest(victim));
  for (Saying saying : {Saying(Remove{victim.public_key(), room.invite.public_key()}),
                        Saying(Admin{room.random.fixed<AccountKey>()}), Saying(Mute{victim.public_key(), 7}),
                        Saying(Revoke{room.invite.public_key()}),
                        Saying(Invite{own_invite.public_key(), now + 1h, 100, Invite::no_admission})}) {
    statements.push_back(issue(call, room.key(), now, saying));
    statements.push_back(issue(room.invite, room.key(), now, saying));
  }
  auto roster = roster_of(room, statements);
  EXPECT_EQ(roster.members(now).size(), 2u);
  EXPECT_EQ(roster.members(now).at(victim.public_key()).mute_asked, 0);
  EXPECT_TRUE(roster.admits(room.invite.public_key(), now));
  EXPECT_FALSE(roster.admits(own_invite.public_key(), now));
}

TEST(Roster, a_revoked_admin_has_no_say_any_more) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  statements.push_back(issue(room.conference, room.key(), now, Revoke{*SigningPublicKey::from(room.admin_account.public_key())}));
  auto roster = roster_of(room, statements);
  EXPECT_FALSE(roster.is_admin(room.admin_account.public_key()));
  EXPECT_TRUE(roster.members(now).empty()) << "its invite went with it";
}

TEST(Roster, the_newest_state_counts_and_the_set_does_not_grow_by_states) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  auto roster = roster_of(room, statements);
  auto size = roster.size();
  for (std::uint64_t sequence : {1u, 3u, 2u})
    (void)roster.add(issue(call, room.key(), now, State{sequence, std::nullopt, static_cast<std::uint8_t>(sequence)}));
  EXPECT_EQ(roster.size(), size + 1);
  EXPECT_EQ(roster.members(now).at(call.public_key()).state.sequence, 3u);
}

TEST(Statement, of_another_conference_or_from_the_future_is_refused) {
  Room room;
  auto statement = room.founding()[0];
  EXPECT_EQ(open_statement(statement.bytes, ConferenceKey{}, now).error(), Errc::refused);
  EXPECT_EQ(open_statement(statement.bytes, room.key(), now - 11min).error(), Errc::expired);
}

// The order of arrival and what arrives twice change nothing.
RC_GTEST_PROP(Roster, everybody_judges_alike, (std::uint64_t seed)) {
  Room room(seed);
  auto statements = room.founding(static_cast<std::uint16_t>(*rc::gen::inRange(0, 4)));
  std::vector<SigningKeys> calls;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    calls.push_back(SigningKeys::generate(room.random));
    statements.push_back(room.guest(calls.back(), now + std::chrono::seconds(*rc::gen::inRange(0, 2))));
    if (*rc::gen::inRange(0, 3) == 0) statements.push_back(room.by_admin(Remove{calls.back().public_key(), std::nullopt}));
    if (*rc::gen::inRange(0, 4) == 0) statements.push_back(issue(calls.back(), room.key(), now, Leave{}));
  }
  auto first = roster_of(room, statements);
  for (auto i = statements.size(); i > 1; --i) std::swap(statements[i - 1], statements[room.random.below(i)]);
  Roster second(room.key());
  for (const auto& statement : statements) {
    (void)second.add(statement);
    RC_ASSERT(second.add(statement).value() == false);
  }
  RC_ASSERT(first.hash(now + 5s) == second.hash(now + 5s));
}

RC_GTEST_PROP(Statement, damage_is_noticed, (std::uint64_t seed)) {
  Room room(seed);
  auto bytes = room.guest(SigningKeys::generate(room.random)).bytes;
  auto at = room.random.below(bytes.size());
  bytes[at] = static_cast<Byte>(bytes[at] ^ (1 << room.random.below(8)));
  RC_ASSERT(!open_statement(bytes, room.key(), now).has_value());
}

}  // namespace
