#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <thread>

#include "simulations/network.hpp"
#include "transport/nat/dialback.hpp"
#include "transport/nat/observations.hpp"
#include "transport/nat/port_mapper.hpp"

using namespace conclave;
using namespace conclave::nat;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

io::Endpoint at(std::string_view text) { return *io::Endpoint::parse(text); }

TEST(Observations, believe_nothing_before_four_networks_have_spoken) {
  Observations seen;
  for (int i = 0; i < 20; ++i) seen.add(at("50.0.0." + std::to_string(i) + ":1"), at("9.9.9.9:1"), TimePoint());
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v4, {}, TimePoint()).observers, 1u) << "one network is one voice";
  seen.add(at("51.0.0.1:1"), at("7.7.7.7:4000"), TimePoint());
  seen.add(at("52.0.0.1:1"), at("7.7.7.7:4000"), TimePoint());
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v4, {}, TimePoint()).kind, NatKind::unknown);
  seen.add(at("53.0.0.1:1"), at("7.7.7.7:4000"), TimePoint());
  auto verdict = seen.verdict(io::IpAddress::Family::v4, {}, TimePoint());
  EXPECT_EQ(verdict.kind, NatKind::easy) << "one in four may lie";
  EXPECT_EQ(verdict.address, at("7.7.7.7:4000"));
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v4, {at("7.7.7.7:4000")}, TimePoint()).kind, NatKind::none);
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v6, {}, TimePoint()).kind, NatKind::unknown);
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v4, {}, TimePoint(3h)).kind, NatKind::unknown) << "it is old";
}

NatKind kind_of(const std::vector<std::string>& observed) {
  Observations seen;
  for (std::size_t i = 0; i < observed.size(); ++i)
    seen.add(at(std::to_string(50 + i) + ".0.0.1:1"), at(observed[i]), TimePoint());
  return seen.verdict(io::IpAddress::Family::v4, {}, TimePoint()).kind;
}

TEST(Observations, tell_the_kinds_of_nat_apart) {
  EXPECT_EQ(kind_of({"7.7.7.7:1", "7.7.7.7:1", "7.7.7.7:1", "7.7.7.7:1"}), NatKind::easy);
  EXPECT_EQ(kind_of({"7.7.7.7:4001", "7.7.7.7:4002", "7.7.7.7:4007", "7.7.7.7:4003"}), NatKind::counting);
  EXPECT_EQ(kind_of({"7.7.7.7:4001", "7.7.7.7:62", "7.7.7.7:30000", "7.7.7.7:9"}), NatKind::random);
  EXPECT_EQ(kind_of({"7.7.7.7:1", "8.7.7.7:1", "9.7.7.7:1", "6.7.7.7:1"}), NatKind::several);
}

TEST(Observations, are_bounded) {
  Observations seen;
  for (int i = 0; i < 10'000; ++i)
    seen.add({io::IpAddress::v4(50, static_cast<Byte>(i >> 8), static_cast<Byte>(i), 1), 1}, at("7.7.7.7:1"),
             TimePoint(std::chrono::seconds(i)));
  EXPECT_EQ(seen.verdict(io::IpAddress::Family::v4, {}, TimePoint(10'000s)).observers, Observations::observers_max);
}

TEST(Observations, every_picture_has_words_for_a_person) {
  std::set<std::string> all;
  for (auto kind : {NatKind::unknown, NatKind::none, NatKind::easy, NatKind::random, NatKind::several}) {
    Picture picture;
    picture.v4.kind = kind;
    all.insert(words(picture));
  }
  Picture mapped;
  mapped.mapped = at("45.45.45.1:4000");
  mapped.mapped_by = "UPnP";
  all.insert(words(mapped));
  mapped.reached = false;
  all.insert(words(mapped));
  mapped.mapped = at("10.0.0.1:4000");
  all.insert(words(mapped));
  EXPECT_EQ(all.size(), 8u);
}

/// Three public nodes that know each other, and one more at the place under test.
struct DialbackTest : testing::Test {
  struct Node {
    Node(sim::World& world, std::unique_ptr<io::Datagrams> the_socket, std::uint64_t seed, io::Endpoint where,
         Dialback::Helper helper)
        : random(seed), keys(NodeKeys::generate(random)), at(where), socket(std::move(the_socket)),
          oneshot(*socket, world, random, keys), dialback(oneshot, world, random, std::move(helper)) {}
    SeededRandom random;
    NodeKeys keys;
    io::Endpoint at;
    std::unique_ptr<io::Datagrams> socket;
    oneshot::Endpoint oneshot;
    Dialback dialback;
    KnownNode known() const { return {keys.public_key(), at}; }
  };
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      auto where = io::Endpoint{io::IpAddress::v4(static_cast<Byte>(50 + i), 0, 0, 1), 4000};
      publics.push_back(std::make_unique<Node>(world, network.open(where), 100 + i, where,
                                               [this, i](const io::Endpoint&, const NodeKey&) {
                                                 return helped ? std::optional(publics[(i + 1) % 3]->known())
                                                               : std::nullopt;
                                               }));
    }
  }
  void join(std::unique_ptr<io::Datagrams> socket, io::Endpoint where) {
    us = std::make_unique<Node>(world, std::move(socket), 7, where,
                                [](const io::Endpoint&, const NodeKey&) { return std::nullopt; });
  }
  std::optional<std::optional<bool>> prove(std::size_t asked, std::uint16_t port = 0) {
    std::optional<std::optional<bool>> out;
    us->dialback.prove(publics[asked]->known(), port, [&](std::optional<bool> result) { out = result; });
    world.run_until([&] { return out.has_value(); }, world.now() + 10s);
    return out;
  }
  sim::World world;
  sim::Network network{world, 5};
  bool helped = true;
  std::vector<std::unique_ptr<Node>> publics;
  std::unique_ptr<Node> us;
};

TEST_F(DialbackTest, a_public_node_learns_that_strangers_get_in) {
  join(network.open(at("60.0.0.1:4000")), at("60.0.0.1:4000"));
  auto result = prove(0);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, true);
}

TEST_F(DialbackTest, behind_a_nat_nobody_gets_in) {
  auto& router = network.router(*io::IpAddress::parse("60.0.0.1"), sim::NatKind::port_restricted);
  join(network.open_behind(router, at("192.168.1.2:4000")), at("192.168.1.2:4000"));
  auto result = prove(0);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, false);
}

TEST_F(DialbackTest, behind_a_full_cone_they_do) {
  auto& router = network.router(*io::IpAddress::parse("60.0.0.1"), sim::NatKind::full_cone);
  join(network.open_behind(router, at("192.168.1.2:4000")), at("192.168.1.2:4000"));
  EXPECT_EQ(*prove(0), true);
}

TEST_F(DialbackTest, a_call_from_somebody_we_have_asked_proves_nothing) {
  auto& router = network.router(*io::IpAddress::parse("60.0.0.1"), sim::NatKind::port_restricted);
  join(network.open_behind(router, at("192.168.1.2:4000")), at("192.168.1.2:4000"));
  publics[1]->oneshot.on_request([](const NodeKey&, const io::Endpoint&, ByteView) { return std::optional(Bytes()); });
  us->oneshot.request(publics[1]->keys.public_key(), publics[1]->at, {}, world.now() + 5s, [](Result<Bytes>) {});
  world.run_for(5s);
  EXPECT_EQ(*prove(0), std::nullopt);
}

TEST_F(DialbackTest, without_a_helper_nothing_is_known) {
  helped = false;
  join(network.open(at("60.0.0.1:4000")), at("60.0.0.1:4000"));
  EXPECT_EQ(*prove(0), std::nullopt);
  EXPECT_EQ(*prove(0, 80), std::nullopt) << "ports of the system are not called";
}

TEST_F(DialbackTest, nobody_is_called_more_often_than_the_limit) {
  join(network.open(at("60.0.0.1:4000")), at("60.0.0.1:4000"));
  int calls = 0;
  for (int i = 0; i < 40; ++i) {
    us->dialback.prove(publics[0]->known(), 0, [&](std::optional<bool> result) { calls += result == true; });
    world.run_for(100ms);
  }
  world.run_for(10s);
  EXPECT_LE(calls, 6) << "in four seconds";
  EXPECT_GE(calls, 1);
}

/// A router in memory, called from the workers.
struct FakeGateway final : Gateway {
  explicit FakeGateway(std::string_view kind) : kind_(kind) {}
  std::string_view name() const override { return kind_; }
  Result<> find() override {
    ++finds;
    if (!there) return fail(Errc::not_found);
    return {};
  }
  Result<Lease> map(PortKind kind, std::uint16_t internal, std::uint16_t external) override {
    if (!there) return fail(Errc::timed_out);
    mapped = true;
    std::this_thread::sleep_for(map_takes.load());
    return Lease{kind, internal, {io::IpAddress::v4(45, 45, 45, 1), external}, 3600s};
  }
  Result<bool> holds(const Lease&) override {
    if (!there) return fail(Errc::timed_out);
    return mapped.load();
  }
  void unmap(const Lease&) override { mapped = false; }
  std::string kind_;
  std::atomic<bool> there = true, mapped = false;
  std::atomic<std::chrono::milliseconds> map_takes = 0ms;
  std::atomic<int> finds = 0;
};

struct PortMapperTest : testing::Test {
  PortMapperTest() {
    settings.check_every = 20ms;
    settings.retry_first = 20ms;
    mapper = std::make_unique<PortMapper>(
        context.get_executor(), clock, std::vector<Port>{{PortKind::udp, 4000}, {PortKind::tcp, 4001}},
        std::vector<std::shared_ptr<Gateway>>{upnp, natpmp}, settings);
    mapper->on_change([this](const std::vector<Lease>&) { ++changes; });
  }
  void TearDown() override {
    bool closed = false;
    asio::co_spawn(
        context,
        [](PortMapper& which, bool& done) -> asio::awaitable<void> {
          co_await which.close();
          done = true;
        }(*mapper, closed),
        asio::detached);
    EXPECT_TRUE(run([&] { return closed; }));
    EXPECT_FALSE(upnp->mapped || natpmp->mapped) << "given back at the end";
  }
  bool run(const std::function<bool()>& done) {
    context.restart();
    for (int turns = 0; turns < 1000 && !done(); ++turns) context.run_for(5ms);
    return done();
  }
  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  std::shared_ptr<FakeGateway> upnp = std::make_shared<FakeGateway>("UPnP");
  std::shared_ptr<FakeGateway> natpmp = std::make_shared<FakeGateway>("NAT-PMP");
  MapperSettings settings;
  int changes = 0;
  std::unique_ptr<PortMapper> mapper;
};

TEST_F(PortMapperTest, maps_both_ports_by_upnp_where_there_is_upnp) {
  mapper->start();
  ASSERT_TRUE(run([&] { return mapper->leases().size() == 2; }));
  EXPECT_EQ(mapper->how(), "UPnP");
  EXPECT_EQ(mapper->leases()[0].external, at("45.45.45.1:4000"));
  EXPECT_EQ(changes, 1);
  EXPECT_FALSE(natpmp->mapped);
}

TEST_F(PortMapperTest, maps_by_nat_pmp_where_there_is_no_upnp) {
  upnp->there = false;
  mapper->start();
  ASSERT_TRUE(run([&] { return mapper->leases().size() == 2; }));
  EXPECT_EQ(mapper->how(), "NAT-PMP");
}

TEST_F(PortMapperTest, asks_again_when_the_router_has_forgotten) {
  mapper->start();
  ASSERT_TRUE(run([&] { return mapper->leases().size() == 2; }));
  upnp->mapped = false;
  EXPECT_TRUE(run([&] { return upnp->mapped.load(); }));
  ASSERT_TRUE(run([&] { return mapper->leases().size() == 2; }));
  upnp->there = upnp->mapped = false;  // it restarts, and comes back without UPnP
  natpmp->there = false;
  EXPECT_TRUE(run([&] { return mapper->leases().empty(); }));
  natpmp->there = true;
  EXPECT_TRUE(run([&] { return mapper->how() == "NAT-PMP"; }));
}

TEST_F(PortMapperTest, takes_back_what_was_still_being_made_when_it_closes) {
  upnp->map_takes = 100ms;
  mapper->start();
  ASSERT_TRUE(run([&] { return upnp->mapped.load(); }));
  EXPECT_TRUE(mapper->leases().empty()) << "the answer is not here yet";
}

TEST_F(PortMapperTest, takes_back_what_a_router_holds_that_did_not_answer_in_time) {
  mapper->start();
  ASSERT_TRUE(run([&] { return mapper->leases().size() == 2; }));
  upnp->there = natpmp->there = false;
  ASSERT_TRUE(run([&] { return mapper->leases().empty(); }));
  EXPECT_TRUE(upnp->mapped) << "it has only been slow";
}

TEST_F(PortMapperTest, keeps_looking_for_a_router_that_comes_later) {
  upnp->there = false;
  natpmp->there = false;
  mapper->start();
  EXPECT_TRUE(run([&] { return upnp->finds > 1; }));
  upnp->there = true;
  EXPECT_TRUE(run([&] { return mapper->leases().size() == 2; }));
}

}  // namespace
