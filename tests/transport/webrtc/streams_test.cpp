#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "crypto/random.hpp"
#include "transport/webrtc/key_frame_request.hpp"
#include "transport/webrtc/packet_ring.hpp"
#include "transport/webrtc/receive_stream.hpp"
#include "transport/webrtc/send_stream.hpp"
#include "transport/webrtc/source_table.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace conclave::webrtc {
namespace {

constexpr Duration ms(std::int64_t count) { return std::chrono::milliseconds(count); }
constexpr TimePoint start{std::chrono::hours(1)};
using Verdict = ReceiveStream::Verdict;

RtpHeader header(std::int64_t sequence, std::uint32_t timestamp = 0, std::uint32_t ssrc = 1) {
  return {false, 96, static_cast<std::uint16_t>(sequence), timestamp, ssrc};
}

TEST(ReceiveStream, asks_for_what_is_missing_after_a_moment_and_again_after_a_round_trip) {
  ReceiveStream stream(1, 90000, true);
  auto now = start;
  stream.hear(header(65534), 100, now);
  stream.hear(header(2), 100, now);  // 65535, 0, 1 are missing
  EXPECT_TRUE(stream.nack(now, ms(50)).empty()) << "may be reordering";
  now += ReceiveStream::reorder;
  EXPECT_EQ(stream.nack(now, ms(50)), (std::vector<std::uint16_t>{65535, 0, 1}));
  EXPECT_TRUE(stream.nack(now + ms(30), ms(50)).empty());
  EXPECT_EQ(stream.hear(header(0), 100, now + ms(40), true), Verdict::late);
  EXPECT_EQ(stream.hear(header(0), 100, now + ms(41), true), Verdict::duplicate);
  EXPECT_EQ(stream.nack(now + ms(80), ms(50)), (std::vector<std::uint16_t>{65535, 1}));
  EXPECT_FALSE(stream.take_broken());
  for (int i = 2; i < 40; ++i) stream.nack(now + i * ms(80), ms(50));
  EXPECT_TRUE(stream.take_broken()) << "given up: a key frame is needed";
  EXPECT_EQ(stream.nack_deadline(), TimePoint::max());
  EXPECT_EQ(stream.lost(), 2);
}

TEST(ReceiveStream, a_flood_of_gaps_asks_for_a_key_frame_instead_of_growing) {
  ReceiveStream stream(1, 90000, true);
  for (int i = 0; i < 2000; i += 2) stream.hear(header(i), 100, start);
  EXPECT_LE(stream.nack(start + ms(20), ms(50)).size(), ReceiveStream::missing_max);
  EXPECT_TRUE(stream.take_broken());
}

TEST(ReceiveStream, reports_as_rfc_3550_counts) {
  ReceiveStream stream(7, 90000, true);
  for (int i = 0; i < 100; ++i) {
    if (i % 4 == 1) continue;
    stream.hear(header(65500 + i, static_cast<std::uint32_t>(3000 * i)), 100, start + i * Duration(33'333));
  }
  stream.hear(SenderReport{7, NtpTime{0x1234'5678'9abc'def0}, 5, 0, 0, {}}, start + ms(3000));
  auto block = stream.report(start + ms(3500));
  EXPECT_EQ(block.lost, 25);
  EXPECT_EQ(block.fraction_lost, 25 * 256 / 100);
  EXPECT_EQ(block.highest_sequence, 65599u);
  EXPECT_EQ(block.last_report, 0x56789abcu);
  EXPECT_EQ(block.delay, 32768u);
  EXPECT_LE(block.jitter, 2u) << "evenly spaced";
  for (int i = 100; i < 110; ++i) stream.hear(header(65500 + i), 100, start);
  EXPECT_EQ(stream.report(start + ms(4000)).fraction_lost, 0) << "of the last interval";
}

TEST(ReceiveStream, a_sender_that_starts_anew_is_followed) {
  ReceiveStream stream(1, 90000, true);
  stream.hear(header(100), 100, start);
  EXPECT_EQ(stream.hear(header(30000), 100, start), Verdict::fresh);
  EXPECT_TRUE(stream.nack(start + ms(50), ms(10)).empty());
  EXPECT_TRUE(stream.take_broken());
}

TEST(SourceTable, learns_layers_and_their_retransmissions) {
  SourceTable table;
  RtpExtensions q, h, rtx;
  q.mid = h.mid = rtx.mid = "1";
  q.rid = "q";
  h.rid = "h";
  rtx.repaired_rid = "h";
  EXPECT_EQ(table.hear(header(1, 0, 50), {}, false), nullptr) << "nobody knows what this is";
  EXPECT_EQ(table.hear(header(1, 0, 100), q, false)->rid, "q");
  EXPECT_EQ(table.hear(header(1, 0, 101), h, false)->rid, "h");
  EXPECT_EQ(table.hear(header(1, 0, 202), rtx, true)->repairs, 101u);
  EXPECT_EQ(table.hear(header(2, 0, 100), {}, false)->mid, "1") << "remembered";
  EXPECT_EQ(table.ssrc_of("1", "q"), 100u);
  table.hear(header(1, 0, 300), q, false);
  EXPECT_EQ(table.ssrc_of("1", "q"), 300u) << "a restarted sender takes its name along";
  for (std::uint32_t ssrc = 1000; ssrc < 2000; ++ssrc) table.hear(header(1, 0, ssrc), q, false);
  EXPECT_EQ(table.hear(header(1, 0, 5000), q, false), nullptr) << "bounded";
}

Rewriter fresh_rewriter(std::uint16_t first = 1000) { return Rewriter(90000, first, 5000, {100, 7}); }

// What was left out leaves no gap, what was lost leaves one, whatever the order of arrival.
RC_GTEST_PROP(Rewriter, numbers_close_over_what_was_left_out_and_stay_open_over_what_was_lost, ()) {
  auto rewriter = fresh_rewriter();
  auto first = *rc::gen::element(0, 40000, 65530);
  auto fates = *rc::gen::container<std::vector<int>>(60, rc::gen::element(0, 0, 0, 1, 2));  // sent, left out, lost
  fates[0] = 0;
  rewriter.switch_source(header(first, 9000), {3, 4}, {}, start);
  std::uint16_t expected = 1000;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    auto in = header(first + static_cast<int>(i), 9000 + 3000 * static_cast<std::uint32_t>(i));
    if (fates[i] == 1) {
      rewriter.leave_out(in, true);
      RC_ASSERT(!rewriter.place(in, {0, 0}, start));
      continue;
    }
    if (fates[i] == 0) {
      auto place = rewriter.place(in, {static_cast<std::uint16_t>(3 + i), static_cast<Byte>(4 + i)}, start);
      RC_ASSERT(place.has_value());
      RC_ASSERT(place->sequence == expected);
      RC_ASSERT(place->timestamp == 5000 + 3000 * static_cast<std::uint32_t>(i));
      auto left_out = std::count(fates.begin(), fates.begin() + static_cast<std::ptrdiff_t>(i), 1);
      RC_ASSERT(place->picture.id == 100 + i - static_cast<std::size_t>(left_out));
    }
    ++expected;
  }
  // The lost ones come late, and go where the gap is.
  expected = 1000;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    if (fates[i] == 2) {
      auto place = rewriter.place(header(first + static_cast<int>(i)), {}, start);
      RC_ASSERT(place.has_value());
      RC_ASSERT(place->sequence == expected);
    }
    expected = static_cast<std::uint16_t>(expected + (fates[i] != 1));
  }
}

// Layers are switched back and forth: to the receiver it is one stream.
RC_GTEST_PROP(Rewriter, a_switch_has_no_seam, ()) {
  auto rewriter = fresh_rewriter();
  auto now = start;
  std::optional<Rewriter::Place> last;
  for (auto frames : *rc::gen::container<std::vector<int>>(6, rc::gen::inRange(1, 20))) {
    auto sequence = *rc::gen::arbitrary<std::uint16_t>();
    auto timestamp = *rc::gen::arbitrary<std::uint32_t>();
    auto picture = static_cast<std::uint16_t>(*rc::gen::arbitrary<std::uint16_t>() & 0x7fff);
    auto tl0 = *rc::gen::arbitrary<Byte>();
    rewriter.switch_source(header(sequence, timestamp), {picture, tl0}, {}, now);
    for (int i = 0; i < frames; ++i) {
      auto place = rewriter.place(header(sequence + i, timestamp + 3000 * static_cast<std::uint32_t>(i)),
                                  {static_cast<std::uint16_t>((picture + i) & 0x7fff), static_cast<Byte>(tl0 + i)}, now);
      RC_ASSERT(place.has_value());
      if (last) {
        RC_ASSERT(place->sequence == static_cast<std::uint16_t>(last->sequence + 1));
        RC_ASSERT(newer(place->timestamp, last->timestamp));
        RC_ASSERT(place->timestamp - last->timestamp <= 3001u);
        RC_ASSERT(place->picture.id == ((last->picture.id + 1) & 0x7fff));
        RC_ASSERT(place->picture.tl0 == static_cast<Byte>(last->picture.tl0 + 1));
      }
      last = place;
      now += Duration(33'333);
    }
    RC_ASSERT(!rewriter.place(header(sequence - 5, timestamp), {}, now));  // from before the switch
  }
}

TEST(Rewriter, sender_reports_of_both_layers_keep_lips_and_picture_together) {
  auto rewriter = fresh_rewriter();
  NtpTime noon{1000ULL << 32};
  // Layer A: timestamp 90000 at noon. Layer B: timestamp 5000000 at noon.
  rewriter.switch_source(header(1, 90000), {}, ReceiveStream::Mapping{noon, 90000}, start);
  EXPECT_EQ(rewriter.place(header(1, 90000), {}, start)->timestamp, 5000);
  // The frame of noon + 1 s comes from B, delivered 70 ms late.
  rewriter.switch_source(header(9, 5090000), {}, ReceiveStream::Mapping{noon, 5000000}, start + ms(1070));
  EXPECT_EQ(rewriter.place(header(9, 5090000), {}, start + ms(1070))->timestamp, 5000 + 90000);
  // A report that lies by an hour is not followed.
  rewriter.switch_source(header(3, 77), {}, ReceiveStream::Mapping{NtpTime{5000ULL << 32}, 77}, start + ms(1570));
  EXPECT_EQ(rewriter.place(header(3, 77), {}, start + ms(1570))->timestamp, 5000 + 90000 + 45000);
}

TEST(Rewriter, padding_of_ours_takes_a_number_and_the_source_goes_on_behind_it) {
  auto rewriter = fresh_rewriter();
  rewriter.switch_source(header(1), {}, {}, start);
  EXPECT_EQ(rewriter.place(header(1), {}, start)->sequence, 1000);
  EXPECT_EQ(rewriter.extra().sequence, 1001);
  EXPECT_EQ(rewriter.place(header(2), {}, start)->sequence, 1002);
}

TEST(SendStream, sends_again_what_the_receiver_misses_but_not_twice_in_a_round_trip) {
  SendStream stream({10, 11, 96, 97, 90000}, fresh_rewriter());
  PacketRing ring;
  stream.rewriter().switch_source(header(500, 1), {}, {}, start);
  for (int i = 0; i < 20; ++i) {
    auto in = header(500 + i, 1);
    ring.keep(in, Bytes(50, static_cast<Byte>(i)), start);
    auto out = stream.send(*stream.rewriter().place(in, {}, start), in, 1, 50, start);
    EXPECT_EQ(out.sequence, 1000 + i);
    EXPECT_EQ(out.ssrc, 10u);
  }
  auto again = stream.lost(1007, start + ms(10), ms(40));
  ASSERT_TRUE(again);
  auto stored = ring.find(again->source_sequence, start + ms(10));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->payload[0], 7);
  auto [rtx, head] = stream.retransmission(*again);
  EXPECT_EQ(rtx.ssrc, 11u);
  EXPECT_EQ(rtx.payload_type, 97);
  EXPECT_EQ(unwrap_rtx(head)->sequence, 1007);
  EXPECT_FALSE(stream.lost(1007, start + ms(30), ms(40)));
  EXPECT_TRUE(stream.lost(1007, start + ms(60), ms(40)));
  EXPECT_FALSE(stream.lost(999, start, ms(40)));
  EXPECT_FALSE(ring.find(again->source_sequence, start + ms(1001))) << "too old to be shown";
}

TEST(SendStream, repeats_what_did_not_arrive_unless_a_later_copy_is_on_its_way) {
  SendStream stream({10, 11, 96, 97, 90000}, fresh_rewriter());
  stream.rewriter().switch_source(header(500, 1), {}, {}, start);
  stream.send(*stream.rewriter().place(header(500, 1), {}, start), header(500, 1), 1, 50, start);
  EXPECT_FALSE(stream.gone(1001, 0, start)) << "never sent";
  auto first = stream.gone(1000, 0, start + ms(1));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->copy, 1);
  EXPECT_FALSE(stream.gone(1000, 0, start + ms(60))) << "told twice";
  ASSERT_TRUE(stream.lost(1000, start + ms(70), ms(40))) << "asked for as well";
  EXPECT_FALSE(stream.gone(1000, 1, start + ms(80))) << "the answer to that is on its way";
  for (int copy = 2; copy < SendStream::resends_max; ++copy) EXPECT_TRUE(stream.gone(1000, copy, start + ms(90)));
  EXPECT_FALSE(stream.gone(1000, SendStream::resends_max, start + ms(100))) << "there is an end";
}

TEST(SendStream, learns_the_round_trip_from_reports) {
  SendStream stream({10, 11, 96, 97, 90000}, fresh_rewriter());
  EXPECT_FALSE(stream.report(start, {}));
  stream.rewriter().switch_source(header(1, 1), {}, {}, start);
  stream.send(*stream.rewriter().place(header(1, 1), {}, start), header(1, 1), 1, 50, start);
  UnixTime wall{1'800'000'000'000};
  auto report = stream.report(start + ms(500), wall);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->timestamp, 5000u + 45000u);
  ReportBlock block;
  block.last_report = report->ntp.middle();
  block.delay = 65536 / 10;
  block.fraction_lost = 64;
  stream.hear(block, NtpTime::from(wall + std::chrono::milliseconds(180)));
  EXPECT_NEAR(static_cast<double>(stream.rtt().count()), 80'000, 1'100);
  EXPECT_EQ(stream.fraction_lost(), 0.25);
}

TEST(KeyFrameRequest, is_made_at_most_once_in_300_ms_until_a_key_frame_comes) {
  KeyFrameRequest request;
  EXPECT_FALSE(request.take(start));
  int asked = 0;
  for (int i = 0; i < 1000; ++i) {
    request.want();
    asked += request.take(start + ms(i));
  }
  EXPECT_EQ(asked, 4);
  request.satisfied();
  EXPECT_EQ(request.deadline(), TimePoint::max());
}

// What the receiver reports is what the sender learns: each packet's fate and the differences of arrival times.
RC_GTEST_PROP(TransportCc, feedback_tells_the_fate_of_every_packet, ()) {
  TransportCcReceiver receiver;
  TransportCcSender sender;
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  auto now = start;
  std::map<std::uint16_t, std::optional<TimePoint>> fate;
  std::vector<PacketResult> results;
  auto offset = *rc::gen::element<int>(0, 65000);
  for (int i = 0; i < offset; ++i) sender.send(1, now);
  std::size_t sent = 0;
  for (int i = 0; i < 500; ++i) {
    now += Duration(static_cast<std::int64_t>(random.below(9000)));
    auto number = sender.send(100 + i, now);
    ++sent;
    if (i == 0 || random.below(10) != 0) {
      receiver.hear(number, now + ms(40));
      fate[number] = now + ms(40);
    } else {
      fate[number] = std::nullopt;
    }
    for (auto& message : receiver.feedback(now + ms(40), 1, 2)) {
      Bytes wire;
      encode_rtcp(message, wire);
      RC_ASSERT(wire.size() < 1200u);
      for (auto& result : sender.hear(std::get<TransportFeedback>(decode_rtcp(wire)->at(0)))) results.push_back(result);
    }
  }
  for (auto& message : receiver.feedback(now + ms(400), 1, 2)) {
    for (auto& result : sender.hear(message)) results.push_back(result);
  }
  std::optional<std::pair<Duration, TimePoint>> previous;
  auto at = static_cast<std::uint16_t>(offset);
  for (auto& result : results) {
    auto expected = fate.at(at++);
    RC_ASSERT(result.arrived.has_value() == expected.has_value());
    if (!expected) continue;
    if (previous) {
      auto error = (*result.arrived - previous->first) - (*expected - previous->second);
      RC_ASSERT(std::abs(error.count()) <= 500);
    }
    previous = {*result.arrived, *expected};
  }
  RC_ASSERT(results.size() + 20 >= sent);
}

TEST(TransportCc, names_what_a_lost_feedback_would_have_told_of) {
  TransportCcReceiver receiver;
  TransportCcSender sender;
  std::vector<TransportFeedback> messages;
  for (int i = 0; i < 30; ++i) {
    auto at = start + ms(10 * i);
    bool probe = i == 12;
    receiver.hear(sender.send(100, at, probe ? 1 : 0, static_cast<std::uint64_t>(i)), at + ms(20));
    if (i % 10 == 9) messages.push_back(receiver.feedback(at + ms(70), 1, 2).at(0));
  }
  sender.hear(messages[0]);
  EXPECT_TRUE(sender.untold().empty());
  sender.hear(messages[2]);
  EXPECT_EQ(sender.untold(), (std::vector<std::uint64_t>{10, 11, 13, 14, 15, 16, 17, 18, 19})) << "without the probe";
  sender.hear(messages[1]);  // it was overtaken only
  EXPECT_TRUE(sender.untold().empty());
}

TEST(TransportCc, survives_silence_jumps_and_late_arrivals) {
  TransportCcReceiver receiver;
  receiver.hear(10, start);
  receiver.hear(40000, start + ms(10));  // a jump back, as 16 bits see it
  receiver.hear(11, start + std::chrono::seconds(30));
  std::size_t statuses = 0;
  for (auto& message : receiver.feedback(start + std::chrono::seconds(31), 1, 2)) statuses += message.statuses.size();
  EXPECT_LT(statuses, 1100u);
  EXPECT_TRUE(receiver.feedback(start + std::chrono::seconds(32), 1, 2).empty());
  EXPECT_EQ(receiver.deadline(), TimePoint::max());
  receiver.hear(9, start + std::chrono::seconds(33));
  auto late = receiver.feedback(start + std::chrono::seconds(34), 1, 2);
  ASSERT_FALSE(late.empty());
  EXPECT_EQ(late[0].base, 9);
  TransportCcSender sender;
  EXPECT_TRUE(sender.hear(late[0]).empty()) << "about packets that were never sent";
}

RC_GTEST_PROP(TransportCc, invented_feedback_is_survived, ()) {
  TransportCcSender sender;
  for (int i = 0; i < 100; ++i) sender.send(100, start);
  for (int i = 0; i < 5; ++i) {
    TransportFeedback feedback;
    feedback.base = *rc::gen::arbitrary<std::uint16_t>();
    feedback.reference = *rc::gen::inRange<std::uint32_t>(0, 1 << 24);
    feedback.statuses.assign(*rc::gen::inRange<std::size_t>(0, 4096), *rc::gen::arbitrary<std::int16_t>());
    RC_ASSERT(sender.hear(feedback).size() <= 100u);
  }
}

}  // namespace
}  // namespace conclave::webrtc
