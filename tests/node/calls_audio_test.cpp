// Audio on hops that lose packets: what a page sends along, what its node repeats to pages.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "node/calls/audio_payload.hpp"
#include "tests/node/calls_room.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace conclave::calls {
namespace {

using namespace test;

constexpr Duration second{1'000'000};
constexpr std::uint16_t audio_mid = 3;

TEST(AudioPayload, the_layout_is_what_the_page_writes) {
  // web/tests/audio_copies.test.ts has the same bytes.
  const Bytes two{2, 0, 2, 0, 1, 0x92, 2, 0x91, 0x93, 3, 3};
  auto read = read_audio(two);
  ASSERT_EQ(read.count, 2);
  EXPECT_EQ(copy(read.frame), (Bytes{0x93, 3, 3}));
  EXPECT_EQ(copy(read.copies[0]), (Bytes{0x92, 2}));
  EXPECT_EQ(copy(read.copies[1]), (Bytes{0x91}));
  const Bytes alone{0xf1, 1, 2, 3};
  EXPECT_EQ(read_audio(alone).count, 0);
  EXPECT_EQ(copy(read_audio(alone).frame), alone);
}

RC_GTEST_PROP(AudioPayload, noise_is_a_frame_or_splits_into_parts_of_itself, (Bytes noise)) {
  if (!noise.empty()) noise[0] &= 3;
  auto read = read_audio(noise);
  auto total = read.frame.size();
  for (std::size_t i = 0; i < read.count; ++i) total += read.copies[i].size();
  auto whole = read.count == 0 ? total : total + 1 + 2 * read.count;
  RC_ASSERT(whole == noise.size());
}

/// One page speaks, another listens; each way loses what it is told to.
struct Talk {
  sim::World world;
  SeededRandom dice{3};
  double loss_in = 0, loss_out = 0;
  std::unique_ptr<Site> site;
  TestPage *speaker, *listener;
  std::size_t spoken = 0;
  std::deque<Bytes> before;  ///< what the page sent last
  std::set<std::uint16_t> heard;

  Talk() {
    pass(world, std::chrono::hours(1));
    site = std::make_unique<Site>(world, Byte{1});
    speaker = &site->add_page();
    listener = &site->add_page();
    const std::array lines{Watched{audio_mid, {}, MediaKind::audio, 0}};
    site->forwarder->watch(listener->session, lines, world.now());
  }
  void speak() {
    auto copies = site->qualities[speaker->session.raw()].audio_copies;
    Bytes frame(60, Byte{0xf0});
    frame[1] = static_cast<Byte>(spoken >> 8);
    frame[2] = static_cast<Byte>(spoken);
    Bytes payload;
    auto count = std::min<std::size_t>(copies, before.size());
    if (count > 0) {
      payload = {static_cast<Byte>(count)};
      for (std::size_t i = 0; i < count; ++i) payload.insert(payload.end(), {0, static_cast<Byte>(before[i].size())});
      for (std::size_t i = 0; i < count; ++i) append(payload, before[i]);
    }
    append(payload, frame);
    before.push_front(frame);
    before.resize(std::min<std::size_t>(before.size(), 2));
    webrtc::RtpExtensions extensions;
    extensions.mid = "0";
    extensions.transport_cc = speaker->transport++;
    extensions.audio_level = webrtc::AudioLevel{true, 20};
    auto number = static_cast<std::uint16_t>(spoken);
    ++spoken;
    if (dice.unit() >= loss_in)
      speaker->native->send_rtp({false, 111, number, number * 960u, 5001}, extensions, payload);
  }
  void run(Duration span) {
    for (auto end = world.now() + span; world.now() < end;) {
      speak();
      if (spoken % 100 == 0) {  // consent goes on
        speaker->native->check();
        listener->native->check();
      }
      site->drop = [this] { return dice.unit() < loss_out; };
      for (int i = 0; i < 4; ++i) {
        site->pump();
        pass(world, Duration(5'000));
      }
      for (auto& seen : listener->take_seen()) {
        if (seen.header.payload_type != 111) continue;
        heard.insert(static_cast<std::uint16_t>(seen.payload[1] << 8 | seen.payload[2]));
        EXPECT_EQ(seen.payload.size(), 60) << "copies end at the node";
        if (seen.transport_cc) arrivals.hear(*seen.transport_cc, seen.at);
      }
      for (auto& feedback : arrivals.feedback(world.now(), 9, PageSlot::ssrc_of(audio_mid))) listener->native->send_rtcp(feedback);
    }
  }
  /// Of what was said after `from`.
  double missing(std::size_t from) const {
    std::size_t out = 0;
    for (auto i = from; i + 5 < spoken; ++i) out += !heard.contains(static_cast<std::uint16_t>(i));
    return static_cast<double>(out) / static_cast<double>(spoken - 5 - from);
  }
  webrtc::TransportCcReceiver arrivals;
};

TEST(AudioOverPages, a_way_in_that_loses_a_tenth_is_mended_by_the_pages_copies) {
  Talk talk;
  talk.run(second);
  talk.loss_in = 0.1;
  talk.run(4 * second);
  auto from = talk.spoken;
  talk.run(40 * second);
  EXPECT_LE(talk.missing(from), 0.005);
  EXPECT_GT(talk.site->forwarder->figures().recovered, 100);
  EXPECT_EQ(talk.site->qualities[talk.speaker->session.raw()].audio_copies, 2);
}

TEST(AudioOverPages, a_way_out_that_loses_a_tenth_is_mended_by_packets_sent_again) {
  Talk talk;
  talk.run(second);
  talk.loss_out = 0.1;
  talk.run(4 * second);
  auto from = talk.spoken;
  talk.run(40 * second);
  EXPECT_LE(talk.missing(from), 0.005);
  EXPECT_GT(talk.site->forwarder->figures().repeated, 1000);
}

TEST(AudioOverPages, ways_that_lose_nothing_carry_nothing_twice) {
  Talk talk;
  talk.run(10 * second);
  EXPECT_EQ(talk.missing(20), 0);
  EXPECT_EQ(talk.site->forwarder->figures().repeated, 0);
  EXPECT_EQ(talk.site->forwarder->figures().recovered, 0);
}

TEST(TransportCc, a_packet_of_which_only_the_repeat_came_counts_as_lost) {
  webrtc::TransportCcSender sender;
  TimePoint at{Duration(1'000'000)};
  auto first = sender.send(100, at);           // its first copy is lost
  auto second_one = sender.send(100, at + Duration(20'000));
  sender.again(first, at + Duration(20'000));
  auto third = sender.send(100, at + Duration(40'000));
  sender.again(second_one, at + Duration(40'000));
  webrtc::TransportCcReceiver receiver;
  receiver.hear(first, at + Duration(60'000));
  receiver.hear(second_one, at + Duration(60'100));
  receiver.hear(third, at + Duration(80'000));
  std::vector<webrtc::PacketResult> results;
  for (auto& feedback : receiver.feedback(at + Duration(200'000), 1, 2)) {
    auto some = sender.hear(feedback);
    results.insert(results.end(), some.begin(), some.end());
  }
  ASSERT_EQ(results.size(), 3);
  EXPECT_FALSE(results[0].arrived);
  EXPECT_TRUE(results[1].arrived);
  EXPECT_TRUE(results[2].arrived);
}

}  // namespace
}  // namespace conclave::calls
