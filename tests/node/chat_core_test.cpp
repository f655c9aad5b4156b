#include "node/chat/history.hpp"
#include "node/chat/receiver.hpp"
#include "node/chat/rounds.hpp"
#include "node/error.hpp"
#include "node/store/schema.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

// The chat protocol's core against everything a network and a power supply can do: the real sender, the real
// receiver and the real journal over SQLite in memory, with a stream between them that dies at any moment,
// and programs that die at any moment.

using namespace conclave;
using namespace chat;

namespace {

AccountKey account(Byte n) { return AccountKey{{n, 0xaa}}; }
NodeKey node(Byte n) { return NodeKey{{n, 0xbb}}; }

/// The database of a node: what survives its death.
struct Disk {
  explicit Disk(Self who) : self(who), db(std::move(*store::Database::open({}, store::schema()))) {}

  /// A transaction; `crash` undoes it, as a death before the commit would.
  template <class F>
  auto transact(F work, bool crash = false) {
    EXPECT_TRUE(db.run("BEGIN"));
    auto outcome = work(*this);
    EXPECT_TRUE(db.run(outcome && !crash ? "COMMIT" : "ROLLBACK"));
    return outcome;
  }
  Journal journal() { return Journal(db, self); }
  std::vector<Message> page(const AccountKey& with) { return *History(db, self).page(with, 0, 500); }
  MessageId say(const AccountKey& to, std::string body) {
    return transact([&](Disk& d) { return d.journal().append(to, Text{{}, body}, now); })->id;
  }
  UnixTime now{1000};
  Self self;
  store::Database db;
};

/// One stream from the sender's node to the receiver's, and the volatile state at both ends.
struct Link {
  Link(Disk& from, Disk& to) : from_(from), to_(to), sender_(from.self.account == to.self.account) {
    for (auto& log : *from_.journal().progress(to_.self.node)) sender_.progress(log);
    if (!devices()) back_.push_back({std::nullopt, *to_.journal().have(from_.self.account, from_.self.node)});
    for (auto& have : *to_.journal().all_of(from_.self.node))
      if (devices()) back_.push_back(have);
  }
  void grew() {
    for (auto& log : *from_.journal().progress(to_.self.node)) sender_.progress(log);
  }
  bool devices() const { return from_.self.account == to_.self.account; }

  bool load() {
    auto load = sender_.next_load();
    if (!load) return false;
    sender_.loaded(*load, *from_.journal().own_after(load->conversation, load->after, 3));
    return true;
  }
  bool send() {
    auto entry = sender_.next_entry();
    if (entry) there_.push_back(encode(*entry));  // through the bytes
    return entry.has_value();
  }
  bool arrive() {
    if (there_.empty()) return false;
    auto frame = decode(there_.front());
    there_.pop_front();
    RC_ASSERT(frame.has_value());
    RC_ASSERT(receiver_.on_entry(std::get<Entry>(*frame)).has_value());
    return true;
  }
  bool commit() {
    auto batch = receiver_.next_batch();
    if (batch.empty()) return false;
    std::map<std::optional<AccountKey>, std::uint64_t> have;
    auto done = to_.transact([&](Disk& disk) -> Result<> {
      for (auto& entry : batch) {
        TRY(auto accepted,
            disk.journal().accept(entry.conversation.value_or(from_.self.account), from_.self.account,
                                  from_.self.node, entry, disk.now, false));
        have[entry.conversation] = accepted.have;
      }
      return {};
    });
    RC_ASSERT(done.has_value());
    for (auto& one : receiver_.committed(have)) back_.push_back(one);
    return true;
  }
  bool confirm() {
    if (back_.empty()) return false;
    auto have = back_.front();
    back_.pop_front();
    if (auto confirmed = sender_.on_have(have, to_.self.account)) {
      auto done = from_.transact([&](Disk& disk) {
        return disk.journal().acknowledged(confirmed->conversation, to_.self.node, confirmed->sequence);
      });
      RC_ASSERT(done.has_value());
    }
    return true;
  }
  /// Everything that can happen.
  void settle() {
    while (load() || send() || arrive() || commit() || confirm()) {
    }
  }
  bool idle() const { return sender_.idle(); }

 private:
  Disk& from_;
  Disk& to_;
  Sender sender_;
  Receiver receiver_;
  std::deque<Bytes> there_;
  std::deque<Have> back_;
};

std::vector<std::string> bodies(const std::vector<Message>& messages) {
  std::vector<std::string> out;
  for (auto& message : messages) out.push_back(message.body);
  return out;
}

// Each number is something that happens: mostly steps of the protocol, at times a broken stream or a death,
// which for the volatile state is the same thing.
RC_GTEST_PROP(Chat, whatever_breaks_every_message_arrives_exactly_once_and_in_order,
              (const std::vector<std::uint8_t>& events)) {
  Disk a({account(1), node(1)});
  Disk b({account(2), node(2)});
  RC_ASSERT(a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); }).has_value());
  auto link = std::make_unique<Link>(a, b);
  std::vector<std::string> said;
  std::uint64_t acked = 0;
  for (auto event : events) {
    switch (event % 8) {
      case 0:
        said.push_back(std::to_string(said.size()));
        a.say(account(2), said.back());
        link->grew();
        break;
      case 1:
        link->load();
        break;
      case 2:
        link->send();
        break;
      case 3:
        link->arrive();
        break;
      case 4:
        link->commit();
        break;
      case 5:
        link->confirm();
        break;
      case 6:
        link->send();
        break;
      case 7:
        if (event > 180) link = std::make_unique<Link>(a, b);
        break;
    }
    // What the sender believes acknowledged is in the receiver's database.
    acked = (*a.journal().progress(node(2))).empty() ? 0 : (*a.journal().progress(node(2))).front().acked;
    RC_ASSERT(acked <= b.page(account(1)).size());
  }
  link = std::make_unique<Link>(a, b);
  link->settle();
  RC_ASSERT(bodies(b.page(account(1))) == said);
  RC_ASSERT(link->idle());
  for (auto& message : a.page(account(2))) RC_ASSERT(message.delivery == Delivery::delivered);
}

RC_GTEST_PROP(Chat, a_set_back_receiver_gets_everything_again, ()) {
  auto count = *rc::gen::inRange(1, 100);
  auto kept = *rc::gen::inRange(0, count);
  Disk a({account(1), node(1)});
  RC_ASSERT(a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); }).has_value());
  std::vector<std::string> said;
  Disk full({account(2), node(2)});
  Disk old({account(2), node(2)});  // the same node as it was after `kept` messages
  for (int i = 0; i < count; ++i) {
    said.push_back(std::to_string(i));
    a.say(account(2), said.back());
    if (i + 1 == kept) Link(a, old).settle();
  }
  Link(a, full).settle();
  Link(a, old).settle();
  RC_ASSERT(bodies(full.page(account(1))).size() + bodies(old.page(account(1))).size() >= said.size());
  RC_ASSERT(bodies(old.page(account(1))) == said);
}

TEST(Chat, a_new_device_of_the_other_account_starts_where_its_others_are) {
  Disk a({account(1), node(1)});
  Disk first({account(2), node(2)});
  Disk second({account(2), node(3)});
  ASSERT_TRUE(a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); }));
  a.say(account(2), "one");
  Link(a, first).settle();
  a.say(account(2), "two");  // the first device never gets it
  ASSERT_TRUE(a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(3)); }));
  a.say(account(2), "three");
  Link link(a, second);
  link.settle();
  EXPECT_EQ(bodies(second.page(account(1))), (std::vector<std::string>{"two", "three"}));
  EXPECT_TRUE(link.idle());
}

TEST(Chat, our_other_devices_get_what_we_write) {
  Disk a({account(1), node(1)});
  Disk tablet({account(1), node(9)});
  a.say(account(2), "before the tablet");
  ASSERT_TRUE(a.transact([](Disk& d) { return d.journal().add_receiver(account(1), node(9)); }));
  a.say(account(2), "to two");
  a.say(account(3), "to three");
  Link(a, tablet).settle();
  EXPECT_EQ(bodies(tablet.page(account(2))), std::vector<std::string>{"to two"});
  EXPECT_EQ(bodies(tablet.page(account(3))), std::vector<std::string>{"to three"});
  EXPECT_TRUE(tablet.page(account(2)).front().ours);
}

TEST(Chat, what_was_erased_before_it_left_never_arrives) {
  Disk a({account(1), node(1)});
  Disk b({account(2), node(2)});
  ASSERT_TRUE(a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); }));
  auto id = a.say(account(2), "regretted");
  a.say(account(2), "kept");
  ASSERT_TRUE(a.transact([&](Disk& d) { return d.journal().append(account(2), Erase{id}, d.now); }));
  Link link(a, b);
  link.settle();
  EXPECT_EQ(bodies(b.page(account(1))), std::vector<std::string>{"kept"});
  EXPECT_TRUE(link.idle());
}

struct Talk : testing::Test {
  Talk() : a({account(1), node(1)}), b({account(2), node(2)}) {
    (void)a.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); });
    (void)b.transact([](Disk& d) { return d.journal().add_receiver(account(1), node(1)); });
  }
  void exchange() {
    Link(a, b).settle();
    Link(b, a).settle();
  }
  template <class C>
  Result<> put(Disk& disk, C content) {
    ++disk.now.ms;
    auto other = disk.self.account == account(1) ? account(2) : account(1);
    auto done = disk.transact([&](Disk& d) { return d.journal().append(other, Content(content), d.now); });
    if (!done) return fail(done.error());
    return {};
  }
  Disk a, b;
};

TEST_F(Talk, edits_erasures_and_reactions_look_alike_on_both_sides) {
  auto id = a.say(account(2), "helo");
  exchange();
  ASSERT_TRUE(put(a, Edit{id, "hello"}));
  ASSERT_TRUE(put(b, React{id, "\U0001F44D"}));
  exchange();
  for (auto* disk : {&a, &b}) {
    auto message = disk->page(disk == &a ? account(2) : account(1)).front();
    EXPECT_EQ(message.body, "hello");
    EXPECT_TRUE(message.edited);
    ASSERT_EQ(message.reactions.size(), 1u);
    EXPECT_EQ(message.reactions[0], (Reaction{account(2), "\U0001F44D"}));
  }
  ASSERT_TRUE(put(b, React{id, ""}));
  ASSERT_TRUE(put(b, Text{id, "hi"}));
  exchange();
  EXPECT_TRUE(a.page(account(2))[0].reactions.empty());
  EXPECT_EQ(a.page(account(2))[1].reply_to, id);
  ASSERT_TRUE(put(a, Erase{id}));
  exchange();
  EXPECT_TRUE(b.page(account(1))[0].deleted);
  EXPECT_EQ(b.page(account(1))[0].body, "");
}

TEST_F(Talk, only_its_author_changes_a_message) {
  auto id = a.say(account(2), "mine");
  exchange();
  EXPECT_EQ(put(b, Edit{id, "yours"}).error(), node::Errc::not_yours);
  EXPECT_EQ(put(b, Erase{id}).error(), node::Errc::not_yours);
  EXPECT_EQ(put(b, Erase{{node(7), 1}}).error(), node::Errc::unknown_message);
  // A peer that does not keep this rule gets nothing by it.
  Entry forged{std::nullopt, 1, 0, UnixTime{5}, Edit{id, "forged"}};
  auto outcome = a.transact(
      [&](Disk& d) { return d.journal().accept(account(2), account(2), node(2), forged, d.now, false); });
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->changes.empty());
  EXPECT_EQ(a.page(account(2)).front().body, "mine");
}

TEST_F(Talk, reading_is_told_once_and_shown) {
  a.say(account(2), "one");
  a.say(account(2), "two");
  exchange();
  EXPECT_EQ(History(b.db, b.self).conversation(account(1))->unread, 2u);
  auto changes = b.transact([](Disk& d) { return d.journal().read_all(account(1), /*tell=*/true, d.now); });
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ(History(b.db, b.self).conversation(account(1))->unread, 0u);
  EXPECT_TRUE(b.transact([](Disk& d) { return d.journal().read_all(account(1), true, d.now); })->empty());
  exchange();
  for (auto& message : a.page(account(2))) EXPECT_EQ(message.delivery, Delivery::read);
}

TEST_F(Talk, a_stranger_leaves_little_and_goes_on_after_acceptance) {
  for (int i = 0; i < 12; ++i) a.say(account(2), "m" + std::to_string(i));
  auto all = *a.journal().own_after(account(2), 0, 100);
  std::uint64_t previous = 0;
  for (auto& own : all) {
    Entry entry{std::nullopt, own.sequence, previous, own.sent, own.content};
    ASSERT_TRUE(b.transact(
        [&](Disk& d) { return d.journal().accept(account(1), account(1), node(1), entry, d.now, true); }));
    previous = own.sequence;
  }
  EXPECT_EQ(b.page(account(1)).size(), stranger_texts_max);
  Link(a, b).settle();  // accepted: the log goes on
  EXPECT_EQ(b.page(account(1)).size(), 12u);
}

TEST(Chat, what_a_database_forgot_is_not_numbered_twice) {
  Disk before({account(1), node(1)});
  Disk b({account(2), node(2)});
  for (auto* disk : {&before})
    (void)disk->transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); });
  before.say(account(2), "one");
  before.say(account(2), "two");
  Link(before, b).settle();
  Disk after({account(1), node(1)});  // the same node, its database set back to the beginning
  (void)after.transact([](Disk& d) { return d.journal().add_receiver(account(2), node(2)); });
  Link(after, b).settle();
  after.say(account(2), "three");
  Link(after, b).settle();
  EXPECT_EQ(bodies(b.page(account(1))), (std::vector<std::string>{"one", "two", "three"}));
}

RC_GTEST_PROP(ChatWire, round_trip, ()) {
  auto id = [] {
    return MessageId{node(*rc::gen::element<Byte>(0, 1, 255)), *rc::gen::inRange<std::uint64_t>(1, 99)};
  };
  auto words = *rc::gen::nonEmpty(rc::gen::string<std::string>());
  for (auto& c : words) c = static_cast<char>(c & 0x7f);
  words.resize(std::min<std::size_t>(words.size(), emoji_max));
  std::vector<Content> contents{Text{id(), words}, Text{{}, words},    Edit{id(), words},
                                Erase{id()},       React{id(), words}, Read{{id(), id()}}};
  for (auto& content : contents) {
    Entry entry{account(3), *rc::gen::inRange<std::uint64_t>(100, 200),
                *rc::gen::inRange<std::uint64_t>(0, 100), UnixTime{*rc::gen::arbitrary<std::int64_t>()},
                content};
    auto frame = decode(encode(entry));
    RC_ASSERT(frame.has_value());
    RC_ASSERT(std::get<Entry>(*frame) == entry);
  }
  Hello hello{protocol_version, account(1), account(2), Bytes(100, 7), {Bytes(90, 1), Bytes(90, 2)}};
  RC_ASSERT(std::get<Hello>(*decode(encode(hello))) == hello);
}

RC_GTEST_PROP(ChatWire, noise_gives_a_frame_or_an_error, (const Bytes& noise)) { (void)decode(noise); }

TEST(ChatWire, limits_are_kept) {
  Entry entry{std::nullopt, 2, 1, UnixTime{1}, Text{{}, std::string(body_max, 'x')}};
  EXPECT_TRUE(decode(encode(entry)));
  entry.content = Text{{}, std::string(body_max + 1, 'x')};
  EXPECT_EQ(decode(encode(entry)).error(), Errc::too_long);
  entry.content = Text{{}, ""};
  EXPECT_EQ(decode(encode(entry)).error(), Errc::malformed);
  entry.content = Text{{}, "x"};
  entry.previous = 2;
  EXPECT_EQ(decode(encode(entry)).error(), Errc::malformed);
  Hello hello;
  hello.version = 2;
  EXPECT_EQ(decode(encode(hello)).error(), Errc::unsupported);
}

TEST(Rounds, patience_grows_and_ends_when_the_account_shows_up) {
  SeededRandom random(1);
  Rounds rounds(random);
  TimePoint now{};
  rounds.want(account(1), now);
  std::vector<double> waits;
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(rounds.next(now), account(1));
    EXPECT_FALSE(rounds.next(now));
    rounds.ended(account(1), Rounds::Outcome::not_reached, now);
    waits.push_back(std::chrono::duration<double>(rounds.wake() - now).count());
    now = rounds.wake();
  }
  EXPECT_GE(waits.front(), 1.6);
  EXPECT_LE(waits.front(), 2.4);
  EXPECT_GE(waits.back(), 720);
  EXPECT_LE(waits.back(), 1080);
  ASSERT_TRUE(rounds.next(now));
  rounds.hurry(account(1), now);
  rounds.ended(account(1), Rounds::Outcome::not_reached, now);
  EXPECT_EQ(rounds.next(now), account(1)) << "it showed up meanwhile";
  rounds.ended(account(1), Rounds::Outcome::handed_over, now);
  EXPECT_EQ(rounds.wake(), TimePoint::max());
}

// A stream that breaks while a round is under way, as when two nodes that dial each other settle on one connection:
// the round finds the device reached and not served, and must not take it for one that is gone.
TEST(Rounds, a_stream_that_breaks_during_a_round_is_tried_again_soon) {
  using enum Rounds::Outcome;
  for (auto outcome : {nothing_waits, handed_over, partly_reached, not_reached}) {
    SeededRandom random(1);
    Rounds rounds(random);
    TimePoint now{};
    rounds.want(account(1), now);
    ASSERT_TRUE(rounds.next(now));
    rounds.broke(account(1), false, now);
    rounds.ended(account(1), outcome, now);
    EXPECT_LE(rounds.wake() - now, Rounds::patience_min * 1.2) << static_cast<int>(outcome);
    EXPECT_GE(rounds.wake() - now, Rounds::patience_min * 0.8) << static_cast<int>(outcome);
  }
}

TEST(Rounds, a_device_that_is_gone_does_not_delay_the_one_that_is_there) {
  SeededRandom random(1);
  Rounds rounds(random);
  TimePoint now{};
  rounds.want(account(1), now);
  ASSERT_TRUE(rounds.next(now));
  rounds.ended(account(1), Rounds::Outcome::partly_reached, now);
  EXPECT_GE(rounds.wake() - now, Rounds::patience_for_devices * 0.8);
  rounds.broke(account(1), false, now);
  EXPECT_LE(rounds.wake() - now, Rounds::patience_min * 1.2);
}

TEST(Rounds, of_those_that_are_due_whoever_was_wanted_first_is_first) {
  SeededRandom random(1);
  Rounds rounds(random);
  constexpr std::array<Byte, 4> order{5, 9, 1, 7};
  for (auto i : order) rounds.want(account(i), TimePoint{});
  for (auto i : order) EXPECT_EQ(rounds.next(TimePoint{}), account(i));
}

TEST(Rounds, few_are_under_way_at_a_time) {
  SeededRandom random(1);
  Rounds rounds(random);
  for (Byte i = 0; i < 100; ++i) rounds.want(account(i), TimePoint{});
  std::size_t started = 0;
  while (rounds.next(TimePoint{})) ++started;
  EXPECT_EQ(started, Rounds::parallel_max);
}

}  // namespace
