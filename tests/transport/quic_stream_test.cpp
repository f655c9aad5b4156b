// Streams and datagrams over nQUIC.
#include "tests/transport/quic_wire.hpp"
#include "transport/quic/byte_queue.hpp"
#include "transport/quic/initial.hpp"
#include "transport/quic/protocol_name.hpp"
#include "transport/quic/receive_window.hpp"

#include <cstdio>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::quic;
using namespace conclave::quic::test;

namespace {

TEST(QuicStream, a_message_goes_there_and_back) {
  World w;
  auto [ours, theirs] = w.connect();
  asio::co_spawn(w.world.context(), echo_all(theirs), asio::detached);
  auto start = w.world.now();
  auto answer = w.run(ask(ours, "/conclave/echo/1", copy(view("hello"))));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(text(**answer), "hello");
  EXPECT_LT(w.world.now() - start, 45ms) << "the protocol's name costs no round trip";
}

TEST(QuicStream, megabytes_survive_loss_and_reordering) {
  auto rough = conditions(20ms, 0.02);
  rough.jitter = 5ms;
  rough.reorder = true;
  World w(rough);
  auto [ours, theirs] = w.connect();
  asio::co_spawn(w.world.context(), echo_all(theirs), asio::detached);
  auto question = pattern(1'500'000);
  auto answer = w.run(ask(ours, "/conclave/echo/1", question), 120s);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(**answer, question);
}

TEST(QuicStream, two_hundred_at_once_in_both_directions) {
  World w;
  auto [ours, theirs] = w.connect();
  asio::co_spawn(w.world.context(), echo_all(theirs), asio::detached);
  asio::co_spawn(w.world.context(), echo_all(ours), asio::detached);
  int right = 0;
  for (int i = 0; i < 200; ++i)
    asio::co_spawn(
        w.world.context(),
        [](std::shared_ptr<io::Connection> connection, int number, int& count) -> asio::awaitable<void> {
          auto question = pattern(static_cast<std::size_t>(1000 + number));
          auto answer = co_await ask(connection, "/conclave/echo/1", question);
          count += answer && *answer == question;
        }(i % 2 ? ours : theirs, i, right),
        asio::detached);
  w.world.run_until([&] { return right == 200; }, w.world.now() + 20s);
  EXPECT_EQ(right, 200);
  std::printf("figure nquic streams at once, all answered: %d\n", right);
}

TEST(QuicStream, more_than_the_peer_allows_wait_their_turn) {
  Settings few;
  few.streams_max = 4;
  World w;
  w.start_bob(few);
  auto [ours, theirs] = w.connect();
  asio::co_spawn(w.world.context(), echo_all(theirs), asio::detached);
  int right = 0;
  for (int i = 0; i < 30; ++i)
    asio::co_spawn(
        w.world.context(),
        [](std::shared_ptr<io::Connection> connection, int& count) -> asio::awaitable<void> {
          auto answer = co_await ask(connection, "/conclave/echo/1", Bytes(10, 1));
          count += answer && answer->size() == 10;
        }(ours, right),
        asio::detached);
  w.world.run_until([&] { return right == 30; }, w.world.now() + 20s);
  EXPECT_EQ(right, 30);
}

TEST(QuicStream, half_close_leaves_the_other_direction_open) {
  World w;
  auto [ours, theirs] = w.connect();
  auto done = w.run([](auto a, auto b) -> asio::awaitable<bool> {
    auto mine = *co_await a->open("/t/1");
    (void)co_await mine->write_all(view("question"));
    (void)co_await mine->close_write();
    auto incoming = *co_await b->accept();
    EXPECT_EQ(incoming.protocol, "/t/1");
    std::shared_ptr<io::Stream> theirs_stream = std::move(incoming.stream);
    EXPECT_EQ(text(*co_await read_to_end(theirs_stream)), "question");
    (void)co_await theirs_stream->write_all(view("answer"));
    (void)co_await theirs_stream->close_write();
    EXPECT_EQ(text(*co_await read_to_end(std::move(mine))), "answer");
    co_return true;
  }(ours, theirs));
  EXPECT_TRUE(done);
}

TEST(QuicStream, a_reset_reaches_reader_and_writer) {
  World w;
  auto [ours, theirs] = w.connect();
  auto done = w.run([](auto a, auto b) -> asio::awaitable<bool> {
    auto mine = *co_await a->open("/t/1");
    (void)co_await mine->write_all(view("something"));
    auto incoming = *co_await b->accept();
    mine->reset();
    Bytes buffer(100);
    Result<std::size_t> heard = co_await incoming.stream->read_some(buffer);
    while (heard) heard = co_await incoming.stream->read_some(buffer);
    EXPECT_EQ(heard.error(), Errc::stream_reset);
    auto written = co_await mine->write_all(view("more"));
    EXPECT_EQ(written.error(), Errc::stream_reset);
    co_return true;
  }(ours, theirs));
  EXPECT_TRUE(done);
}

TEST(QuicStream, a_dropped_reader_stops_a_waiting_writer) {
  World w;
  auto [ours, theirs] = w.connect();
  auto done = w.run([](auto a, auto b) -> asio::awaitable<bool> {
    auto mine = *co_await a->open("/t/1");
    (void)co_await mine->write_all(view("start"));
    auto incoming = *co_await b->accept();
    (void)co_await incoming.stream->close_write();
    incoming.stream.reset();
    auto written = co_await mine->write_all(Bytes(30'000'000));
    EXPECT_FALSE(written);
    co_return true;
  }(ours, theirs));
  EXPECT_TRUE(done);
}

TEST(QuicStream, a_slow_reader_holds_the_writer_back) {
  World w;
  auto [ours, theirs] = w.connect();
  auto stream = w.run([](auto a) -> asio::awaitable<std::shared_ptr<io::Stream>> {
    co_return std::shared_ptr<io::Stream>(std::move(*co_await a->open("/t/1")));
  }(ours));
  bool written = false;
  asio::co_spawn(
      w.world.context(),
      [](auto out, bool& end) -> asio::awaitable<void> {
        (void)co_await out->write_all(Bytes(20'000'000));
        end = true;
      }(*stream, written),
      asio::detached);
  auto before = w.network.traffic(bob_at.ip).bytes_received;
  w.world.run_for(20s);
  EXPECT_FALSE(written);
  EXPECT_LT(w.network.traffic(bob_at.ip).bytes_received - before, Settings().window_initial * 11 / 10)
      << "the window of a stream nobody reads";
}

TEST(QuicStream, a_name_that_is_none_resets_the_stream) {
  World w;
  auto [ours, theirs] = w.connect();
  EXPECT_FALSE(
      *w.run([](auto a) -> asio::awaitable<bool> { co_return (co_await a->open("")).has_value(); }(ours)));
  EXPECT_FALSE(*w.run([](auto a) -> asio::awaitable<bool> {
    co_return (co_await a->open(std::string(65, 'x'))).has_value();
  }(ours)));
  EXPECT_TRUE(*w.run([](auto a) -> asio::awaitable<bool> {
    co_return (co_await a->open(std::string(64, 'x'))).has_value();
  }(ours)));
}

TEST(QuicDatagram, arrives_whole_or_not_at_all) {
  World w;
  auto [ours, theirs] = w.connect();
  ASSERT_TRUE(ours->send_datagram(pattern(1)));
  ASSERT_TRUE(*w.run([](auto b) -> asio::awaitable<bool> { co_return (co_await b->receive_datagram()).has_value(); }(theirs)));
  w.world.run_for(1s);
  EXPECT_GT(ours->datagram_max(), 1300u) << "path MTU discovery has found more than 1200";
  EXPECT_FALSE(ours->send_datagram(Bytes(ours->datagram_max() + 1)));
  std::size_t sent = 0, heard = 0;
  for (std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{1000}, ours->datagram_max()}) {
    ASSERT_TRUE(ours->send_datagram(pattern(size)));
    sent += size;
  }
  auto done = w.run([](auto b, std::size_t& sum) -> asio::awaitable<bool> {
    for (int i = 0; i < 4; ++i) {
      auto datagram = co_await b->receive_datagram();
      if (!datagram) co_return false;
      EXPECT_EQ(*datagram, pattern(datagram->size()));
      sum += datagram->size();
    }
    co_return true;
  }(theirs, heard));
  EXPECT_EQ(done, true);
  EXPECT_EQ(heard, sent);
}

TEST(QuicDatagram, what_nobody_fetches_is_bounded_and_the_newest_stay) {
  Settings few;
  few.datagrams_max = 10;
  World w;
  w.start_bob(few);
  auto [ours, theirs] = w.connect();
  for (Byte i = 0; i < 50; ++i) ASSERT_TRUE(ours->send_datagram(Bytes{i}));
  w.world.run_for(1s);
  auto first =
      w.run([](auto b) -> asio::awaitable<int> { co_return (*co_await b->receive_datagram())[0]; }(theirs));
  EXPECT_EQ(first, 40);
}

TEST(ReceiveWindow, grows_by_what_is_read_fast_and_never_beyond_the_most) {
  ReceiveWindow window(1000);
  TimePoint now{1h};
  EXPECT_EQ(window.grow(400, 40ms, now, 3000), 0u) << "less than half of it";
  EXPECT_EQ(window.grow(400, 40ms, now + 100ms, 3000), 400u);
  EXPECT_EQ(window.size(), 1400u);
  EXPECT_EQ(window.grow(5000, 40ms, now + 110ms, 3000), 1600u);
  EXPECT_EQ(window.grow(5000, 40ms, now + 120ms, 3000), 0u);
  EXPECT_EQ(window.size(), 3000u);
}

TEST(ReceiveWindow, of_a_slow_reader_stays) {
  ReceiveWindow window(1000);
  for (int i = 1; i < 100; ++i) EXPECT_EQ(window.grow(400, 40ms, TimePoint(i * 200ms), 3000), 0u);
}

RC_GTEST_PROP(ByteQueue, gives_back_what_went_in_however_it_is_cut, (const std::vector<Bytes>& pieces)) {
  ByteQueue queue;
  Bytes all, back;
  for (auto& piece : pieces) {
    queue.push(piece);
    append(all, piece);
    std::array<ByteView, 3> seen;
    auto offset = queue.size() / 2;
    Bytes gathered;
    auto count = queue.gather(offset, 100, seen);
    for (std::size_t i = 0; i < count; ++i) append(gathered, seen[i]);
    auto rest = ByteView(all).subspan(back.size() + offset);
    RC_ASSERT(std::equal(gathered.begin(), gathered.end(), rest.begin()));
    Bytes some(*rc::gen::inRange<std::size_t>(0, queue.size() + 2));
    some.resize(queue.pop(some));
    append(back, some);
  }
  Bytes some(queue.size());
  RC_ASSERT(queue.pop(some) == some.size());
  append(back, some);
  RC_ASSERT(back == all);
  RC_ASSERT(queue.empty());
}

RC_GTEST_PROP(ProtocolName, does_not_depend_on_how_the_bytes_arrive, ()) {
  auto name = *rc::gen::resize(
      64, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>(0x21, 0x7f))));
  if (name.size() > protocol_name_max) name.resize(protocol_name_max);
  Bytes wire = encode_protocol_name(name);
  append(wire, view("rest"));
  ProtocolNameReader reader;
  std::optional<std::string> heard;
  Bytes rest;
  for (ByteView left = wire; !left.empty();) {
    auto piece = left.first(*rc::gen::inRange<std::size_t>(1, left.size() + 1));
    left = left.subspan(piece.size());
    if (!heard) {
      auto got = reader.feed(piece);
      RC_ASSERT(got.has_value());
      heard = *got;
    }
    append(rest, piece);
  }
  RC_ASSERT(heard == name);
  RC_ASSERT(text(rest) == "rest");
}

RC_GTEST_PROP(QuicInitial, noise_gives_frames_or_an_error, (const Bytes& noise)) {
  (void)decode_long_header(noise);
  (void)decode_initial_frames(noise);
  (void)decode_introduction(noise);
  (void)decode_hello(noise);
}

}  // namespace
