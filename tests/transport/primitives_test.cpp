#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "simulations/world.hpp"
#include "transport/io/mailbox.hpp"
#include "transport/io/scope.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

TEST(Event, a_ring_before_the_wait_is_remembered_once) {
  sim::World world;
  io::Event event(world.context().get_executor(), world);
  std::vector<bool> heard;
  asio::co_spawn(
      world.context(),
      [](io::Event& bell, io::Clock& clock, std::vector<bool>& out) -> asio::awaitable<void> {
        bell.ring();
        bell.ring();
        out.push_back(co_await bell.wait_until(clock.now() + 1s));
        out.push_back(co_await bell.wait_until(clock.now() + 1s));
      }(event, world, heard),
      asio::detached);
  world.run();
  EXPECT_EQ(heard, (std::vector<bool>{true, false}));
  EXPECT_EQ(world.now(), TimePoint(1s));
}

TEST(Event, going_away_ends_the_wait) {
  sim::World world;
  auto event = std::make_unique<io::Event>(world.context().get_executor(), world);
  std::optional<bool> heard;
  asio::co_spawn(
      world.context(),
      [](io::Event& bell, std::optional<bool>& out) -> asio::awaitable<void> {
        out = co_await bell.wait();
      }(*event, heard),
      asio::detached);
  world.run();
  EXPECT_FALSE(heard);
  event.reset();
  world.run();
  EXPECT_EQ(heard, false);
}

TEST(Mailbox, is_bounded_keeps_order_and_ends_when_closed) {
  sim::World world;
  io::Mailbox<int> box(world.context().get_executor(), world, 2);
  EXPECT_TRUE(box.put(1));
  EXPECT_TRUE(box.put(2));
  EXPECT_EQ(box.put(3).error(), Errc::limit_reached);
  box.close();
  EXPECT_EQ(box.put(4).error(), Errc::closed);
  std::vector<int> taken;
  bool ended = false;
  asio::co_spawn(
      world.context(),
      [](io::Mailbox<int>& from, std::vector<int>& out, bool& end) -> asio::awaitable<void> {
        while (auto letter = co_await from.take()) out.push_back(*letter);
        end = true;
      }(box, taken, ended),
      asio::detached);
  world.run();
  EXPECT_EQ(taken, (std::vector<int>{1, 2}));
  EXPECT_TRUE(ended);
}

TEST(Scope, close_ends_and_awaits_what_it_owns) {
  sim::World world;
  bool ended = false;
  asio::co_spawn(
      world.context(),
      [](sim::World& w, bool& end) -> asio::awaitable<void> {
        io::Scope scope(w.context().get_executor(), w);
        for (int i = 0; i < 3; ++i) scope.start(io::sleep_until(w, w.now() + 24h));
        co_await io::sleep_until(w, w.now() + 1s);
        EXPECT_EQ(scope.running(), 3u);
        co_await scope.close();
        EXPECT_EQ(scope.running(), 0u);
        scope.start(io::sleep_until(w, w.now() + 24h));
        EXPECT_EQ(scope.running(), 0u) << "a closed scope starts nothing";
        end = true;
      }(world, ended),
      asio::detached);
  world.run(TimePoint(2s));
  EXPECT_TRUE(ended);
}

}  // namespace
