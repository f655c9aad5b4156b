// One line of a page: temporal layers, gaps made on purpose and gaps made by loss. And who gets which layer.
#include "node/calls/page_slot.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "node/calls/layer_allocator.hpp"
#include "tests/transport/webrtc/native_page.hpp"

namespace conclave::calls {
namespace {

using namespace webrtc;

const StreamName camera{{}, MediaKind::video, 2};

/// Frames of one packet each, as an encoder with three temporal layers makes them.
struct Slot {
  SeededRandom random{1};
  Feed feed{camera, true, 1};
  PageSlot slot{4, true, webrtc::test::chromium_claims({}), random};
  std::uint32_t sequence = 1000;
  std::uint16_t picture = 77;
  Byte tl0 = 9;
  TimePoint now{std::chrono::hours(1)};
  std::optional<PageSlot::Departure> last;

  /// Whether the page gets it; `lost` ones the node has never seen.
  bool send(Byte temporal, bool sync, bool key = false, bool lost = false) {
    static const Bytes payload(100, Byte{1});
    now += Duration(33'333);
    ++sequence;
    picture = static_cast<std::uint16_t>((picture + 1) & 0x7fff);
    if (temporal == 0) ++tl0;
    if (lost) return false;
    MediaUnit unit{feed.number(), 0, sequence, sequence * 3000, 0, 127, payload};
    unit.flags = static_cast<Byte>(temporal << 6 | MediaUnit::frame_start | MediaUnit::frame_end |
                                   (key ? MediaUnit::key_frame : 0) | (sync ? MediaUnit::layer_sync : 0));
    Vp8Descriptor descriptor;
    descriptor.picture_id = picture;
    descriptor.tl0_index = tl0;
    feed.keep(unit, now);
    auto out = slot.take(feed, unit, descriptor, now);
    if (out) last = out;
    return out.has_value();
  }
};

TEST(PageSlot, a_temporal_layer_comes_back_only_on_a_frame_that_says_so) {
  Slot page;
  page.slot.aim(page.feed.number(), 0);
  EXPECT_TRUE(page.send(0, false, /*key=*/true));
  EXPECT_FALSE(page.send(2, true));
  EXPECT_FALSE(page.send(1, true));
  EXPECT_TRUE(page.send(0, false));
  page.slot.aim(page.feed.number(), 2);
  EXPECT_FALSE(page.send(2, false)) << "it leans on frames that were left out";
  EXPECT_FALSE(page.send(1, false));
  EXPECT_TRUE(page.send(0, false));
  EXPECT_TRUE(page.send(1, true)) << "a layer sync leans on the base alone";
  EXPECT_FALSE(page.send(2, false));
  EXPECT_TRUE(page.send(2, true));
  EXPECT_TRUE(page.send(2, false));
}

TEST(PageSlot, what_is_left_out_closes_its_gap_and_what_was_lost_leaves_it) {
  Slot page;
  page.slot.aim(page.feed.number(), 1);
  ASSERT_TRUE(page.send(0, false, /*key=*/true));
  auto first = page.last->header.sequence;
  auto picture = page.last->place.picture.id;
  EXPECT_FALSE(page.send(2, true));
  EXPECT_FALSE(page.send(2, false));
  ASSERT_TRUE(page.send(1, true));
  EXPECT_EQ(static_cast<std::uint16_t>(page.last->header.sequence - first), 1) << "two were left out";
  EXPECT_EQ(page.last->place.picture.id - picture, 1);
  page.send(0, false, false, /*lost=*/true);
  ASSERT_TRUE(page.send(1, false));
  EXPECT_EQ(static_cast<std::uint16_t>(page.last->header.sequence - first), 3) << "one was lost and will be asked for";
  EXPECT_EQ(page.last->place.picture.id - picture, 3);
}

LayerWish wish(int rank, std::uint16_t height) {
  return {rank, height, {{0, 180, 150e3}, {1, 360, 500e3}, {2, 720, 1500e3}}, std::nullopt, 2};
}

TEST(LayerAllocator, everybody_gets_something_small_before_anybody_gets_more) {
  const std::vector<LayerWish> wishes{wish(0, 720), wish(1, 180), wish(1, 180)};
  auto choices = allocate(wishes, 3 * 150e3 * temporal_share[0] + 1);
  for (auto& choice : choices) {
    EXPECT_EQ(choice.layer, Byte{0});
    EXPECT_EQ(choice.temporal, 0);
    EXPECT_TRUE(choice.short_of_bandwidth);
  }
}

TEST(LayerAllocator, the_most_important_is_raised_first_and_nobody_above_what_is_shown) {
  const std::vector<LayerWish> wishes{wish(1, 180), wish(0, 720), wish(1, 360)};
  auto choices = allocate(wishes, 1500e3 + 2 * 150e3 + 1);
  EXPECT_EQ(choices[1].layer, Byte{2});
  EXPECT_EQ(choices[0].layer, Byte{0});
  auto all = allocate(wishes, 10e6);
  EXPECT_EQ(all[0].layer, Byte{0}) << "shown 180 pixels high";
  EXPECT_EQ(all[2].layer, Byte{1});
  EXPECT_EQ(all[1].layer, Byte{2});
  EXPECT_FALSE(all[0].short_of_bandwidth);
}

TEST(LayerAllocator, a_step_up_asks_for_a_reserve_that_keeping_does_not) {
  auto one = wish(0, 360);
  one.now = Byte{0};
  auto low = allocate(std::array{one}, 505e3);
  EXPECT_LT(low[0].bps, 500e3);
  one.now = Byte{1};
  EXPECT_EQ(allocate(std::array{one}, 505e3)[0].layer, Byte{1});
}

RC_GTEST_PROP(LayerAllocator, never_gives_out_more_than_there_is, (std::vector<std::uint8_t> ranks, std::uint32_t budget)) {
  std::vector<LayerWish> wishes;
  for (auto rank : ranks) wishes.push_back(wish(rank % 4, static_cast<std::uint16_t>(180 << rank % 3)));
  const double most = budget % 20'000'000;
  double given = 0;
  for (auto& choice : allocate(wishes, most)) given += choice.bps;
  RC_ASSERT(given <= most + 1e-6);
}

}  // namespace
}  // namespace conclave::calls
