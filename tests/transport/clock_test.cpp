#include "transport/io/clock.hpp"

#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <vector>

namespace conclave::io {
namespace {

using namespace std::chrono_literals;

TEST(AsioClock, alarms_ring_in_order_of_their_times_and_then_of_asking) {
  boost::asio::io_context context;
  AsioClock clock(context.get_executor());
  std::vector<int> rung;
  auto start = clock.now();
  for (auto [after, name] : {std::pair{3ms, 4}, {1ms, 1}, {2ms, 2}, {2ms, 3}})
    clock.at(start + after, [&rung, name] { rung.push_back(name); });
  context.run();
  EXPECT_EQ(rung, (std::vector{1, 2, 3, 4}));
  EXPECT_GE(clock.now(), start + 3ms);
}

TEST(AsioClock, a_cancelled_alarm_stays_silent_also_when_both_are_due) {
  boost::asio::io_context context;
  AsioClock clock(context.get_executor());
  int rung = 0;
  auto now = clock.now();
  std::optional<Clock::Alarm> second;
  clock.at(now, [&] { clock.cancel(*second); });
  second = clock.at(now, [&] { ++rung; });
  auto third = clock.at(now, [&] { rung += 10; });
  context.run();
  EXPECT_EQ(rung, 10);
  clock.cancel(third);  // has rung: harmless
}

TEST(AsioClock, an_alarm_may_ask_for_the_next_one_at_once) {
  boost::asio::io_context context;
  AsioClock clock(context.get_executor());
  int rung = 0;
  std::function<void()> again = [&] {
    if (++rung < 5) clock.at(clock.now(), again);
  };
  clock.at(clock.now(), again);
  context.run();
  EXPECT_EQ(rung, 5);
}

TEST(AsioClock, what_a_cancelled_alarm_held_may_use_the_clock_when_it_goes) {
  boost::asio::io_context context;
  AsioClock clock(context.get_executor());
  int rung = 0;
  for (int i = 0; i < 100; ++i) {
    auto held = std::shared_ptr<int>(new int(i), [&](int* number) {
      for (int k = 0; k < 100; ++k) clock.at(clock.now(), [&] { ++rung; });
      delete number;
    });
    auto alarm = clock.at(clock.now() + 1h, [held] { FAIL(); });
    held.reset();
    clock.cancel(alarm);
  }
  context.run();
  EXPECT_EQ(rung, 100 * 100);
}

// A busy connection moves its alarm with nearly every packet; the times it was moved away from lie ahead for long.
TEST(AsioClock, alarms_that_are_moved_leave_nothing_behind) {
  boost::asio::io_context context;
  AsioClock clock(context.get_executor());
  int rung = 0;
  clock.at(clock.now() + 1ms, [&] { ++rung; });
  auto before = mallinfo2().uordblks;
  for (int i = 0; i < 100'000; ++i) clock.cancel(clock.at(clock.now() + 1h, [] { FAIL(); }));
  EXPECT_LT(mallinfo2().uordblks, before + 64 * 1024);
  context.run();  // ends, since nothing is left to wait for
  EXPECT_EQ(rung, 1);
}

}  // namespace
}  // namespace conclave::io
