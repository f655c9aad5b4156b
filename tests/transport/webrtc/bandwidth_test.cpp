/// The estimator, pacer and prober together against a bottleneck in virtual time: the same loop for a browser and
/// for another node.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "crypto/random.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/pacer.hpp"
#include "transport/webrtc/prober.hpp"

namespace conclave::webrtc {
namespace {

constexpr Duration ms(std::int64_t count) { return std::chrono::milliseconds(count); }
constexpr TimePoint start{std::chrono::hours(1)};

/// A link of some rate with a queue of 500 ms, a delay, random loss and jitter; an application that wants `wanted`.
struct Path {
  double rate = 3e6, loss = 0, wanted = 20e6;
  Duration one_way = ms(20), jitter{0}, queue_max = ms(500);
  Duration stall{0}, stall_every = ms(1700);  ///< now and then the receiver gets no processor for so long
  SeededRandom random{1};

  TransportCcSender sender;
  TransportCcReceiver receiver;
  BandwidthEstimator estimator;
  Pacer<int> pacer;
  Prober prober;
  TimePoint now = start, link_free = start;
  std::multimap<TimePoint, std::uint16_t> arriving;
  std::multimap<TimePoint, TransportFeedback> returning;
  double produced = 0, sent_bits = 0;
  Duration queue{0}, queue_worst{0};

  explicit Path(BandwidthLimits limits = {}) : estimator(limits) { prober.start(limits.start, now); }

  void transmit(std::size_t size, std::uint32_t probe) {
    auto number = sender.send(size, now, probe);
    sent_bits += static_cast<double>(size) * 8;
    queue = std::max(link_free - now, Duration(0));
    queue_worst = std::max(queue_worst, queue);
    if (queue > queue_max || random.unit() < loss) return;
    link_free = std::max(link_free, now) + Duration(static_cast<std::int64_t>(static_cast<double>(size) * 8 / rate * 1e6));
    auto extra = jitter.count() ? Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(jitter.count())))) : Duration(0);
    arriving.emplace(link_free + one_way + extra, number);
  }

  void step() {
    // The encoder follows the estimate, up to what it wants, in packets of 1200 bytes.
    produced += std::min(estimator.target() * 0.95, wanted) * 0.001;
    for (; produced >= 9600; produced -= 9600) pacer.push(Urgency::base, 1200, 0, now);
    pacer.set_rate(estimator.target() * 1.1, now);
    while (auto out = pacer.pop(now)) transmit(out->size, 0);
    while (auto probe = prober.next(now)) {
      transmit(1200, probe->cluster);
      prober.sent(1200, now);
    }
    bool away = (now - start) % stall_every < stall;
    for (int batch = 0; !away && batch < 4 && !arriving.empty() && arriving.begin()->first <= now; ++batch) {
      // What waited is read in batches, and has the time at which it is read.
      receiver.hear(arriving.begin()->second, stall.count() ? now : arriving.begin()->first);
      arriving.erase(arriving.begin());
    }
    if (away) {
      now += ms(1);
      return;
    }
    for (auto& message : receiver.feedback(now, 1, 2)) returning.emplace(now + one_way, message);
    while (!returning.empty() && returning.begin()->first <= now) {
      auto results = sender.hear(returning.begin()->second);
      estimator.set_rtt(2 * one_way);
      estimator.hear(results, now);
      returning.erase(returning.begin());
      if (auto found = estimator.take_probe_result()) prober.found(*found, wanted, now);
      prober.consider(estimator.target(), wanted, estimator.target() < 1.3 * wanted, estimator.congested(), now);
    }
    now += ms(1);
  }
  void run(Duration span) {
    for (auto end = now + span; now < end;) step();
  }
  double rate_over(Duration span) {
    auto before = sent_bits;
    run(span);
    return (sent_bits - before) / std::chrono::duration<double>(span).count();
  }
};

TEST(Bandwidth, finds_what_a_path_takes_within_seconds_and_stays_there) {
  for (double rate : {0.3e6, 1e6, 3e6, 10e6}) {
    Path path;
    path.rate = rate;
    path.run(std::chrono::seconds(8));
    path.queue_worst = {};
    auto used = path.rate_over(std::chrono::seconds(20)) / rate;
    std::printf("figure %.1f Mbit/s path: %.0f %% used, worst queue %lld ms\n", rate / 1e6, used * 100,
                static_cast<long long>(path.queue_worst.count() / 1000));
    EXPECT_GT(used, 0.75) << rate;
    EXPECT_LT(used, 1.05) << rate;
    EXPECT_LT(path.queue_worst, ms(250)) << rate;
  }
}

TEST(Bandwidth, a_drop_from_3_to_1_Mbit_leaves_no_queue_after_a_second_and_recovers_within_ten) {
  Path path;
  path.run(std::chrono::seconds(15));
  EXPECT_GT(path.estimator.target(), 2e6);
  path.rate = 1e6;
  path.run(std::chrono::seconds(1));
  path.queue_worst = {};
  auto used = path.rate_over(std::chrono::seconds(14)) / 1e6;
  std::printf("figure after a drop from 3 to 1 Mbit/s: worst queue after 1 s %lld ms, %.0f %% used\n",
              static_cast<long long>(path.queue_worst.count() / 1000), used * 100);
  EXPECT_LT(path.queue_worst, ms(100));
  EXPECT_GT(used, 0.7);
  path.rate = 3e6;
  auto back = path.now;
  while (path.estimator.target() < 2.7e6 && path.now - back < std::chrono::seconds(30)) path.run(ms(100));
  auto took = std::chrono::duration<double>(path.now - back).count();
  std::printf("figure back at 90 %% after %.1f s\n", took);
  EXPECT_LE(took, 10);
}

TEST(Bandwidth, random_loss_is_not_taken_for_a_full_path) {
  for (double loss : {0.05, 0.1, 0.2}) {
    Path path;
    path.loss = loss;
    path.wanted = 2e6;
    path.one_way = ms(40);
    path.run(std::chrono::seconds(20));
    std::printf("figure %.0f %% random loss on 3 Mbit/s: estimate %.2f Mbit/s\n", loss * 100, path.estimator.target() / 1e6);
    EXPECT_GT(path.estimator.target(), 1.2e6) << loss;
  }
}

TEST(Bandwidth, a_path_that_drops_instead_of_queueing_is_found_by_its_loss) {
  Path path;
  path.rate = 1e6;
  path.queue_max = ms(15);
  path.run(std::chrono::seconds(20));
  auto used = path.rate_over(std::chrono::seconds(10)) / 1e6;
  std::printf("figure 1 Mbit/s with a queue of 15 ms: sends %.2f Mbit/s, loses %.1f %%\n", used, path.estimator.loss() * 100);
  EXPECT_GT(used, 0.6);
  EXPECT_LT(used, 1.3);
}

TEST(Bandwidth, jitter_alone_does_not_starve_a_call) {
  Path path;
  path.jitter = ms(12);
  path.wanted = 1.5e6;
  path.run(std::chrono::seconds(20));
  std::printf("figure 12 ms of jitter on 3 Mbit/s: estimate %.2f Mbit/s\n", path.estimator.target() / 1e6);
  EXPECT_GT(path.estimator.target(), 1e6);
}

TEST(Bandwidth, a_receiver_without_a_processor_is_not_taken_for_a_full_path) {
  for (auto stall : {ms(60), ms(150), ms(400)}) {
    Path path;
    path.wanted = 600e3;
    path.run(std::chrono::seconds(5));
    path.stall = stall;
    auto least = path.estimator.target();
    for (auto end = path.now + std::chrono::seconds(20); path.now < end; path.step()) least = std::min(least, path.estimator.target());
    std::printf("figure stalls of %lld ms, 0.6 Mbit/s of 3 Mbit/s used: estimate never below %.2f Mbit/s\n",
                static_cast<long long>(stall.count() / 1000), least / 1e6);
    EXPECT_GT(least, 0.7e6) << stall.count();
  }
}

TEST(Bandwidth, a_way_that_becomes_longer_is_not_taken_for_a_full_one) {
  for (auto longer : {ms(18), ms(60), ms(150)}) {
    Path path;
    path.wanted = 250e3;
    path.run(std::chrono::seconds(12));
    path.one_way += longer;
    path.run(std::chrono::seconds(3));
    std::printf("figure %lld ms longer on the way: estimate %.2f Mbit/s after 3 s\n",
                static_cast<long long>(longer.count() / 1000), path.estimator.target() / 1e6);
    EXPECT_GT(path.estimator.target(), path.wanted) << longer.count();
  }
}

TEST(Bandwidth, an_application_that_sends_little_still_learns_of_more) {
  Path path;
  path.wanted = 150e3;
  path.run(std::chrono::seconds(3));
  path.wanted = 3e6;
  auto began = path.now;
  while (path.estimator.target() < 2e6 && path.now - began < std::chrono::seconds(30)) path.run(ms(100));
  EXPECT_LT(path.now - began, std::chrono::seconds(8));
}

RC_GTEST_PROP(Bandwidth, invented_results_leave_the_estimate_within_its_limits, ()) {
  BandwidthEstimator estimator;
  auto now = start;
  for (int i = 0; i < 50; ++i) {
    std::vector<PacketResult> results(*rc::gen::inRange<std::size_t>(0, 30));
    for (auto& result : results) {
      result.sent = start + Duration(*rc::gen::inRange<std::int64_t>(0, 1'000'000));
      if (*rc::gen::inRange(0, 3)) result.arrived = Duration(*rc::gen::element<std::int64_t>(0, 1, 1'000'000, -5'000'000, 1LL << 45));
      result.size = *rc::gen::inRange<std::size_t>(0, 1500);
      result.probe = *rc::gen::inRange<std::uint32_t>(0, 3);
    }
    now += ms(20);
    estimator.hear(results, now);
    RC_ASSERT(estimator.target() >= 60'000 && estimator.target() <= 50e6);
  }
}

TEST(Pacer, lets_out_at_its_rate_the_urgent_first_and_drops_what_is_too_late) {
  Pacer<int> pacer;
  pacer.set_rate(1e6, start);
  auto now = start;
  for (int i = 0; i < 500; ++i) {
    pacer.push(Urgency::upper, 1250, i, now);  // 10 ms each
    if (i % 10 == 0) pacer.push(Urgency::audio, 100, 1000 + i, now);
  }
  std::map<Urgency, int> out;
  bool audio_after_upper = false;
  for (; now < start + ms(400); now += ms(1)) {
    while (auto next = pacer.pop(now)) {
      if (next->urgency == Urgency::audio && out[Urgency::upper] > 0) audio_after_upper = true;
      ++out[next->urgency];
    }
  }
  EXPECT_EQ(out[Urgency::audio], 50);
  EXPECT_FALSE(audio_after_upper);
  EXPECT_GE(out[Urgency::upper], 9);
  EXPECT_LE(out[Urgency::upper], 16) << "150 ms at 10 ms each, less the audio";
  EXPECT_EQ(pacer.items(), 0);
  EXPECT_EQ(pacer.deadline(), TimePoint::max());
  EXPECT_EQ(pacer.dropped(), 500 - static_cast<std::uint64_t>(out[Urgency::upper]));
}

TEST(Pacer, its_deadline_is_when_something_leaves) {
  Pacer<int> pacer;
  pacer.set_rate(1e6, start);
  for (int i = 0; i < 10; ++i) pacer.push(Urgency::base, 1250, i, start);
  auto now = start + ms(1);
  int out = 0;
  for (int guard = 0; out < 10 && guard < 100; ++guard) {
    while (pacer.pop(now)) ++out;
    auto next = pacer.deadline();
    if (next == TimePoint::max()) break;
    ASSERT_GT(next, now);
    now = next;
  }
  EXPECT_EQ(out, 10);
  EXPECT_NEAR(static_cast<double>((now - start).count()), 91'000, 12'000);
}

TEST(Prober, spreads_a_burst_over_its_length_and_stops) {
  Prober prober;
  prober.start(500'000, start);
  auto now = start;
  std::map<std::uint32_t, std::pair<TimePoint, int>> clusters;
  for (; now < start + std::chrono::seconds(1); now += ms(1)) {
    while (auto probe = prober.next(now)) {
      auto& [first, count] = clusters.try_emplace(probe->cluster, now, 0).first->second;
      ++count;
      prober.sent(1200, now);
    }
  }
  ASSERT_EQ(clusters.size(), 2);
  for (auto& [id, cluster] : clusters) EXPECT_EQ(cluster.second, 5);
  EXPECT_EQ(prober.deadline(), TimePoint::max());
}

}  // namespace
}  // namespace conclave::webrtc
