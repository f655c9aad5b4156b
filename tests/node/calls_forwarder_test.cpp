#include "node/calls/forwarder.hpp"

#include <gtest/gtest.h>

#include "tests/node/calls_conference.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace conclave::calls {
namespace {

using namespace test;
using namespace webrtc;

TEST(Forwarder, pictures_and_sound_go_from_page_to_page_as_one_stream) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.microphones = {&alice};
  room.watch(bob, alice);
  room.run(3 * second);
  auto seen = bob.take_seen();
  auto video = check_continuity(seen, PageSlot::ssrc_of(video_mid));
  auto audio = check_continuity(seen, PageSlot::ssrc_of(audio_mid));
  EXPECT_EQ(video.broken, "");
  EXPECT_GT(video.frames, 80);
  EXPECT_EQ(audio.broken, "");
  EXPECT_GT(audio.packets, 140);
  EXPECT_EQ((site.assigned[{bob.session.raw(), video_mid}]),
            (SlotAssigned{video_mid, alice.id, MediaKind::video, PageSlot::ssrc_of(video_mid)}));
  EXPECT_EQ((site.assigned[{bob.session.raw(), audio_mid}].member), alice.id);
  // The highest layer, since the way takes it.
  auto last = std::ranges::find_if(seen, [](auto& packet) { return packet.picture && packet.picture->height; });
  ASSERT_NE(last, seen.end());
  EXPECT_TRUE(alice.take_seen().empty()) << "nobody hears himself";
  EXPECT_EQ(site.publishing.size(), 4);
}

TEST(Forwarder, a_narrow_way_gets_the_small_layer_and_says_why) {
  Conference room(1, wide(250'000));
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(4 * second);
  auto seen = bob.take_seen();
  EXPECT_EQ(check_continuity(seen, PageSlot::ssrc_of(video_mid)).broken, "");
  auto& quality = site.qualities[bob.session.raw()];
  ASSERT_EQ(quality.pictures.size(), 1);
  EXPECT_EQ(quality.pictures[0].height, 180);
  EXPECT_EQ(quality.pictures[0].why, Smaller::downlink);
}

TEST(Forwarder, a_picture_that_is_larger_than_the_first_estimate_is_shown_all_the_same) {
  ForwarderLimits limits;  // starts at 500 kbit/s
  Conference room(1, limits);
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  // A screen, say: one layer, 1.5 Mbit/s, nothing below it.
  alice.frame_sizes = {6000, 6000, 6000};
  room.layers = {0};
  room.cameras = {&alice};
  webrtc::TransportCcReceiver arrivals;
  room.run(2 * second);
  room.watch(bob, alice);
  std::size_t frames = 0;
  for (int i = 0; i < 200; ++i) {
    room.run(Duration(20'000));
    for (auto& seen : bob.take_seen()) {
      frames += seen.picture && seen.picture->start;
      if (seen.transport_cc) arrivals.hear(*seen.transport_cc, seen.at);
    }
    for (auto& feedback : arrivals.feedback(room.world.now(), 9, PageSlot::ssrc_of(video_mid))) bob.native->send_rtcp(feedback);
  }
  EXPECT_GT(frames, 60) << "probes of padding find that the way takes it";
}

TEST(Forwarder, layers_change_only_on_key_frames_and_timestamps_follow_the_reports) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice, 180);
  room.run(2 * second);
  room.watch(bob, alice, 720);
  room.run(2 * second);
  room.watch(bob, alice, 360);
  room.run(2 * second);
  auto seen = bob.take_seen();
  auto video = check_continuity(seen, PageSlot::ssrc_of(video_mid));
  EXPECT_EQ(video.broken, "");
  EXPECT_EQ(site.forwarder->figures().layer_switches, 2);
  std::vector<std::uint16_t> heights;
  std::int64_t first = 0;
  TimePoint first_at{};
  for (auto& packet : seen) {
    if (packet.header.ssrc != PageSlot::ssrc_of(video_mid) || !packet.picture) continue;
    if (packet.picture->height && (heights.empty() || heights.back() != *packet.picture->height))
      heights.push_back(*packet.picture->height);
    if (first_at == TimePoint{}) {
      first = packet.header.timestamp;
      first_at = packet.at;
    }
  }
  EXPECT_EQ(heights, (std::vector<std::uint16_t>{180, 720, 360}));
  // Six seconds of pictures are six seconds of timestamps, whatever offsets the layers have.
  auto& last = seen.back();
  EXPECT_NEAR(static_cast<double>(static_cast<std::uint32_t>(last.header.timestamp - first)) / 90'000, 6.0, 0.2);
}

TEST(Forwarder, what_was_lost_on_the_way_is_asked_for_and_fills_its_gap) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(second);
  std::set<std::uint16_t> missing;
  alice.lost = [&](std::size_t sequence) {
    if (sequence % 17 != 0) return false;
    missing.insert(static_cast<std::uint16_t>(sequence));
    return true;
  };
  for (int i = 0; i < 100; ++i) {
    room.run(Duration(20'000));
    for (auto& message : alice.take_reports()) {
      auto* nack = std::get_if<Nack>(&message);
      for (auto& encoding : alice.video) {
        if (!nack || nack->media != encoding.ssrc()) continue;
        for (auto sequence : nack->lost) encoding.send_again(*alice.native, sequence, alice.transport);
      }
    }
  }
  alice.lost = [](std::size_t) { return false; };
  room.run(second);
  auto seen = bob.take_seen();
  std::erase_if(seen, [](auto& packet) { return packet.header.ssrc != PageSlot::ssrc_of(video_mid); });
  std::ranges::sort(seen, [](auto& a, auto& b) { return newer(b.header.sequence, a.header.sequence); });
  EXPECT_EQ(check_continuity(seen, PageSlot::ssrc_of(video_mid)).broken, "");
  EXPECT_GT(site.forwarder->figures().repaired, 5);
}

TEST(Forwarder, a_nack_is_answered_with_the_same_descriptor_under_the_retransmissions_ssrc) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(2 * second);
  auto seen = bob.take_seen();
  std::erase_if(seen, [](auto& packet) { return packet.header.ssrc != PageSlot::ssrc_of(video_mid); });
  auto& wanted = seen[seen.size() - 5];
  bob.native->send_rtcp(Nack{9, PageSlot::ssrc_of(video_mid), {wanted.header.sequence}});
  room.run(Duration(50'000));
  auto more = bob.take_seen();
  auto again = std::ranges::find_if(more, [](auto& packet) {
    return packet.header.ssrc == PageSlot::ssrc_of(video_mid) + 1;
  });
  ASSERT_NE(again, more.end());
  EXPECT_EQ(ByteView(again->payload).size(), wanted.payload.size() + 2);
  EXPECT_TRUE(std::ranges::equal(ByteView(again->payload).subspan(2), wanted.payload));
  EXPECT_EQ(site.forwarder->figures().resent, 1);
}

TEST(Forwarder, what_feedback_calls_lost_or_never_tells_of_goes_again_unasked) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(second);
  (void)bob.take_seen();
  const auto ssrc = PageSlot::ssrc_of(video_mid);
  webrtc::TransportCcReceiver arrivals;
  SeededRandom random(7);
  std::set<std::uint16_t> sent, came;
  for (int i = 0; i < 200; ++i) {
    bool bad = i < 150;
    room.run(Duration(20'000));
    for (auto& seen : bob.take_seen()) {
      if (seen.header.ssrc == ssrc) sent.insert(seen.header.sequence);
      if (bad && random.below(10) == 0) continue;  // lost
      if (seen.transport_cc) arrivals.hear(*seen.transport_cc, seen.at);
      if (seen.header.ssrc == ssrc) came.insert(seen.header.sequence);
      if (auto again = unwrap_rtx(seen.payload); again && seen.header.ssrc == ssrc + 1) came.insert(again->sequence);
    }
    for (auto& feedback : arrivals.feedback(room.world.now(), 9, ssrc))
      if (!bad || random.below(5) != 0) bob.native->send_rtcp(feedback);
  }
  ASSERT_GT(sent.size(), 300);
  std::erase_if(came, [&](auto sequence) { return !sent.contains(sequence); });
  EXPECT_EQ(came, sent);
  EXPECT_LT(site.forwarder->figures().resent, sent.size()) << "with the last packet of each frame, which goes twice anyway";
}

TEST(Forwarder, who_joins_gets_the_kept_key_frame_and_nobody_is_asked_for_another) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  auto& carol = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(second);
  room.key_layers = {0, 1, 2};
  room.run(Duration(300'000));
  auto asked = site.forwarder->figures().key_frames_asked;
  room.watch(carol, alice);
  room.run(second);
  EXPECT_EQ(site.forwarder->figures().key_frames_asked, asked);
  EXPECT_GE(site.forwarder->figures().cache_joins, 1);
  auto seen = carol.take_seen();
  auto video = check_continuity(seen, PageSlot::ssrc_of(video_mid));
  EXPECT_EQ(video.broken, "");
  EXPECT_GT(video.frames, 32) << "more than what came since it joined";
}

TEST(Forwarder, a_kept_key_frame_goes_to_a_page_once_whatever_it_does_with_its_slots) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(2 * second);
  for (int i = 0; i < 12; ++i) {
    // Into another line, to nobody, back again: within the second in which a key frame is kept.
    const auto mid = static_cast<std::uint16_t>(video_mid + 2 * (i % 3));
    std::vector<Watched> lines{{audio_mid, {}, MediaKind::audio, 0}};
    if (i % 4 != 3) lines.push_back({mid, alice.id, MediaKind::video, 720});
    site.forwarder->watch(bob.session, lines, room.world.now());
    room.run(Duration(150'000));
  }
  std::set<Bytes> once;
  std::size_t twice = 0;
  for (auto& seen : bob.take_seen()) {
    if (seen.header.payload_type != 96) continue;
    twice += !once.insert(copy(ByteView(seen.payload).last(8))).second;
  }
  EXPECT_GT(once.size(), 100);
  EXPECT_EQ(twice, 0) << "a receiver refuses a sealed frame that comes again";
}

TEST(Forwarder, a_page_gets_nothing_of_before_it_came_and_no_frame_twice) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(second);
  room.key_layers = {0, 1, 2};
  room.run(Duration(300'000));

  // A member has no keys of what was sent before it came: the kept key frame is of no use to it.
  auto came = room.world.now();
  auto& carol = site.add_page();
  room.watch(carol, alice);
  room.run(second);
  EXPECT_EQ(site.forwarder->figures().cache_joins, 0);
  auto seen = carol.take_seen();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(check_continuity(seen, PageSlot::ssrc_of(video_mid)).broken, "");
  EXPECT_LT(seen.front().at, came + Duration(300'000)) << "a fresh one was asked for at once";

  // Looking away and back within the second: the key frame that it has had does not come again, a fresh one does.
  room.key_layers = {0, 1, 2};
  room.run(Duration(300'000));
  (void)carol.take_seen();
  auto asked = site.forwarder->figures().key_frames_asked;
  site.forwarder->watch(carol.session, {}, room.world.now());
  room.watch(carol, alice);
  room.run(second);
  EXPECT_EQ(site.forwarder->figures().cache_joins, 0);
  EXPECT_GT(site.forwarder->figures().key_frames_asked, asked);
  EXPECT_EQ(check_continuity(carol.take_seen(), PageSlot::ssrc_of(video_mid)).broken, "");
}

TEST(Forwarder, questions_for_key_frames_are_spaced_however_many_want_one) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  room.cameras = {&alice};
  room.run(2 * second);
  room.answers_key_frames = false;
  for (int i = 0; i < 4; ++i) room.watch(site.add_page(), alice);
  room.key_frames_asked.clear();
  room.run(3 * second);
  auto asked = room.key_frames_asked[{&alice, 2}];
  EXPECT_GE(asked, 3);
  EXPECT_LE(asked, 15) << "one in 200 ms at most, for all four together";
}

TEST(Forwarder, a_layer_that_vanishes_is_left_within_seconds) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(3 * second);
  (void)bob.take_seen();
  room.layers = {0, 1};
  room.run(4 * second);
  auto seen = bob.take_seen();
  ASSERT_FALSE(seen.empty());
  TimePoint back{};
  for (auto& packet : seen) {
    if (packet.picture && packet.picture->height == 360) {
      back = packet.at;
      break;
    }
  }
  ASSERT_NE(back, TimePoint{}) << "the layer below is shown";
  EXPECT_LE(back, room.world.now() - Duration(1'500'000));
  auto& quality = site.qualities[bob.session.raw()];
  EXPECT_EQ(quality.pictures.at(0).why, Smaller::theirs);
}

TEST(Forwarder, a_page_that_starts_its_sender_anew_is_shown_from_its_next_key_frame) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(2 * second);
  for (auto& encoding : alice.video) encoding.restart(encoding.ssrc() + 5000);
  room.run(2 * second);
  auto seen = bob.take_seen();
  auto video = check_continuity(seen, PageSlot::ssrc_of(video_mid));
  EXPECT_EQ(video.broken, "");
  EXPECT_GE(video.key_frames, 2);
  EXPECT_GT(seen.back().at, room.world.now() - Duration(100'000));
}

TEST(Forwarder, the_loudest_are_told_first_and_a_cough_changes_nothing) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  auto& carol = site.add_page();
  room.microphones = {&alice, &bob};
  room.watch(carol, alice);
  room.levels = {{&alice, 20}, {&bob, 120}};
  room.run(2 * second);
  ASSERT_FALSE(site.speaking.empty());
  EXPECT_EQ(site.speaking[0], alice.id);
  room.levels = {{&alice, 30}, {&bob, 10}};
  room.run(Duration(120'000));
  room.levels = {{&alice, 20}, {&bob, 120}};
  room.run(2 * second);
  EXPECT_EQ(site.speaking[0], alice.id);
  room.levels = {{&alice, 120}, {&bob, 25}};
  room.run(2 * second);
  EXPECT_EQ(site.speaking[0], bob.id);
}

TEST(Forwarder, who_knocks_neither_sends_nor_receives) {
  Conference room;
  auto& site = *room.sites[0];
  auto& alice = site.add_page();
  auto& bob = site.add_page();
  room.cameras = {&alice, &bob};
  site.forwarder->set_may_send(bob.session, false);
  room.watch(bob, alice);
  room.watch(alice, bob);
  room.run(second);
  EXPECT_TRUE(alice.take_seen().empty());
  EXPECT_TRUE(bob.take_seen().empty());
  site.forwarder->set_may_send(bob.session, true);
  room.run(second);
  EXPECT_FALSE(bob.take_seen().empty());
}

TEST(Forwarder, a_page_on_another_node_sees_one_stream_over_a_link_that_loses_packets) {
  Conference room(2);
  SeededRandom dice(3);
  room.connect([&] { return dice.unit() < 0.05; });
  auto& alice = room.sites[0]->add_page();
  auto& bob = room.sites[1]->add_page();
  room.cameras = {&alice};
  room.microphones = {&alice};
  room.run(second);
  room.watch(bob, alice);
  room.run(6 * second);
  auto seen = bob.take_seen();
  std::erase_if(seen, [](auto& packet) { return packet.header.payload_type == 97; });
  std::ranges::sort(seen, [](auto& a, auto& b) { return newer(b.header.sequence, a.header.sequence); });
  auto audio = check_continuity(seen, PageSlot::ssrc_of(audio_mid));
  EXPECT_GT(audio.packets, 250);
  auto video = check_continuity(seen, PageSlot::ssrc_of(video_mid));
  EXPECT_GT(video.frames, 150);
  EXPECT_EQ(video.broken, "") << "repeats fill what the link loses";
  EXPECT_GT(room.sites[1]->forwarder->figures().recovered, 5) << "and copies what the audio loses";
  EXPECT_TRUE(room.sites[1]->wanting.contains(stream_number(alice.id, MediaKind::video, 2)));
  EXPECT_GT(room.sites[1]->datagrams, 100);
}

TEST(Forwarder, nobody_can_send_in_the_name_of_a_page_of_ours) {
  Conference room(2);
  room.connect();
  auto& alice = room.sites[0]->add_page();
  auto& bob = room.sites[0]->add_page();
  room.cameras = {&alice};
  room.watch(bob, alice);
  room.run(second);
  auto before = room.sites[0]->forwarder->figures().packets_in;
  const Bytes noise(20, Byte{1});
  MediaUnit forged{stream_number(alice.id, MediaKind::video, 0), 0, 1u << 24, 1, 0xff, 0, noise};
  Bytes datagram(media_packet_max);
  UnitWriter units(MutableBytes(datagram).subspan(media_header_size, 200));
  units.media(forged);
  MediaKeys keys;
  SeededRandom(42).fill(keys.secret.span());
  // The peer's own sealer, many numbers ahead.
  MediaSealer sealer(keys.algorithm, keys.secret, false);
  for (int i = 0; i < 500; ++i) {
    UnitWriter again(MutableBytes(datagram).subspan(media_header_size, 200));
    again.media(forged);
    auto sealed = sealer.seal(datagram, again.size(), the_link.raw());
    (void)room.sites[0]->forwarder->on_link_datagram(the_link, MutableBytes(datagram).first(sealed.size),
                                                     room.world.now());
  }
  EXPECT_EQ(room.sites[0]->forwarder->figures().packets_in, before);
}

}  // namespace
}  // namespace conclave::calls
