#include "transport/webrtc/rtp.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/sequence.hpp"
#include "transport/webrtc/vp8.hpp"

namespace conclave::webrtc {
namespace {

Bytes file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const ExtensionIds ids{4, 10, 11, 1, 2, 3};

TEST(Rtp, a_captured_opus_packet_reads_as_the_dissector_says) {
  auto* folder = std::getenv("CONCLAVE_VECTORS");
  if (!folder) GTEST_SKIP() << "CONCLAVE_VECTORS is not set";
  auto samples = std::filesystem::path(folder) / "rtp-corpora/mediasoup-samples";
  auto first = file(samples / "packet1.raw"), second = file(samples / "packet2.raw"),
       third = file(samples / "packet3.raw");
  auto packet = decode_rtp(first);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header, (RtpHeader{false, 111, 23617, 1660241882, 0x9f7108e2}));
  EXPECT_EQ(packet->extensions(ids).audio_level, (AudioLevel{true, 127}));
  // The second was captured encrypted: its last byte claims more padding than there are bytes.
  EXPECT_FALSE(decode_rtp(second));
  EXPECT_EQ(rtp_header_size(second), 12);
  packet = decode_rtp(third);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header, (RtpHeader{false, 111, 19354, 863466045, 0x0e0dfad2}));
  EXPECT_EQ(packet->extensions({0, 0, 0, 1, 3, 0}).audio_level, (AudioLevel{true, 80}));
  EXPECT_EQ(packet->extensions({0, 0, 0, 1, 3, 0}).abs_send_time, 0x65341e);
}

TEST(Rtp, every_seed_of_the_corpora_gives_a_packet_or_an_error) {
  auto* folder = std::getenv("CONCLAVE_VECTORS");
  if (!folder) GTEST_SKIP() << "CONCLAVE_VECTORS is not set";
  int packets = 0, reports = 0;
  for (auto& entry : std::filesystem::directory_iterator(std::filesystem::path(folder) / "rtp-corpora/rtp")) {
    packets += decode_rtp(file(entry.path())).has_value();
  }
  for (auto& entry : std::filesystem::directory_iterator(std::filesystem::path(folder) / "rtp-corpora/rtcp")) {
    reports += decode_rtcp(file(entry.path())).has_value();
  }
  std::printf("figure %d RTP and %d RTCP corpus seeds decode\n", packets, reports);
  EXPECT_GT(packets, 0);
  EXPECT_GT(reports, 0);
}

RC_GTEST_PROP(Rtp, a_header_reads_as_it_was_written, ()) {
  RtpHeader header{*rc::gen::arbitrary<bool>(), *rc::gen::inRange<Byte>(0, 128), *rc::gen::arbitrary<std::uint16_t>(),
                   *rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<std::uint32_t>()};
  auto name = [] {
    return *rc::gen::resize(16, rc::gen::container<std::string>(rc::gen::inRange('a', 'z')));
  };
  auto mid = name(), rid = name();
  RtpExtensions extensions;
  extensions.mid = mid;
  extensions.rid = rid;
  if (*rc::gen::arbitrary<bool>()) extensions.audio_level = AudioLevel{true, *rc::gen::inRange<Byte>(0, 128)};
  if (*rc::gen::arbitrary<bool>()) extensions.abs_send_time = *rc::gen::inRange<std::uint32_t>(0, 1 << 24);
  if (*rc::gen::arbitrary<bool>()) extensions.transport_cc = *rc::gen::arbitrary<std::uint16_t>();
  auto payload = *rc::gen::arbitrary<Bytes>();
  auto padding = *rc::gen::inRange<std::size_t>(0, 256);

  Bytes packet(rtp_header_room + payload.size() + padding);
  auto size = write_rtp_header(packet, header, extensions, ids);
  std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(size));
  size += payload.size();
  if (padding) pad_rtp(packet, size, padding);
  packet.resize(size + padding);
  auto read = decode_rtp(packet);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->header == header);
  RC_ASSERT(read->extensions(ids) == extensions);
  RC_ASSERT(std::ranges::equal(read->payload, payload));
}

RC_GTEST_PROP(Rtp, noise_gives_a_packet_or_an_error, (Bytes noise)) {
  if (auto packet = decode_rtp(noise)) (void)packet->extensions(ids);
  if (!noise.empty()) noise[0] = 0x90;
  if (auto packet = decode_rtp(noise)) (void)packet->extensions(ids);
  (void)decode_rtcp(noise);
  (void)decode_vp8(noise);
}

Bytes encoded(const Rtcp& message) {
  Bytes out;
  encode_rtcp(message, out);
  return out;
}

ReportBlock any_block() {
  return {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::arbitrary<Byte>(),
          *rc::gen::inRange(-(1 << 23), 1 << 23), *rc::gen::arbitrary<std::uint32_t>(),
          *rc::gen::arbitrary<std::uint32_t>(),   *rc::gen::arbitrary<std::uint32_t>(),
          *rc::gen::arbitrary<std::uint32_t>()};
}

RC_GTEST_PROP(Rtcp, messages_read_as_they_were_written, ()) {
  std::vector<ReportBlock> blocks(*rc::gen::inRange<std::size_t>(0, 31));
  for (auto& block : blocks) block = any_block();
  auto number = [] { return *rc::gen::arbitrary<std::uint32_t>(); };
  TransportFeedback feedback{number(), number(), *rc::gen::arbitrary<std::uint16_t>(), *rc::gen::arbitrary<Byte>(),
                             *rc::gen::inRange<std::uint32_t>(0, 1 << 24), {}};
  feedback.statuses.resize(*rc::gen::inRange<std::size_t>(1, 300));
  auto steps = *rc::gen::container<std::vector<int>>(
      feedback.statuses.size(), rc::gen::element(-1, -1, -1, 0, 1, 4, 4, 255, 256, 4000, 32767, -32768));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i] != -1) feedback.statuses[i] = static_cast<std::int16_t>(steps[i]);
  }
  Nack nack{number(), number(), {}};
  auto at = *rc::gen::arbitrary<std::uint16_t>();
  for (int i = *rc::gen::inRange(1, 40); i > 0; --i) {
    nack.lost.push_back(at);
    at = static_cast<std::uint16_t>(at + *rc::gen::inRange(1, 30));
  }
  const std::vector<Rtcp> messages{
      SenderReport{number(), NtpTime{*rc::gen::arbitrary<std::uint64_t>()}, number(), number(), number(), blocks},
      ReceiverReport{number(), blocks},
      SourceDescription{number(), "somebody"},
      Goodbye{{number(), number()}},
      nack,
      PictureLoss{number(), number()},
      FullIntraRequest{number(), number(), 9},
      feedback};
  for (auto& message : messages) {
    auto read = decode_rtcp(encoded(message));
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->size() == 1u);
    RC_ASSERT(read->front() == message);
  }
  Bytes compound = encoded(messages[1]);
  append(compound, encoded(messages[4]));
  append(compound, encoded(messages[5]));
  RC_ASSERT(decode_rtcp(compound)->size() == 3u);
}

TEST(Rtcp, a_run_length_does_not_buy_memory_without_bound) {
  Bytes body = *from_hex("8fcd0005000000010000000200000000000000001fff1fff");
  body[14] = 0xff;  // claims 65280 packets
  auto read = decode_rtcp(body);
  ASSERT_FALSE(read);
}

TEST(Vp8, descriptors_of_browsers_are_read_and_rewritten) {
  // X, S | I L T | 15-bit picture id 0x1234 | TL0PICIDX 7 | TID 2, Y | key frame 640×360
  auto payload = *from_hex("90e0923407a0"
                           "10020" "09d012a80026801");
  auto descriptor = decode_vp8(payload);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->size, 6);
  EXPECT_TRUE(descriptor->start);
  EXPECT_TRUE(descriptor->key_frame);
  EXPECT_EQ(descriptor->picture_id, 0x1234);
  EXPECT_EQ(descriptor->tl0_index, 7);
  EXPECT_EQ(descriptor->temporal_id, 2);
  EXPECT_TRUE(descriptor->layer_sync);
  EXPECT_EQ(descriptor->width, 640);
  EXPECT_EQ(descriptor->height, 360);
  rewrite_vp8(payload, *descriptor, 0x7fff, 200);
  auto again = decode_vp8(payload);
  EXPECT_EQ(again->picture_id, 0x7fff);
  EXPECT_EQ(again->tl0_index, 200);
  EXPECT_EQ(again->size, 6);

  auto short_id = *from_hex("808005ff");
  descriptor = decode_vp8(short_id);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->picture_id, 5);
  EXPECT_FALSE(descriptor->start);
  rewrite_vp8(short_id, *descriptor, 0x1ff, 0);
  EXPECT_EQ(decode_vp8(short_id)->picture_id, 0x7f);
  EXPECT_FALSE(decode_vp8(*from_hex("90e09234")));
  EXPECT_FALSE(decode_vp8({}));
}

RC_GTEST_PROP(Unwrapper, follows_a_counter_through_its_wraps, ()) {
  Unwrapper<std::uint16_t> unwrapper;
  std::int64_t at = *rc::gen::arbitrary<std::uint16_t>();
  auto base = unwrapper.unwrap(static_cast<std::uint16_t>(at));
  for (auto step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-2000, 30000))) {
    at = std::max(at + step, base);
    RC_ASSERT(unwrapper.unwrap(static_cast<std::uint16_t>(at)) == at);
    if (at < unwrapper.highest()) at = *unwrapper.highest();
  }
}

}  // namespace
}  // namespace conclave::webrtc
