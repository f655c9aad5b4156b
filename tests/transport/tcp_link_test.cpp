// The whole stack over two queues in virtual time: everything but the socket.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "simulations/world.hpp"
#include "tests/transport/pipe.hpp"
#include "transport/tcp/upgrade.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Role = tcp::Handshake::Role;
using Shared = std::shared_ptr<io::Connection>;

namespace {

/// Two nodes and the pipe between them.
struct Wire {
  explicit Wire(test::PipeSettings settings = {}) {
    std::tie(near_pipe, far_pipe) = test::Pipe::make(world.context().get_executor(), world, settings);
  }
  ~Wire() {
    near.reset();
    far.reset();
    bool closed = false;
    run([](io::Scope& all, bool& done) -> asio::awaitable<void> {
      co_await all.close();
      done = true;
    }(scope, closed));
    EXPECT_TRUE(closed);
  }
  void run(asio::awaitable<void> work, TimePoint limit = TimePoint::max()) {
    asio::co_spawn(world.context(), std::move(work), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    world.run(limit);
  }
  tcp::UpgradeSettings settings(const NodeKeys& keys) {
    return {keys, static_keys, random, {world.context().get_executor(), world, scope, speaks, limits}};
  }
  static bool speaks(std::string_view name) { return name != "/unheard-of/1"; }

  static asio::awaitable<void> upgrade_one(Wire& wire, Role role, Shared& out, Error& error) {
    auto& pipe = role == Role::dialler ? wire.near_pipe : wire.far_pipe;
    auto& keys = role == Role::dialler ? wire.near_keys : wire.far_keys;
    tcp::UpgradeOf what{role, io::Connection::Kind::tcp, {}, std::nullopt, wire.world.now() + 10s};
    auto upgraded = co_await tcp::upgrade(std::move(pipe), what, wire.settings(keys));
    if (upgraded) out = upgraded->connection;
    else error = upgraded.error();
  }
  /// Both upgrade; time stands where the later one was done.
  void connect() {
    for (auto role : {Role::dialler, Role::listener}) {
      auto& out = role == Role::dialler ? near : far;
      asio::co_spawn(world.context(), upgrade_one(*this, role, out, error), asio::detached);
    }
    world.run_until([&] { return (near && far) || error; });
    ASSERT_TRUE(near && far) << error.message();
  }

  sim::World world;
  SeededRandom random{7};
  NodeKeys near_keys = NodeKeys::generate(random);
  NodeKeys far_keys = NodeKeys::generate(random);
  noise::KeyPair static_keys = noise::KeyPair::of(NodeKeys::generate(random));
  tcp::YamuxLimits limits;
  io::Scope scope{world.context().get_executor(), world};
  std::unique_ptr<io::Stream> near_pipe;
  std::unique_ptr<io::Stream> far_pipe;
  Shared near;
  Shared far;
  Error error;
};

asio::awaitable<void> echo_stream(std::unique_ptr<io::Stream> stream) {
  Bytes buffer(10'000);
  for (;;) {
    auto size = co_await stream->read_some(buffer);
    if (!size || !co_await stream->write_all(ByteView(buffer).first(*size))) break;
  }
  (void)co_await stream->close_write();
}

asio::awaitable<void> echo_all(Shared connection, io::Scope& scope) {
  for (;;) {
    auto incoming = co_await connection->accept();
    if (!incoming) co_return;
    scope.start(echo_stream(std::move(incoming->stream)));
  }
}

asio::awaitable<Result<Bytes>> read_all(io::Stream& stream) {
  Bytes out;
  Bytes buffer(10'000);
  for (;;) {
    auto size = co_await stream.read_some(buffer);
    if (!size && size.error() == Errc::end_of_stream) co_return out;
    if (!size) co_return fail(size.error());
    append(out, ByteView(buffer).first(*size));
  }
}

asio::awaitable<void> send_and_finish(std::shared_ptr<io::Stream> stream, Bytes bytes) {
  (void)co_await stream->write_all(bytes);
  (void)co_await stream->close_write();
}

struct Echoed {
  std::size_t good = 0;
  TimePoint last{};
};

asio::awaitable<void> expect_echo(Shared connection, Wire& wire, Bytes payload, Echoed& out) {
  auto opened = co_await connection->open("/echo/1");
  if (!opened) co_return;
  std::shared_ptr<io::Stream> stream = std::move(*opened);
  wire.scope.start(send_and_finish(stream, payload));
  auto echoed = co_await read_all(*stream);
  if (echoed && *echoed == payload) ++out.good;
  out.last = wire.world.now();
}

TEST(TcpLink, both_know_each_other_and_streams_have_names) {
  Wire wire;
  wire.connect();
  EXPECT_EQ(wire.near->peer(), wire.far_keys.public_key());
  EXPECT_EQ(wire.far->peer(), wire.near_keys.public_key());
  EXPECT_TRUE(wire.near->dialled_by_us());
  EXPECT_FALSE(wire.far->dialled_by_us());
  wire.run([](Wire& w) -> asio::awaitable<void> {
    auto stream = co_await w.near->open("/conclave/chat/1");
    auto incoming = co_await w.far->accept();
    EXPECT_EQ(incoming->protocol, "/conclave/chat/1");
    EXPECT_EQ((co_await w.near->open(std::string(65, 'x'))).error(), Errc::too_long);
  }(wire), wire.world.now() + 1s);
}

TEST(TcpLink, two_hundred_streams_at_once) {
  test::PipeSettings slow;
  slow.delay = 10ms;
  Wire wire(slow);
  wire.connect();
  Echoed echoed;
  wire.scope.start(echo_all(wire.far, wire.scope));
  for (int i = 0; i < 200; ++i) {
    wire.scope.start(expect_echo(wire.near, wire, Bytes(1000, static_cast<Byte>(i)), echoed));
  }
  auto begin = wire.world.now();
  wire.world.run_until([&] { return echoed.good == 200; }, wire.world.now() + 10s);
  EXPECT_EQ(echoed.good, 200u);
  EXPECT_EQ(echoed.last - begin, 20ms) << "a name costs no round trip: the echo is back after one";
}

TEST(TcpLink, much_data_goes_through_any_cut) {
  test::PipeSettings cut;
  std::size_t last = 0;
  cut.cut = [&](std::size_t) { return last = (last * 31 + 7) % 70'001; };
  cut.delay = 1ms;
  Wire wire(cut);
  wire.connect();
  Echoed echoed;
  Bytes payload(2'000'000);
  wire.random.fill(payload);
  wire.scope.start(echo_all(wire.far, wire.scope));
  wire.scope.start(expect_echo(wire.near, wire, payload, echoed));
  wire.world.run_until([&] { return echoed.good == 1; }, wire.world.now() + 60s);
  EXPECT_EQ(echoed.good, 1u);
}

TEST(TcpLink, half_close_and_reset) {
  Wire wire;
  wire.connect();
  wire.run([](Wire& w) -> asio::awaitable<void> {
    auto ours = *co_await w.near->open("/a/1");
    (void)co_await ours->write_all(view("question"));
    (void)co_await ours->close_write();
    EXPECT_EQ((co_await ours->write_all(view("more"))).error(), Errc::closed);
    auto theirs = std::move((co_await w.far->accept())->stream);
    EXPECT_EQ(text(*co_await read_all(*theirs)), "question");
    (void)co_await theirs->write_all(view("answer"));
    (void)co_await theirs->close_write();
    EXPECT_EQ(text(*co_await read_all(*ours)), "answer");

    auto broken = *co_await w.near->open("/b/1");
    (void)co_await broken->write_all(view("x"));
    auto other = std::move((co_await w.far->accept())->stream);
    other->reset();
    Byte byte;
    EXPECT_EQ((co_await broken->read_some({&byte, 1})).error(), Errc::stream_reset);
    EXPECT_EQ((co_await broken->write_all(view("x"))).error(), Errc::stream_reset);
  }(wire), wire.world.now() + 1s);
}

TEST(TcpLink, a_protocol_that_the_peer_does_not_speak_is_said_so) {
  Wire wire;
  wire.connect();
  wire.run([](Wire& w) -> asio::awaitable<void> {
    auto stream = *co_await w.near->open("/unheard-of/1");
    Byte byte;
    EXPECT_EQ((co_await stream->read_some({&byte, 1})).error(), Errc::unsupported);
    EXPECT_FALSE(w.near->closed());
  }(wire), wire.world.now() + 1s);
}

TEST(TcpLink, what_was_written_before_a_close_arrives) {
  test::PipeSettings slow;
  slow.delay = 30ms;
  Wire wire(slow);
  wire.connect();
  Result<Bytes> got = fail(Errc::timed_out);
  wire.run([](Wire& w, Result<Bytes>& out) -> asio::awaitable<void> {
    auto ours = *co_await w.near->open("/a/1");
    (void)co_await ours->write_all(view("last words"));
    (void)co_await ours->close_write();
    ours.reset();
    w.near->close();
    EXPECT_EQ((co_await w.near->open("/b/1")).error(), Errc::closed);
    EXPECT_EQ((co_await w.near->accept()).error(), Errc::closed);
    auto incoming = co_await w.far->accept();
    if (incoming) out = co_await read_all(*incoming->stream);
    co_await w.far->wait_closed();
  }(wire, got), wire.world.now() + 5s);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(text(*got), "last words");
  EXPECT_TRUE(wire.far->closed());
}

TEST(TcpLink, a_peer_that_says_nothing_in_the_handshake_is_dropped_at_the_deadline) {
  Wire wire;
  asio::co_spawn(wire.world.context(), Wire::upgrade_one(wire, Role::listener, wire.far, wire.error), asio::detached);
  wire.world.run_until([&] { return bool(wire.error); });
  EXPECT_EQ(wire.error, Errc::timed_out);
  EXPECT_EQ(wire.world.now(), TimePoint(10s));
}

TEST(TcpLink, a_peer_that_falls_silent_is_given_up) {
  bool mute = false;
  Wire wire;
  test::PipeSettings settings;
  settings.tamper = [&](Bytes& bytes) {
    if (mute) bytes.clear();
  };
  std::tie(wire.near_pipe, wire.far_pipe) = test::Pipe::make(wire.world.context().get_executor(), wire.world, settings);
  wire.connect();
  wire.world.run_for(1s);
  mute = true;
  auto begin = wire.world.now();
  wire.world.run_until([&] { return wire.near->closed(); }, begin + 200s);
  EXPECT_TRUE(wire.near->closed());
  EXPECT_LE(wire.world.now() - begin, 125s);
}

TEST(TcpLink, a_forged_record_ends_the_connection) {
  bool damage = false;
  Wire wire;
  test::PipeSettings settings;
  settings.tamper = [&](Bytes& bytes) {
    if (damage) bytes.back() ^= 1;
  };
  std::tie(wire.near_pipe, wire.far_pipe) = test::Pipe::make(wire.world.context().get_executor(), wire.world, settings);
  wire.connect();
  wire.world.run_for(1s);
  damage = true;
  wire.run([](Wire& w) -> asio::awaitable<void> {
    auto stream = *co_await w.near->open("/a/1");
    (void)co_await stream->write_all(view("hello"));
    EXPECT_EQ((co_await w.far->accept()).error(), Errc::closed);
  }(wire), wire.world.now() + 3s);
  EXPECT_TRUE(wire.far->closed());
  EXPECT_TRUE(wire.near->closed());
}

TEST(TcpLink, a_cancelled_write_resets_its_stream) {
  Wire wire;
  wire.connect();
  Result<Bytes> got = Bytes();
  wire.run([](Wire& w, Result<Bytes>& out) -> asio::awaitable<void> {
    std::shared_ptr<io::Stream> ours = std::move(*co_await w.near->open("/a/1"));
    auto theirs = std::move((co_await w.far->accept())->stream);
    io::Scope writing(w.world.context().get_executor(), w.world);
    writing.start(send_and_finish(ours, Bytes(1'000'000)));
    co_await io::sleep_until(w.world, w.world.now() + 100ms);
    co_await writing.close();
    out = co_await read_all(*theirs);
  }(wire, got), wire.world.now() + 3s);
  EXPECT_EQ(got.error(), Errc::stream_reset);
}

}  // namespace
