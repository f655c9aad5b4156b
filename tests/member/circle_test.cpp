#include "node/member/circle.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::member {
namespace {

/// Circles that hear each other's statements and parcels after a time of its own for each.
struct Party {
  SeededRandom random;
  ConferenceKeys conference{ConferenceKeys::generate(random)};
  SigningKeys invite{SigningKeys::generate(random)};
  TimePoint now{std::chrono::hours(1)};
  UnixTime wall{1'800'000'000'000};
  Duration delay_max;
  struct Post {
    TimePoint at;
    std::size_t to;
    bool parcel = false;
    Bytes bytes;
  };
  std::vector<std::unique_ptr<Circle>> circles;
  std::vector<bool> in;
  std::vector<Post> posts;
  std::vector<Bytes> statements;

  Party(std::uint64_t seed, Duration delay) : random(seed), delay_max(delay) {
    calls::Invite said{invite.public_key(), wall + std::chrono::hours(48), 200, calls::Invite::no_admission};
    tell_all(calls::issue(conference, conference.public_key(), wall, said).bytes);
  }
  TimePoint soon() { return now + Duration(static_cast<std::int64_t>(random.below(delay_max.count() + 1))); }
  void tell_all(const Bytes& statement) {
    statements.push_back(statement);
    for (std::size_t i = 0; i < circles.size(); ++i) posts.push_back({soon(), i, false, statement});
  }
  std::size_t join() {
    auto self = Self::make(conference.public_key(), invite, "member", random, wall);
    auto statement = self.statement.bytes;
    circles.push_back(std::make_unique<Circle>(conference.public_key(), std::move(self), random));
    in.push_back(true);
    tell_all(statement);
    for (auto& each : statements) posts.push_back({now, circles.size() - 1, false, each});
    return circles.size() - 1;
  }
  void remove(std::size_t which) {
    auto& own = std::get<calls::Member>(circles[which]->own().saying);
    in[which] = false;
    tell_all(calls::issue(conference, conference.public_key(), wall, calls::Remove{own.call, std::nullopt}).bytes);
  }
  void run(Duration span) {
    constexpr Duration step{10'000};
    for (auto end = now + span; now < end; now += step, wall = wall + std::chrono::milliseconds(10)) {
      auto due = std::exchange(posts, {});
      for (auto& post : due) {
        if (post.at > now) posts.push_back(std::move(post));
        else if (post.parcel) circles[post.to]->hear_parcel(post.bytes, wall, now);
        else (void)circles[post.to]->hear_statement(post.bytes, wall, now);
      }
      for (auto& circle : circles) {
        circle->advance(wall, now);
        for (auto& parcel : circle->take_parcels()) {
          for (std::size_t to = 0; to < circles.size(); ++to)
            if (circles[to]->id() == parcel.to) posts.push_back({soon(), to, true, parcel.bytes});
        }
      }
    }
  }
  Result<Circle::Opened> carry(std::size_t from, std::size_t to) {
    auto sealed = circles[from]->seal(e2ee::Kind::audio, view("a frame"));
    if (!sealed) return std::unexpected(sealed.error());
    return circles[to]->open(false, *sealed, now, now);
  }
};

constexpr Duration second = std::chrono::seconds(1);

RC_GTEST_PROP(Circle, whoever_is_in_opens_everybodys_frames_and_whoever_is_out_opens_nothing_new, ()) {
  Party party(*rc::gen::arbitrary<std::uint64_t>(), Duration(*rc::gen::inRange(0, 150'000)));
  auto steps = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
  party.join();
  party.join();
  for (auto step : steps) {
    if (party.circles.size() > 5) break;
    std::size_t inside = static_cast<std::size_t>(std::ranges::count(party.in, true));
    auto which = step % party.circles.size();
    if (step % 3 == 0 && inside > 2 && party.in[which]) party.remove(which);
    else party.join();
    party.run(Duration(step * 1000));
  }
  party.run(2 * second);
  for (std::size_t from = 0; from < party.circles.size(); ++from) {
    for (std::size_t to = 0; to < party.circles.size(); ++to) {
      if (from == to) continue;
      auto opened = party.carry(from, to);
      bool should = party.in[from] && party.in[to];
      RC_ASSERT(opened.has_value() == should);
      if (should) RC_ASSERT(opened->from == party.circles[from]->id());
    }
  }
}

RC_GTEST_PROP(Circle, who_comes_later_cannot_read_what_was_sealed_before, ()) {
  Party party(*rc::gen::arbitrary<std::uint64_t>(), Duration(20'000));
  auto ada = party.join();
  auto bob = party.join();
  party.run(second);
  auto before = party.circles[ada]->seal(e2ee::Kind::video, Bytes(100, 1));
  RC_ASSERT(before.has_value());
  auto eve = party.join();
  party.run(second);
  RC_ASSERT(party.carry(ada, eve).has_value());
  RC_ASSERT(!party.circles[eve]->open(true, *before, party.now, party.now));
  RC_ASSERT(party.circles[eve]->counters().before == 1u);
  RC_ASSERT(party.circles[bob]->open(true, *before, party.now, party.now).has_value());
}

TEST(Circle, keys_change_once_and_within_a_tenth_of_a_second_when_somebody_leaves) {
  Party party(1, Duration(0));
  auto ada = party.join();
  auto bob = party.join();
  auto eve = party.join();
  party.run(second);
  auto generation = party.circles[ada]->generation();
  party.remove(eve);
  party.run(Duration(50'000));
  EXPECT_EQ(party.circles[ada]->generation(), generation);
  party.run(Duration(70'000));
  EXPECT_EQ(party.circles[ada]->generation(), generation + 1);
  EXPECT_TRUE(party.carry(ada, bob));
  EXPECT_FALSE(party.carry(ada, eve));
}

TEST(Circle, who_has_lost_a_key_message_asks_for_it_after_a_third_of_a_second) {
  Party party(1, Duration(0));
  auto ada = party.join();
  auto bob = party.join();
  auto eve = party.join();
  party.run(second * 3);
  party.remove(eve);
  // All that is on its way to Bob is lost while the keys change, except the statement.
  for (int i = 0; i < 30; ++i) {
    party.run(Duration(10'000));
    std::erase_if(party.posts, [&](auto& post) { return post.parcel && post.to == bob; });
  }
  auto sealed = party.circles[ada]->seal(e2ee::Kind::audio, view("a frame"));
  ASSERT_TRUE(sealed);
  auto arrival = party.now;
  EXPECT_EQ(party.circles[bob]->open(false, *sealed, arrival, party.now).error(), Errc::not_found);
  party.run(Circle::patience);
  EXPECT_EQ(party.circles[bob]->open(false, *sealed, arrival, party.now).error(), Errc::timed_out);
  EXPECT_EQ(party.circles[bob]->counters().asked, 1u);
  EXPECT_EQ(party.circles[bob]->counters().late, 1u);
  party.run(Duration(100'000));
  EXPECT_TRUE(party.carry(ada, bob));
}

TEST(Circle, a_frame_that_was_touched_or_comes_twice_or_on_the_wrong_line_does_not_open) {
  Party party(1, Duration(0));
  auto ada = party.join();
  auto bob = party.join();
  party.run(second);
  auto sealed = *party.circles[ada]->seal(e2ee::Kind::video, Bytes(50, 3));
  auto bent = sealed;
  bent.back() ^= 1;
  EXPECT_FALSE(party.circles[bob]->open(true, bent, party.now, party.now));
  EXPECT_TRUE(party.circles[bob]->open(true, sealed, party.now, party.now));
  EXPECT_FALSE(party.circles[bob]->open(true, sealed, party.now, party.now));
  auto sound = *party.circles[ada]->seal(e2ee::Kind::audio, Bytes(50, 3));
  EXPECT_FALSE(party.circles[bob]->open(true, sound, party.now, party.now));
  EXPECT_GE(party.circles[bob]->counters().failed, 2u);
}

}  // namespace
}  // namespace conclave::member
