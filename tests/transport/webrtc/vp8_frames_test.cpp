#include "transport/webrtc/vp8_frames.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/random.hpp"

namespace conclave::webrtc {
namespace {

struct Sent {
  RtpHeader header;
  Bytes payload;
};

Bytes frame_of(Random& random, std::size_t size, bool key) {
  Bytes out(std::max<std::size_t>(size, 10));
  random.fill(out);
  out[0] = static_cast<Byte>((out[0] & 0xfe) | (key ? 0 : 1));
  return out;
}

std::vector<Sent> send(Vp8Packetizer& packetizer, std::span<const Bytes> frames, std::uint16_t& sequence) {
  std::vector<Sent> out;
  std::uint32_t timestamp = 1000;
  for (auto& frame : frames) {
    auto packets = packetizer.packets(frame);
    for (std::size_t i = 0; i < packets.size(); ++i)
      out.push_back({{i + 1 == packets.size(), 96, sequence++, timestamp, 1}, packets[i]});
    timestamp += 3000;
  }
  return out;
}

RC_GTEST_PROP(Vp8Frames, come_out_as_they_went_in_whatever_order_their_packets_took, ()) {
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<Bytes> frames;
  for (int i = 0; i < 20; ++i) frames.push_back(frame_of(random, random.below(9000), i == 0));
  Vp8Packetizer packetizer;
  std::uint16_t sequence = static_cast<std::uint16_t>(65500);  // wraps within
  auto sent = send(packetizer, frames, sequence);
  for (auto& each : sent) RC_ASSERT(each.payload.size() <= Vp8Packetizer::payload_max);
  // Within a window of eight.
  for (std::size_t i = 1; i < sent.size(); ++i) std::swap(sent[i], sent[i - random.below(std::min<std::size_t>(i, 8))]);
  Vp8Assembler assembler;
  std::vector<Bytes> got;
  TimePoint now{std::chrono::hours(1)};
  for (auto& each : sent) {
    assembler.hear(each.header, each.payload, now);
    assembler.hear(each.header, each.payload, now);  // twice does not matter
    for (auto& frame : assembler.take(now)) got.push_back(std::move(frame.bytes));
  }
  RC_ASSERT(got == frames);
}

TEST(Vp8Frames, wait_for_what_is_missing_and_then_go_on_with_the_next_key_frame) {
  SeededRandom random(1);
  std::vector<Bytes> frames;
  for (int i = 0; i < 10; ++i) frames.push_back(frame_of(random, 3000, i % 5 == 0));
  Vp8Packetizer packetizer;
  std::uint16_t sequence = 1;
  auto sent = send(packetizer, frames, sequence);
  Vp8Assembler assembler;
  TimePoint now{std::chrono::hours(1)};
  std::vector<Bytes> got;
  auto lost = sent[4];  // of the second frame
  for (auto& each : sent) {
    if (each.header.sequence != lost.header.sequence) assembler.hear(each.header, each.payload, now);
    for (auto& frame : assembler.take(now)) got.push_back(frame.bytes);
  }
  EXPECT_EQ(got.size(), 1u) << "it waits";
  EXPECT_FALSE(assembler.broken());
  for (auto& frame : assembler.take(now + Vp8Assembler::patience)) got.push_back(frame.bytes);
  ASSERT_EQ(got.size(), 6u) << "from the key frame on";
  EXPECT_EQ(got[1], frames[5]);
  EXPECT_GT(assembler.skipped(), 0u);
}

TEST(Vp8Frames, begin_with_a_key_frame) {
  SeededRandom random(1);
  std::vector<Bytes> frames{frame_of(random, 100, false), frame_of(random, 100, true), frame_of(random, 100, false)};
  Vp8Packetizer packetizer;
  std::uint16_t sequence = 1;
  Vp8Assembler assembler;
  TimePoint now{std::chrono::hours(1)};
  EXPECT_TRUE(assembler.broken());
  for (auto& each : send(packetizer, frames, sequence)) assembler.hear(each.header, each.payload, now);
  auto got = assembler.take(now);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(got[0].key_frame);
  EXPECT_EQ(got[0].bytes, frames[1]);
}

}  // namespace
}  // namespace conclave::webrtc
