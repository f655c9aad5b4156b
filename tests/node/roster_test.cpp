#include "node/calls/roster.hpp"

#include "crypto/codec/msgpack.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

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

  Statement by_admin(Saying saying, UnixTime at = now) {
    return issue(admin_node, key(), at, saying, certificate);
  }
  std::vector<Statement> founding(std::uint16_t members_max = 10) {
    return {issue(conference, key(), now, Admin{admin_account.public_key()}),
            by_admin(Invite{invite.public_key(), now + 1h, members_max, Invite::no_admission})};
  }
  Statement guest(const SigningKeys& call, UnixTime at = now, std::string name = "Ann") {
    return issue(
        invite, key(), at,
        introduce(call, crypto::x25519_public(call.seed()), key(), name, now + 2h, invite.public_key()));
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
  statements.push_back(issue(room.conference, room.key(), now,
                             Revoke{*SigningPublicKey::from(room.admin_account.public_key())}));
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
    (void)roster.add(
        issue(call, room.key(), now, State{sequence, std::nullopt, static_cast<std::uint8_t>(sequence)}));
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
    if (*rc::gen::inRange(0, 3) == 0)
      statements.push_back(room.by_admin(Remove{calls.back().public_key(), std::nullopt}));
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

/// Everything that a roster says.
struct Judgement {
  explicit Judgement(const Roster& roster) {
    for (const auto& [call, entry] : roster.members(now + 5s))
      members.emplace_back(call, entry.member.name, entry.state.sequence, entry.state.flags, entry.mute_asked,
                           entry.admin);
    for (const auto& member : roster.knockers()) knocking.push_back(member.call);
    nodes = roster.nodes(now + 5s);
    hash = roster.hash(now + 5s);
    auto all = roster.all();
    statements = {all.begin(), all.end()};
  }
  bool operator==(const Judgement&) const = default;
  std::vector<std::tuple<CallKey, std::string, std::uint64_t, std::uint8_t, std::uint8_t, bool>> members;
  std::vector<CallKey> knocking;
  std::map<NodeKey, std::uint64_t> nodes;
  crypto::Digest hash;
  std::set<Bytes> statements;
};

/// Some of whoever may or may not have a say, all of whom say at random what they may and may not: admins
/// made and revoked, invites of admins and of strangers, members by all of them, equal times and equal
/// numbers with different words.
std::vector<Statement> babel(Room& room, std::size_t count) {
  auto& random = room.random;
  struct Account {
    AccountKeys keys;
    NodeKeys node;
    Certificate certificate;
  };
  std::vector<Account> accounts;
  for (int i = 0; i < 4; ++i) {
    auto keys = AccountKeys::generate(random);
    auto node = NodeKeys::generate(random);
    auto certificate = certify(keys, node.public_key(), 1, now - 1h, now + 24h, "");
    accounts.push_back({std::move(keys), std::move(node), std::move(certificate)});
  }
  std::vector<SigningKeys> invites, calls;
  for (int i = 0; i < 3; ++i) invites.push_back(SigningKeys::generate(random));
  for (int i = 0; i < 5; ++i) calls.push_back(SigningKeys::generate(random));
  auto account = [&]() -> Account& { return accounts[random.below(accounts.size())]; };
  auto invite = [&]() -> SigningKeys& { return invites[random.below(invites.size())]; };
  auto call = [&]() -> SigningKeys& { return calls[random.below(calls.size())]; };
  auto saying = [&]() -> Saying {
    switch (random.below(9)) {
      case 0:
        return Admin{account().keys.public_key()};
      case 1:
        return Invite{invite().public_key(), now + 1h, static_cast<std::uint16_t>(random.below(3)),
                      static_cast<std::uint8_t>(random.below(4) != 0)};
      case 2:
        return Remove{call().public_key(),
                      random.below(3) == 0 ? std::optional(invite().public_key()) : std::nullopt};
      case 3:
        return random.below(2) == 0 ? Revoke{invite().public_key()}
                                    : Revoke{*SigningPublicKey::from(account().keys.public_key())};
      case 4:
        return random.below(3) == 0 ? Saying(Leave{})
                                    : Saying(State{random.below(3), std::nullopt,
                                                   static_cast<std::uint8_t>(random.below(32))});
      case 5:
        return Mute{call().public_key(), static_cast<std::uint8_t>(1 + random.below(7))};
      case 6:
        return Serve{random.below(3)};
      default: {
        auto& who = call();
        auto name = std::string(1, static_cast<char>('a' + random.below(3)));
        auto by = random.below(2) == 0 ? std::optional(invite().public_key()) : std::nullopt;
        return introduce(who, crypto::x25519_public(who.seed()), room.key(), name,
                         now + std::chrono::seconds(random.below(3) * 1000), by);
      }
    }
  };
  std::vector<Statement> out{issue(room.conference, room.key(), now, Admin{accounts[0].keys.public_key()})};
  while (out.size() < count) {
    auto at = now + std::chrono::seconds(random.below(2));
    auto said = saying();
    switch (random.below(5)) {
      case 0:
        out.push_back(issue(room.conference, room.key(), at, said));
        break;
      case 1:
        out.push_back(issue(invite(), room.key(), at, said));
        break;
      case 2:
        out.push_back(issue(call(), room.key(), at, said));
        break;
      default: {
        auto& who = account();
        out.push_back(issue(who.node, room.key(), at, said,
                            random.below(4) == 0 ? std::nullopt : std::optional(who.certificate)));
      }
    }
  }
  return out;
}

// Admins revoked while they grant, states of one number with different words, members certified twice:
// whatever comes in whatever order, by whatever way, everybody who has heard the same judges the same.
RC_GTEST_PROP(Roster, merges_without_conflict, (std::uint64_t seed)) {
  Room room(seed);
  auto statements = babel(room, static_cast<std::size_t>(*rc::gen::inRange(1, 120)));
  Roster one(room.key()), other(room.key()), third(room.key());
  for (const auto& statement : statements) (void)one.add(statement);
  for (auto i = statements.size(); i > 1; --i) std::swap(statements[i - 1], statements[room.random.below(i)]);
  for (const auto& statement : statements) (void)other.add(statement);
  RC_ASSERT(Judgement(one) == Judgement(other));
  // The third hears one half from the first and all from the second, at second hand, some of it twice.
  for (std::size_t i = 0; i < statements.size() / 2; ++i) (void)third.add(statements[i]);
  for (const auto& bytes : other.all()) (void)third.add(*open_statement(bytes, room.key(), now + 5s));
  for (const auto& bytes : one.all())
    RC_ASSERT(third.add(*open_statement(bytes, room.key(), now + 5s)).value() == false);
  RC_ASSERT(Judgement(third) == Judgement(one));
  // Nor does it matter what it was asked in between.
  for (auto later : {0s, 1500s, 5s}) (void)third.members(now + later);
  RC_ASSERT(Judgement(third) == Judgement(one));
}

TEST(Roster, an_admin_revoked_at_the_same_time_has_let_nobody_in) {
  Room room;
  auto second = AccountKeys::generate(room.random);
  auto node = NodeKeys::generate(room.random);
  auto papers = certify(second, node.public_key(), 1, now - 1h, now + 24h, "");
  auto friend_of_second = AccountKeys::generate(room.random);
  auto call = SigningKeys::generate(room.random), ann = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(ann));
  statements.push_back(room.by_admin(Admin{second.public_key()}));
  statements.push_back(
      issue(node, room.key(), now,
            introduce(call, crypto::x25519_public(call.seed()), room.key(), "Eve", now + 1h, {}), papers));
  statements.push_back(issue(node, room.key(), now, Admin{friend_of_second.public_key()}, papers));
  statements.push_back(
      issue(node, room.key(), now, Remove{ann.public_key(), room.invite.public_key()}, papers));
  EXPECT_TRUE(roster_of(room, statements).members(now).contains(call.public_key()));
  // The conference's key takes the admin back; the word comes first, in the middle or last.
  auto revoke =
      issue(room.conference, room.key(), now - 1s, Revoke{*SigningPublicKey::from(second.public_key())});
  for (std::size_t at = 0; at <= statements.size(); ++at) {
    auto all = statements;
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), revoke);
    auto roster = roster_of(room, all);
    EXPECT_FALSE(roster.members(now).contains(call.public_key()));
    EXPECT_FALSE(roster.is_admin(friend_of_second.public_key())) << "nor those whom it made admin";
    EXPECT_TRUE(roster.members(now).contains(ann.public_key())) << "whom it removed is in again";
  }
}

TEST(Roster, who_holds_the_link_cannot_speak_for_another_member) {
  Room room;
  auto victim = SigningKeys::generate(room.random), attacker = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(victim, now, "Ann"));
  auto roster = roster_of(room, statements);
  // An earlier statement counts before a later one: with a key of the attacker's, or under another name, it
  // is no statement.
  auto forged = introduce(attacker, crypto::x25519_public(attacker.seed()), room.key(), "Ann", now + 2h,
                          room.invite.public_key());
  forged.call = victim.public_key();
  EXPECT_EQ(open_statement(issue(room.invite, room.key(), now - 1s, forged).bytes, room.key(), now).error(),
            Errc::bad_signature);
  auto renamed = std::get<Member>(statements.back().saying);
  renamed.name = "Mallory";
  EXPECT_EQ(open_statement(issue(room.invite, room.key(), now - 1s, renamed).bytes, room.key(), now).error(),
            Errc::bad_signature);
  // An account is its own node's to claim; and a statement that does not count is not in the way of the one
  // that does.
  auto titled = std::get<Member>(statements.back().saying);
  titled.account = room.admin_account.public_key();
  for (auto at : {now - 1s, now}) {
    EXPECT_TRUE(roster.add(issue(room.invite, room.key(), at, titled)));
    EXPECT_TRUE(roster.add(issue(attacker, room.key(), at, titled)));
  }
  auto& entry = roster.members(now).at(victim.public_key());
  EXPECT_FALSE(entry.admin);
  EXPECT_EQ(entry.member.name, "Ann");
}

TEST(Roster, an_old_state_does_not_come_back) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  auto roster = roster_of(room, statements);
  auto raised = issue(call, room.key(), now, State{1, std::nullopt, State::hand});
  EXPECT_TRUE(roster.add(raised).value());
  EXPECT_TRUE(roster.add(issue(call, room.key(), now, State{2, std::nullopt, 0})).value());
  EXPECT_FALSE(roster.add(raised).value()) << "a replay is no news";
  EXPECT_EQ(roster.members(now).at(call.public_key()).state.flags, 0);
}

TEST(Roster, strangers_cannot_fill_it) {
  Room room;
  auto call = SigningKeys::generate(room.random);
  auto statements = room.founding();
  statements.push_back(room.guest(call));
  auto roster = roster_of(room, statements);
  for (std::size_t i = 0; i < Roster::statements_max + 10; ++i) {
    auto stranger = SigningKeys::generate(room.random);
    EXPECT_TRUE(roster.add(issue(stranger, room.key(), now + 1s, State{1, std::nullopt, State::knocking})));
  }
  EXPECT_LE(roster.size(), Roster::statements_max);
  roster.sweep(now + 1s);
  EXPECT_EQ(roster.size(), statements.size() + Roster::strangers_max);
  // Members still come, and one link lets in more than the strangers that are kept, one after the other.
  for (std::size_t i = 0; i < 2 * Roster::strangers_max; ++i) {
    auto guest = SigningKeys::generate(room.random);
    EXPECT_TRUE(roster.add(room.guest(guest, now + 2s)).value());
    EXPECT_TRUE(roster.members(now + 2s).contains(guest.public_key()));
    EXPECT_TRUE(roster.add(issue(guest, room.key(), now + 2s, Leave{})).value());
  }
  EXPECT_EQ(roster.members(now + 2s).size(), 1u);
}

RC_GTEST_PROP(Statement, damage_is_noticed, (std::uint64_t seed)) {
  Room room(seed);
  auto bytes = room.guest(SigningKeys::generate(room.random)).bytes;
  auto at = room.random.below(bytes.size());
  bytes[at] = static_cast<Byte>(bytes[at] ^ (1 << room.random.below(8)));
  RC_ASSERT(!open_statement(bytes, room.key(), now).has_value());
}

}  // namespace
