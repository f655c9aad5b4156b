// Acknowledgements of the media link: what arrived is never taken for lost, however long its receiver was away.
#include "node/calls/link_acks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::calls {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{std::chrono::hours(1)};

struct Both {
  ArrivalLog arrivals;
  SentLog sent;
  std::uint64_t number = 0;
  int told = 0, lost = 0;

  void pass(TimePoint now, bool arrives = true) {
    sent.sent(++number, 100, 0, now);
    if (arrives) arrivals.hear(number, now + 5ms);
  }
  std::vector<webrtc::PacketResult> acknowledge(TimePoint now) {
    std::array<Byte, ArrivalLog::body_max> body;
    auto size = arrivals.write(body);
    if (size == 0) return {};
    auto results = sent.hear(ByteView(body).first(size), now);
    EXPECT_TRUE(results);
    for (auto& result : *results) ++(result.arrived ? told : lost);
    return *results;
  }
};

TEST(LinkAcks, sparse_packets_that_share_a_report_are_all_told_with_their_times) {
  Both link;
  for (int i = 0; i < 5; ++i) link.pass(start + i * 100ms);
  auto results = link.acknowledge(start + 1s);
  ASSERT_EQ(results.size(), 5u);
  for (auto& result : results) {
    ASSERT_TRUE(result.arrived);
    EXPECT_NEAR(static_cast<double>((*result.arrived - *results[0].arrived).count()),
                static_cast<double>((result.sent - results[0].sent).count()), 500);
  }
}

TEST(LinkAcks, a_receiver_that_was_away_for_seconds_has_lost_nothing) {
  Both link;
  for (int i = 0; i < 150; ++i) link.pass(start + i * 20ms);
  (void)link.acknowledge(start + 3s);
  EXPECT_EQ(link.told, 150);
  EXPECT_EQ(link.lost, 0);
}

RC_GTEST_PROP(LinkAcks, every_packet_ends_as_what_became_of_it, ()) {
  Both link;
  auto now = start;
  int arrived = 0, away = 0;
  for (int i = 0; i < 400; ++i) {
    now += Duration(*rc::gen::inRange(0, 200'000));
    bool arrives = *rc::gen::inRange(0, 10) != 0;
    arrived += arrives;
    link.pass(now, arrives);
    if (++away == 150 || *rc::gen::inRange(0, 4) == 0) {
      (void)link.acknowledge(now + 6ms);
      away = 0;
    }
  }
  link.pass(now + 1s);
  (void)link.acknowledge(now + 2s);
  RC_ASSERT(link.told == arrived + 1);
}

}  // namespace
}  // namespace conclave::calls
