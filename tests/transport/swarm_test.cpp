#include "transport/swarm/swarm.hpp"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/transport/swarm_wire.hpp"
#include "transport/swarm/conduct.hpp"
#include "transport/swarm/race.hpp"

using namespace conclave;
using namespace conclave::swarm;
using namespace std::chrono_literals;
using conclave::address::PeerAddress;
using conclave::swarm::test::Wire;
using conclave::swarm::test::WireCarrier;
namespace asio = boost::asio;

namespace {

using Transport = PeerAddress::Transport;

PeerAddress at(Transport transport, std::string_view endpoint) {
  return {transport, *io::Endpoint::parse(endpoint), std::nullopt, std::nullopt};
}

NodeKey key(Byte name) {
  NodeKey out;
  out.bytes.fill(name);
  return out;
}

struct Peer {
  Peer(Wire& wire, Byte name, std::string_view where, Limits limits = {})
      : carrier(wire, key(name), *io::Endpoint::parse(where)),
        swarm(wire.world.context().get_executor(), wire.world, key(name), {&carrier}, limits) {
    swarm.on_connected([this](Swarm::ConnectionPtr) { ++connected; });
    swarm.on_disconnected([this](const NodeKey&) { ++disconnected; });
    swarm.on_replaced([this](const NodeKey&) { ++replaced; });
  }
  WireCarrier carrier;
  Swarm swarm;
  int connected = 0, disconnected = 0, replaced = 0;
};

asio::awaitable<void> echo(Swarm::ConnectionPtr, std::unique_ptr<io::Stream> stream) {
  Bytes buffer(1000);
  for (;;) {
    auto got = co_await stream->read_some(buffer);
    if (!got) break;
    if (!co_await stream->write_all(ByteView(buffer).first(*got))) break;
  }
  (void)co_await stream->close_write();
}

asio::awaitable<void> dial_into(Swarm& from, NodeKey to, std::vector<PeerAddress> addresses, TimePoint deadline,
                                std::optional<Result<Swarm::ConnectionPtr>>& out) {
  out = co_await from.dial(to, std::move(addresses), deadline);
}

struct SwarmTest : testing::Test {
  sim::World world;
  Wire wire{world};
  PeerAddress here = at(Transport::nquic, "45.0.0.2:1");
  std::vector<std::unique_ptr<Peer>> peers;

  Peer& peer(Byte name, Limits limits = {}) {
    auto where = "45.0.0." + std::to_string(name) + ":1";
    peers.push_back(std::make_unique<Peer>(wire, name, where, limits));
    wire.places[at(Transport::nquic, where)] = {&peers.back()->carrier, 20ms};
    return *peers.back();
  }
  std::optional<Result<Swarm::ConnectionPtr>> dial(Peer& from, Byte to, std::vector<PeerAddress> addresses,
                                                   Duration patience = 5s) {
    std::optional<Result<Swarm::ConnectionPtr>> out;
    start_dial(from, to, std::move(addresses), patience, out);
    world.run_until([&] { return out.has_value(); }, world.now() + 10s);
    return out;
  }
  void start_dial(Peer& from, Byte to, std::vector<PeerAddress> addresses, Duration patience,
                  std::optional<Result<Swarm::ConnectionPtr>>& out) {
    asio::co_spawn(world.context(),
                   dial_into(from.swarm, key(to), std::move(addresses), world.now() + patience, out), asio::detached);
  }
  /// The world's clock stands still once nothing is on the agenda.
  void pass(Duration span) {
    world.at(world.now() + span, [] {});
    world.run_for(span);
  }
  void TearDown() override {
    for (auto& one : peers) asio::co_spawn(world.context(), one->swarm.close(), asio::detached);
    pass(1s);
  }
};

TEST_F(SwarmTest, dials_once_and_serves_streams_by_protocol) {
  auto& a = peer(1);
  auto& b = peer(2);
  b.swarm.handle("/echo/1", echo);
  std::optional<Result<Swarm::ConnectionPtr>> first, second;
  start_dial(a, 2, {here}, 5s, first);
  start_dial(a, 2, {here}, 5s, second);
  pass(1s);
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_EQ(**first, **second) << "two callers share a dial";
  EXPECT_EQ(a.carrier.dialled.size(), 1u);
  EXPECT_EQ(a.swarm.find(key(2)), **first);
  ASSERT_TRUE(b.swarm.find(key(1)));
  EXPECT_EQ(a.connected + b.connected, 2);

  std::string heard;
  bool unknown_was_reset = false;
  asio::co_spawn(
      world.context(),
      [](Swarm::ConnectionPtr connection, std::string& out, bool& reset) -> asio::awaitable<void> {
        auto stream = co_await connection->open("/echo/1");
        (void)co_await (*stream)->write_all(view("hello"));
        Bytes buffer(5);
        (void)co_await io::read_exactly(**stream, buffer);
        out = text(buffer);
        auto other = co_await connection->open("/nobody/1");
        auto got = co_await (*other)->read_some(buffer);
        reset = !got && got.error() == Errc::stream_reset;
      }(**first, heard, unknown_was_reset),
      asio::detached);
  pass(1s);
  EXPECT_EQ(heard, "hello");
  EXPECT_TRUE(unknown_was_reset);
}

TEST_F(SwarmTest, races_its_addresses_udp_first_and_takes_the_first_that_answers) {
  auto& a = peer(1);
  auto& b = peer(2);
  auto silent = at(Transport::nquic, "46.0.0.1:1");
  auto tcp = at(Transport::tcp, "45.0.0.2:1");
  wire.places[tcp] = {&b.carrier, 10ms};
  auto result = dial(a, 2, {tcp, silent});
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((**result)->kind(), io::Connection::Kind::tcp);
  ASSERT_EQ(a.carrier.dialled.size(), 2u);
  EXPECT_EQ(a.carrier.dialled[0].second, silent);
  EXPECT_EQ(a.carrier.dialled[1].first - a.carrier.dialled[0].first, 250ms);
}

TEST_F(SwarmTest, a_failed_address_lets_the_next_one_start_at_once) {
  auto& a = peer(1);
  peer(2);
  auto wrong = at(Transport::nquic, "46.0.0.1:1");
  wire.places[wrong] = {nullptr, 3ms};
  auto result = dial(a, 2, {wrong, here});
  ASSERT_TRUE(result && *result);
  EXPECT_EQ(a.carrier.dialled[1].first - a.carrier.dialled[0].first, 3ms);
}

TEST_F(SwarmTest, says_why_there_is_no_connection) {
  auto& a = peer(1);
  peer(2);
  auto silent = at(Transport::nquic, "46.0.0.1:1");
  auto refusing = at(Transport::nquic, "46.0.0.2:1");
  wire.places[refusing] = {nullptr, 3ms};
  EXPECT_EQ(dial(a, 2, {})->error(), Errc::not_found);
  EXPECT_EQ(dial(a, 2, {silent}, 1s)->error(), Errc::timed_out);
  EXPECT_EQ(dial(a, 2, {refusing})->error(), Errc::refused);
  EXPECT_EQ(dial(a, 1, {here})->error(), Errc::refused) << "ourselves";
  auto of_another = here;
  of_another.node = key(9);
  EXPECT_EQ(dial(a, 2, {of_another})->error(), Errc::not_found);
}

TEST_F(SwarmTest, of_two_crossing_dials_both_keep_the_one_of_the_smaller_key) {
  auto& a = peer(1);
  auto& b = peer(2);
  std::optional<Result<Swarm::ConnectionPtr>> from_a, from_b;
  start_dial(a, 2, {here}, 5s, from_a);
  start_dial(b, 1, {at(Transport::nquic, "45.0.0.1:1")}, 5s, from_b);
  pass(1s);
  ASSERT_TRUE(from_a && *from_a && from_b && *from_b);
  EXPECT_TRUE(a.swarm.find(key(2))->dialled_by_us());
  EXPECT_FALSE(b.swarm.find(key(1))->dialled_by_us());
  pass(10s);
  EXPECT_TRUE(a.swarm.find(key(2))) << "the other one has gone, this one stays";
  EXPECT_EQ(a.swarm.connections().size(), 1u);
  EXPECT_EQ(a.connected + b.connected, 2);
  EXPECT_EQ(a.disconnected + b.disconnected, 0);
}

asio::awaitable<void> say_hello(Swarm::ConnectionPtr on, std::unique_ptr<io::Stream>& stream, std::string& answer) {
  if (!stream) stream = std::move(*co_await on->open("/echo/1"));
  (void)co_await stream->write_all(view("hello"));
  Bytes buffer(5);
  if (co_await io::read_exactly(*stream, buffer)) answer = text(buffer);
}

// What is said between two dials that cross is on a connection that both then leave. It must arrive, whenever.
TEST_F(SwarmTest, what_is_open_on_a_replaced_connection_goes_on) {
  auto& a = peer(1);
  auto& b = peer(2);
  a.swarm.handle("/echo/1", echo);
  a.swarm.keep(key(2));
  b.swarm.keep(key(1));
  std::optional<Result<Swarm::ConnectionPtr>> from_a, from_b;
  start_dial(b, 1, {at(Transport::nquic, "45.0.0.1:1")}, 5s, from_b);
  pass(2ms);
  start_dial(a, 2, {here}, 5s, from_a);
  world.run_until([&] { return from_b.has_value(); }, world.now() + 1s);
  ASSERT_TRUE(from_b && *from_b);
  std::unique_ptr<io::Stream> stream;
  std::string answer;
  asio::co_spawn(world.context(), say_hello(**from_b, stream, answer), asio::detached);
  pass(1s);
  EXPECT_EQ(answer, "hello");
  ASSERT_NE(b.swarm.find(key(1)), **from_b) << "the other one has won";
  EXPECT_EQ(b.replaced, 1) << "whoever has something on it can say it again";
  EXPECT_EQ(b.connected, 1);
  pass(5min);
  answer.clear();
  asio::co_spawn(world.context(), say_hello(**from_b, stream, answer), asio::detached);
  pass(1s);
  EXPECT_EQ(answer, "hello") << "and it still answers";
  stream.reset();
  pass(5s);
  EXPECT_TRUE((**from_b)->closed()) << "once nothing is open on it, it goes";
}

TEST_F(SwarmTest, when_the_connection_that_won_is_given_up_the_other_one_serves_again) {
  auto& a = peer(1);
  auto& b = peer(2);
  std::optional<Result<Swarm::ConnectionPtr>> from_a, from_b;
  start_dial(b, 1, {at(Transport::nquic, "45.0.0.1:1")}, 5s, from_b);
  pass(2ms);
  start_dial(a, 2, {here}, 5s, from_a);
  pass(1s);
  auto won = b.swarm.find(key(1));
  ASSERT_TRUE(won && *from_b && won != **from_b);
  a.swarm.find(key(2))->close();
  pass(1s);
  EXPECT_EQ(b.swarm.find(key(1)), **from_b);
  EXPECT_EQ(a.replaced + b.replaced, 3) << "b's by a's, then both back";
  EXPECT_EQ(a.disconnected + b.disconnected, 0);
}

TEST_F(SwarmTest, who_keeps_dialling_us_does_not_make_connections_pile_up) {
  auto& a = peer(1);
  peer(2);
  a.swarm.handle("/echo/1", echo);
  std::vector<std::shared_ptr<io::Connection>> made;
  std::vector<std::unique_ptr<io::Stream>> streams;
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(
        world.context(),
        [](WireCarrier& from, TimePoint deadline, auto& connections, auto& opened) -> asio::awaitable<void> {
          auto connection = *co_await from.dial(at(Transport::nquic, "45.0.0.1:1"), key(1), deadline);
          opened.push_back(std::move(*co_await connection->open("/echo/1")));
          connections.push_back(std::move(connection));
        }(peers[1]->carrier, world.now() + 1s, made, streams),
        asio::detached);
    pass(1s);
  }
  ASSERT_EQ(made.size(), 10u);
  EXPECT_EQ(std::ranges::count_if(made, [](auto& one) { return !one->closed(); }), 3);
  EXPECT_FALSE(made.back()->closed());
}

TEST_F(SwarmTest, a_peer_that_lost_its_connection_replaces_ours) {
  auto& a = peer(1);
  auto& b = peer(2);
  auto old = dial(b, 1, {at(Transport::nquic, "45.0.0.1:1")});
  ASSERT_TRUE(old && *old);
  pass(20s);
  auto again = std::make_unique<WireCarrier>(wire, key(2), *io::Endpoint::parse("45.0.0.2:1"));
  std::shared_ptr<io::Connection> fresh;
  asio::co_spawn(
      world.context(),
      [](WireCarrier& carrier, TimePoint deadline, std::shared_ptr<io::Connection>& out) -> asio::awaitable<void> {
        out = *co_await carrier.dial(at(Transport::nquic, "45.0.0.1:1"), key(1), deadline);
      }(*again, world.now() + 1s, fresh),
      asio::detached);
  auto before = a.swarm.find(key(2));
  pass(1s);
  EXPECT_NE(a.swarm.find(key(2)), before);
  EXPECT_EQ(a.connected, 1);
}

TEST_F(SwarmTest, idle_connections_are_closed_unless_somebody_keeps_them) {
  auto& a = peer(1);
  auto& b = peer(2);
  b.swarm.keep(key(1));
  a.swarm.keep(key(2));
  ASSERT_TRUE(*dial(a, 2, {here}));
  pass(10min);
  EXPECT_TRUE(a.swarm.find(key(2)));
  a.swarm.release(key(2));
  pass(1s);
  EXPECT_FALSE(a.swarm.find(key(2)));
  EXPECT_EQ(a.disconnected, 1);
  EXPECT_EQ(b.disconnected, 1);
}

TEST_F(SwarmTest, an_open_stream_is_not_idle) {
  auto& a = peer(1);
  auto& b = peer(2);
  b.swarm.handle("/echo/1", echo);
  auto connection = **dial(a, 2, {here});
  std::unique_ptr<io::Stream> stream;
  asio::co_spawn(
      world.context(),
      [](Swarm::ConnectionPtr on, std::unique_ptr<io::Stream>& out) -> asio::awaitable<void> {
        out = std::move(*co_await on->open("/echo/1"));
      }(connection, stream),
      asio::detached);
  pass(10min);
  EXPECT_TRUE(a.swarm.find(key(2)));
  stream.reset();
  pass(59s);
  EXPECT_TRUE(a.swarm.find(key(2)));
  pass(2s);
  EXPECT_FALSE(a.swarm.find(key(2)));
}

TEST_F(SwarmTest, who_misbehaves_is_cut_off_and_comes_back_when_time_has_passed) {
  auto& a = peer(1);
  auto& b = peer(2);
  ASSERT_TRUE(*dial(a, 2, {here}));
  b.swarm.misbehaved(key(1), 60);
  pass(1s);
  EXPECT_TRUE(b.swarm.find(key(1)));
  b.swarm.misbehaved(key(1), 60);
  pass(1s);
  EXPECT_FALSE(b.swarm.find(key(1)));
  EXPECT_FALSE(a.swarm.find(key(2)));
  (void)dial(a, 2, {here});
  pass(1s);
  EXPECT_FALSE(b.swarm.find(key(1)));
  EXPECT_EQ(dial(b, 1, {at(Transport::nquic, "45.0.0.1:1")})->error(), Errc::refused);
  pass(15min);
  EXPECT_TRUE(*dial(a, 2, {here}));
  pass(1s);
  EXPECT_TRUE(b.swarm.find(key(1)));
}

TEST_F(SwarmTest, one_network_gets_a_share_of_the_connections_only) {
  Limits limits;
  limits.per_network_max = 3;
  auto& b = peer(2, limits);
  for (Byte name = 10; name < 16; ++name) (void)dial(peer(name), 2, {here});
  pass(1s);
  EXPECT_EQ(b.swarm.connections().size(), 3u);
}

TEST_F(SwarmTest, when_full_the_idlest_unkept_connection_makes_room) {
  Limits limits;
  limits.connections_max = 2;
  auto& b = peer(2, limits);
  for (Byte name = 10; name < 13; ++name) {
    (void)dial(peer(name), 2, {here});
    pass(1s);
  }
  EXPECT_FALSE(b.swarm.find(key(10)));
  EXPECT_TRUE(b.swarm.find(key(11)));
  EXPECT_TRUE(b.swarm.find(key(12)));
}

TEST_F(SwarmTest, a_peer_cannot_open_more_streams_than_its_limit) {
  Limits limits;
  limits.streams_per_peer_max = 4;
  auto& a = peer(1);
  auto& b = peer(2, limits);
  b.swarm.handle("/echo/1", echo);
  auto connection = **dial(a, 2, {here});
  std::vector<std::unique_ptr<io::Stream>> streams;
  int answered = 0;
  asio::co_spawn(
      world.context(),
      [](Swarm::ConnectionPtr on, std::vector<std::unique_ptr<io::Stream>>& out, int& count) -> asio::awaitable<void> {
        for (int i = 0; i < 10; ++i) {
          out.push_back(std::move(*co_await on->open("/echo/1")));
          (void)co_await out.back()->write_all(view("x"));
          Byte byte[1];
          if (co_await out.back()->read_some(byte)) ++count;
        }
      }(connection, streams, answered),
      asio::detached);
  pass(1s);
  EXPECT_EQ(answered, 4);
}

TEST_F(SwarmTest, closing_ends_everything_at_once) {
  auto& a = peer(1);
  auto& b = peer(2);
  b.swarm.handle("/echo/1", echo);
  auto connection = **dial(a, 2, {here});
  std::optional<Result<Swarm::ConnectionPtr>> pending;
  start_dial(a, 9, {at(Transport::nquic, "46.0.0.1:1")}, 1h, pending);
  pass(1s);
  bool closed = false;
  asio::co_spawn(
      world.context(),
      [](Swarm& swarm, bool& done) -> asio::awaitable<void> {
        co_await swarm.close();
        done = true;
      }(a.swarm, closed),
      asio::detached);
  pass(100ms);
  EXPECT_TRUE(closed);
  EXPECT_TRUE(connection->closed());
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->error(), Errc::closed);
  EXPECT_EQ(dial(a, 2, {here})->error(), Errc::closed);
  EXPECT_FALSE(b.swarm.find(key(1)));
}

// Whatever the addresses and whenever they fail, each is tried once, UDP never after TCP that is still waiting,
// and the race ends.
RC_GTEST_PROP(Race, tries_each_address_once_in_order_and_ends, (const std::vector<std::pair<std::uint8_t, bool>>& drawn)) {
  Race race(16);
  std::vector<PeerAddress> addresses;
  for (auto& [number, tcp] : drawn) {
    auto address = at(tcp ? Transport::tcp : Transport::nquic, "1.1.1.1:1");
    address.endpoint.port = static_cast<std::uint16_t>(number % 8);
    addresses.push_back(address);
  }
  race.add(addresses);
  TimePoint now{};
  std::vector<PeerAddress> tried;
  for (int steps = 0;; ++steps) {
    RC_ASSERT(steps < 200);
    auto step = race.next(now);
    if (std::holds_alternative<Race::Lost>(step)) break;
    if (auto* start = std::get_if<Race::Start>(&step)) {
      RC_ASSERT(std::ranges::find(tried, start->address) == tried.end());
      if (!tried.empty()) RC_ASSERT(tried.back().transport <= start->address.transport);
      tried.push_back(start->address);
    } else {
      auto until = std::get<Race::Wait>(step).until;
      bool fails = until == TimePoint::max() || *rc::gen::arbitrary<bool>();
      if (fails) race.on_failure(now);
      else now = until;
    }
  }
  RC_ASSERT(tried.size() <= 16u);
  RC_ASSERT(tried.size() == std::min<std::size_t>(16, std::set(addresses.begin(), addresses.end()).size()));
}

TEST(Conduct, is_bounded_and_forgets_the_least_guilty) {
  Conduct<int> conduct;
  conduct.add(-1, 90, TimePoint());
  for (int i = 0; i < 5000; ++i) conduct.add(i, 10, TimePoint());
  EXPECT_EQ(conduct.size(), Conduct<int>::offenders_max);
  EXPECT_TRUE(conduct.add(-1, 10, TimePoint())) << "the guiltiest is remembered";
}

}  // namespace
