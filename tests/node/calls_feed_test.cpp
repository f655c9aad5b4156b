// One stream at a node: what is missing of it, whom to ask, and when only a key frame helps.
#include "node/calls/feed.hpp"

#include <gtest/gtest.h>

namespace conclave::calls {
namespace {

using namespace std::chrono_literals;

constexpr LinkId one_link{1}, other_link{2};
Duration no_time(LinkId) { return 1ms; }

/// Frames of one packet each, of two temporal layers, that come from another node.
struct FromElsewhere {
  Feed feed{{{}, MediaKind::video, 0}, false, 1};
  TimePoint now{std::chrono::hours(1)};
  std::uint32_t sequence = 100;
  Byte tl0 = 7;
  LinkId link = one_link;

  void frame(Byte temporal, bool key = false, bool lost = false) {
    now += Duration(33'333);
    ++sequence;
    if (temporal == 0) ++tl0;
    if (lost) return;
    // A descriptor with picture id, TL0PICIDX and temporal layer (RFC 7741 section 4.2), then the frame.
    const Bytes payload{0x90, 0xe0, 0x80, 1, tl0, static_cast<Byte>(temporal << 6), static_cast<Byte>(key ? 0 : 1), 0, 0};
    MediaUnit unit{feed.number(), 0, sequence, sequence * 3000, 0, 127, payload};
    unit.flags = static_cast<Byte>(temporal << 6 | MediaUnit::frame_start | MediaUnit::frame_end | (key ? MediaUnit::key_frame : 0));
    feed.came_by(0, link, now);
    feed.keep(unit, now);
  }
  /// Everything it asks for in `span`, while nothing comes; by the link asked.
  std::vector<LinkId> ask_for(Duration span) {
    std::vector<LinkId> out;
    for (auto end = now + span; now < end; now += 1ms)
      for (auto& gap : feed.gaps(now, no_time)) out.push_back(gap.link);
    return out;
  }
};

TEST(Feed, asks_for_what_is_missing_less_and_less_often_and_then_for_a_key_frame) {
  FromElsewhere from;
  from.frame(0, /*key=*/true);
  from.frame(0, false, /*lost=*/true);
  from.frame(0);
  EXPECT_EQ(from.ask_for(1s).size(), std::size_t{Feed::asks_max});
  EXPECT_TRUE(from.feed.key_frame.take(from.now));
}

TEST(Feed, goes_on_without_a_key_frame_where_a_whole_frame_of_an_upper_layer_is_missing) {
  FromElsewhere from;
  from.frame(0, /*key=*/true);
  from.frame(1, false, /*lost=*/true);
  from.frame(0);
  EXPECT_FALSE(from.ask_for(1s).empty());
  EXPECT_FALSE(from.feed.key_frame.take(from.now));
}

TEST(Feed, what_comes_late_is_no_reason_for_a_key_frame) {
  FromElsewhere from;
  from.frame(0, /*key=*/true);
  from.frame(0, false, /*lost=*/true);
  from.frame(0);
  (void)from.ask_for(100ms);
  from.sequence -= 2;
  from.tl0 -= 2;
  from.frame(0);
  EXPECT_TRUE(from.ask_for(1s).empty());
  EXPECT_FALSE(from.feed.key_frame.take(from.now));
}

TEST(Feed, asks_another_parent_at_once_for_what_the_first_one_owes) {
  FromElsewhere from;
  from.frame(0, /*key=*/true);
  from.frame(0, false, /*lost=*/true);
  from.frame(0);
  (void)from.ask_for(300ms);
  from.link = other_link;
  from.frame(0);
  auto asked = from.ask_for(2ms);
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked.front(), other_link);
}

TEST(Feed, the_lowest_layer_of_another_node_is_waited_for_and_a_higher_one_is_left_alone) {
  for (Byte layer : {Byte{0}, Byte{1}}) {
    Feed feed{{{}, MediaKind::video, layer}, false, 1};
    feed.told = true;
    TimePoint now{std::chrono::hours(1)};
    for (int i = 0; i < 100; ++i) feed.want(true, now += 100ms);
    EXPECT_EQ(feed.available(now - 5s), layer == 0);
  }
}

}  // namespace
}  // namespace conclave::calls
