#include "node/member/attendance.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/member/room.hpp"

namespace conclave::member {
namespace {

using test::Room;

constexpr Duration second = std::chrono::seconds(1);

Programme programme(Random& random) { return {test::make_film(random, 30, 1000), test::make_song(random, 50), 0, 30}; }

/// Frames of `from` that `guest` has opened, and that are none of `film`'s: there must be none.
std::size_t strange(const Room::Guest& guest, const Room::Guest& from, const Film& film) {
  auto found = guest.seen.find({from.attendance->circle().id(), e2ee::Kind::video});
  if (found == guest.seen.end()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(found->second, [&](auto& bytes) {
    return std::ranges::none_of(film.frames, [&](auto& frame) { return frame.bytes == bytes; });
  }));
}

std::size_t seen(const Room::Guest& guest, const Room::Guest& from, e2ee::Kind kind) {
  auto found = guest.seen.find({from.attendance->circle().id(), kind});
  return found == guest.seen.end() ? 0 : found->second.size();
}

TEST(Attendance, two_members_see_and_hear_each_other_by_nothing_but_a_link) {
  SeededRandom random(3);
  Room room;
  auto ada_plays = programme(random), bob_plays = programme(random);
  auto& ada = room.join("ada", ada_plays);
  auto& bob = room.join("bob", bob_plays);
  room.run(5 * second);
  ASSERT_EQ(ada.attendance->state(), Attendance::State::connected);
  EXPECT_GT(seen(ada, bob, e2ee::Kind::video), 35u);
  EXPECT_GT(seen(bob, ada, e2ee::Kind::audio), 180u);
  EXPECT_EQ(strange(ada, bob, *bob_plays.film), 0u);
  EXPECT_EQ(strange(bob, ada, *ada_plays.film), 0u);
  for (auto* guest : {&ada, &bob}) {
    auto& counters = guest->attendance->circle().counters();
    EXPECT_EQ(counters.failed + counters.late, 0u);
    EXPECT_EQ(counters.gone, 0u);
    EXPECT_EQ(guest->attendance->received().freezes, 0u);
    ASSERT_TRUE(guest->attendance->counters().first_frame_after);
    EXPECT_LT(*guest->attendance->counters().first_frame_after, second);
  }
  ada.attendance->leave(room.wall, room.now);
  room.run(second);
  EXPECT_EQ(ada.attendance->state(), Attendance::State::left);
  EXPECT_EQ(bob.attendance->circle().counters().leaves, 1u);
}

/// Up to ten members come and go for some seconds. The worst that anybody counts.
struct ComeAndGo {
  std::size_t most = 0;
  std::uint64_t opened = 0, failed = 0, late = 0, freezes = 0;
  bool everybody_sees_everybody = true;
};
ComeAndGo come_and_go(double loss) {
  SeededRandom random(4);
  Room room;
  room.lost = [&] { return random.unit() < loss; };
  std::vector<Room::Guest*> in;
  ComeAndGo out;
  auto plays = programme(random);
  for (int round = 0; round < 18; ++round) {
    bool leaves = round > 11 ? round % 2 == 0 : round % 6 == 5;
    if (leaves) {
      auto at = random.below(in.size());
      in[at]->attendance->leave(room.wall, room.now);
      in.erase(in.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      in.push_back(&room.join("member" + std::to_string(round), plays));
    }
    out.most = std::max(out.most, in.size());
    room.run(second / 5);
  }
  room.run(second);
  auto count = [&](auto* guest, auto* other) { return seen(*guest, *other, e2ee::Kind::video); };
  std::map<std::pair<Room::Guest*, Room::Guest*>, std::size_t> before;
  for (auto* guest : in)
    for (auto* other : in) before[{guest, other}] = count(guest, other);
  room.run(second);
  for (auto& [pair, frames] : before)
    if (pair.first != pair.second && count(pair.first, pair.second) < frames + 5) out.everybody_sees_everybody = false;
  for (auto& guest : room.guests) {
    auto& counters = guest->attendance->circle().counters();
    out.opened += counters.opened;
    out.failed += counters.failed;
    out.late += counters.late;
  }
  return out;
}

TEST(Attendance, every_frame_opens_for_everybody_who_is_in_while_up_to_ten_come_and_go) {
  auto result = come_and_go(0);
  EXPECT_GE(result.most, 9u);
  EXPECT_EQ(result.failed, 0u);
  EXPECT_EQ(result.late, 0u);
  EXPECT_TRUE(result.everybody_sees_everybody);
  std::printf("figure up to %zu members coming and going: %llu frames opened, 0 failed\n", result.most,
              static_cast<unsigned long long>(result.opened));
}

TEST(Attendance, on_paths_that_lose_packets_a_key_may_be_late_but_no_frame_fails) {
  auto result = come_and_go(0.01);
  EXPECT_EQ(result.failed, 0u);
  EXPECT_LE(result.late * 50, result.opened);
  EXPECT_TRUE(result.everybody_sees_everybody);
  std::printf("figure the same with 1 %% loss each way: %llu frames opened, 0 failed, %llu without a key in time\n",
              static_cast<unsigned long long>(result.opened), static_cast<unsigned long long>(result.late));
}

TEST(Attendance, a_removed_member_opens_nothing_new_even_where_its_node_goes_on_forwarding) {
  SeededRandom random(5);
  Room room;
  room.forwards_to_removed = true;
  auto& ada = room.join("ada", programme(random));
  auto& bob = room.join("bob", programme(random));
  auto& eve = room.join("eve", programme(random));
  room.run(3 * second);
  EXPECT_GT(seen(eve, ada, e2ee::Kind::video), 10u);
  room.remove(eve);
  room.run(second / 2);  // the change of keys: 100 ms and a way
  auto before = eve.attendance->circle().counters();
  auto at_removal = eve.attendance->received().packets;
  auto seen_before = seen(eve, ada, e2ee::Kind::audio) + seen(eve, bob, e2ee::Kind::audio);
  room.run(3 * second);
  auto after = eve.attendance->circle().counters();
  EXPECT_EQ(after.opened, before.opened);
  EXPECT_EQ(after.sealed, before.sealed) << "and sends nothing any more";
  EXPECT_EQ(seen(eve, ada, e2ee::Kind::audio) + seen(eve, bob, e2ee::Kind::audio), seen_before);
  EXPECT_GT(eve.attendance->received().packets, 400u + at_removal) << "while the packets do come";
  EXPECT_EQ(ada.attendance->circle().counters().failed, 0u);
  EXPECT_GT(seen(ada, bob, e2ee::Kind::video), 50u);
}

TEST(Attendance, when_the_entry_node_dies_members_come_in_by_another_one_with_the_same_call_keys) {
  SeededRandom random(6);
  Room room(2);
  auto& ada = room.join("ada", programme(random));
  auto& bob = room.join("bob", programme(random));
  room.run(3 * second);
  ASSERT_TRUE(ada.attendance->entry());
  auto dead = ada.attendance->entry()->ip.bytes[3] - 1U;
  room.kill(dead);
  room.run(8 * second);
  ASSERT_EQ(ada.attendance->state(), Attendance::State::connected);
  EXPECT_NE(ada.attendance->entry()->ip.bytes[3] - 1U, dead);
  EXPECT_EQ(ada.attendance->counters().connects, 2u);
  auto before = seen(bob, ada, e2ee::Kind::video);
  room.run(2 * second);
  EXPECT_GT(seen(bob, ada, e2ee::Kind::video), before + 15);
  EXPECT_EQ(bob.attendance->circle().counters().failed + ada.attendance->circle().counters().failed, 0u);
  EXPECT_EQ(ada.attendance->circle().members(room.wall).size(), 2u);
  std::printf("figure %.1f s from noticing an entry node's death to being in by another\n",
              std::chrono::duration<double>(ada.attendance->counters().longest_gap).count());
}

}  // namespace
}  // namespace conclave::member
