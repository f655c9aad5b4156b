// A line that gets narrow and wide again: how long its queue becomes, and how fast what is sent follows. The real
// forwarder, estimator, pacer and prober under virtual time; the line is a bottleneck with a queue of half a second.
#include <gtest/gtest.h>

#include "tests/node/calls_room.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace conclave::calls {
namespace {

using namespace test;

constexpr Duration second{1'000'000}, step{2'000}, frame_span{33'333};
constexpr std::uint16_t video_mid = 4;
constexpr double wide = 3e6, narrow = 1e6;

/// A way that takes so many bits a second.
struct Bottleneck {
  double bps = wide;
  Duration delay{40'000}, queue_max{500'000};
  TimePoint busy{};
  Duration longest{};  ///< queue since it was last looked at
  std::deque<std::pair<TimePoint, Bytes>> inside;

  void put(ByteView bytes, TimePoint now) {
    auto start = std::max(now, busy);
    auto queue = start - now;
    if (queue > queue_max) return;
    longest = std::max(longest, queue);
    busy = start + Duration(static_cast<std::int64_t>(static_cast<double>(bytes.size() + 28) * 8e6 / bps));
    inside.emplace_back(busy + delay, copy(bytes));
  }
  std::optional<Bytes> take(TimePoint now) {
    if (inside.empty() || inside.front().first > now) return std::nullopt;
    auto out = std::move(inside.front().second);
    inside.pop_front();
    return out;
  }
};

/// A page that sees another one's camera by a bottleneck; its feedback goes back at once after the delay of the way.
struct Downlink {
  sim::World world;
  std::unique_ptr<Site> site;
  TestPage *speaker, *viewer;
  Bottleneck line;
  webrtc::TransportCcReceiver arrivals;
  std::size_t frame = 0, bytes = 0;
  std::set<int> keys;
  TimePoint frame_at{}, report_at{}, check_at{};
  bool shaped = false;

  Downlink() {
    pass(world, std::chrono::hours(1));
    ForwarderLimits limits;
    site = std::make_unique<Site>(world, Byte{1}, limits);
    speaker = &site->add_page();
    viewer = &site->add_page();
    speaker->frame_sizes = {800, 2500, 7'500};
    site->carry = [this](TestPage& to, ByteView datagram) {
      if (&to != viewer || !shaped) return false;
      line.put(datagram, world.now());
      return true;
    };
    const std::array lines{Watched{video_mid, speaker->id, MediaKind::video, 720}};
    site->forwarder->watch(viewer->session, lines, world.now());
    shaped = true;
  }
  void publish() {
    auto now = world.now();
    if (now >= check_at) {
      check_at = now + 2 * second;
      speaker->native->check();
      viewer->native->check();
    }
    if (now >= report_at) {
      report_at = now + second / 2;
      speaker->report(now);
    }
    if (now < frame_at) return;
    frame_at = now + frame_span;
    auto shape = pattern(frame);
    for (auto layer : speaker->asked_key_frames()) keys.insert(layer);
    bool key = (frame == 0 || !keys.empty()) && shape.temporal == 0;
    speaker->publish_video(now, {0, 1, 2}, key, shape.temporal, shape.sync);
    if (key) keys.clear();
    ++frame;
  }
  void run(Duration span) {
    for (auto end = world.now() + span; world.now() < end;) {
      publish();
      site->pump();
      while (auto datagram = line.take(world.now())) {
        bytes += datagram->size();
        viewer->native->receive(*datagram, world.now());
      }
      viewer->look();
      for (auto& seen : viewer->take_seen())
        if (seen.transport_cc) arrivals.hear(*seen.transport_cc, seen.at);
      for (auto& feedback : arrivals.feedback(world.now(), 9, PageSlot::ssrc_of(video_mid))) viewer->native->send_rtcp(feedback);
      pass(world, step);
    }
  }
  /// Bits per second over a span.
  double rate(Duration span) {
    bytes = 0;
    run(span);
    return static_cast<double>(bytes) * 8 / std::chrono::duration<double>(span).count();
  }
};

TEST(Downlink, a_drop_to_a_third_leaves_no_queue_after_a_second_and_the_rate_is_back_in_ten) {
  Downlink page;
  page.run(15 * second);
  auto before = page.rate(5 * second);
  page.line.bps = narrow;
  page.run(second);
  page.line.longest = {};
  page.run(14 * second);
  auto queue = page.line.longest;
  page.line.bps = wide;
  double back = 0;
  int seconds = 0;
  for (; seconds < 20 && back < 0.9 * before; ++seconds) back = page.rate(second);
  std::printf("figure way to a page, 3 to 1 Mbit/s: queue at most %.0f ms from 1 s after the drop on; back to 3 Mbit/s: %.2f of %.2f "
              "Mbit/s after %d s\n",
              std::chrono::duration<double, std::milli>(queue).count(), back / 1e6, before / 1e6, seconds);
  EXPECT_GT(before, 1.7e6) << "the largest layer was shown, whole";
  EXPECT_LE(queue, Duration(100'000));
  EXPECT_LE(seconds, 10);
}

}  // namespace
}  // namespace conclave::calls
