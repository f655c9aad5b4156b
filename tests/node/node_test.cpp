#include "node/calls/host.hpp"
#include "node/node.hpp"

#include "simulations/network.hpp"
#include "simulations/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

// Whole nodes over a simulated network, in virtual time.

using namespace conclave;
using namespace std::chrono_literals;
using node::Node;
namespace asio = boost::asio;

namespace {

/// One account's node, at an address of its own.
struct Peer {
  Peer(sim::World& the_world, sim::Network& network, Byte number,
       std::optional<AccountKeys> whose = std::nullopt)
      : world(the_world),
        random(number),
        at{io::IpAddress::v4(20, number, 7, 1), 4000},
        socket(network.open(at)),
        account(whose ? *whose : AccountKeys::generate(random)),
        keys(NodeKeys::generate(random)) {
    start();
  }
  ~Peer() { stop(); }

  static node::Options options() {
    node::Options out;
    out.work_bits = 4;
    return out;
  }
  void start() {
    node = std::make_unique<Node>(
        node::Surroundings{world.context().get_executor(), world, random, socket.get(), {at}},
        node::Profile::in_memory(account, keys, world.unix_now()), options());
    EXPECT_TRUE(run(node->start()));
  }
  void stop() {
    if (!node) return;
    bool closed = false;
    asio::co_spawn(
        world.context(),
        [](Node& closing, bool& done) -> asio::awaitable<void> {
          co_await closing.close();
          done = true;
        }(*node, closed),
        asio::detached);
    EXPECT_TRUE(world.run_until([&] { return closed; }, world.now() + 60s));
    node.reset();
  }
  /// What an operation of the node comes to, in virtual time.
  template <class T>
  Result<T> run(asio::awaitable<Result<T>> work) {
    std::optional<Result<T>> out;
    asio::co_spawn(
        world.context(),
        [](asio::awaitable<Result<T>> job, std::optional<Result<T>>& to) -> asio::awaitable<void> {
          to = co_await std::move(job);
        }(std::move(work), out),
        asio::detached);
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, world.now() + 60s));
    return out ? *out : fail(Errc::timed_out);
  }
  std::vector<chat::Message> history(const Peer& with) {
    return *run(node->history(with.node->account(), 0, 500));
  }
  void befriend(const Peer& other) {
    EXPECT_TRUE(run(node->add_contact(*contacts::parse_link(other.node->link()), "")));
  }

  sim::World& world;
  SeededRandom random;
  io::Endpoint at;
  std::unique_ptr<io::Datagrams> socket;
  AccountKeys account;
  NodeKeys keys;
  std::unique_ptr<Node> node;
};

struct NodeTest : testing::Test {
  sim::World world;
  sim::Network network{world, 1};
};

TEST_F(NodeTest, a_message_goes_by_key_to_a_given_address_and_a_receipt_comes_back) {
  Peer alice(world, network, 1);
  Peer bob(world, network, 2);
  bob.befriend(alice);
  alice.befriend(bob);
  auto begin = world.now();
  auto sent = alice.run(alice.node->send(bob.node->account(), "hello"));
  ASSERT_TRUE(sent) << sent.error().message();
  ASSERT_TRUE(world.run_until(
      [&] {
        auto messages = alice.history(bob);
        return !messages.empty() && messages[0].delivery == chat::Delivery::delivered;
      },
      begin + 10s));
  auto received = bob.history(alice);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].body, "hello");
  EXPECT_EQ(received[0].id, *sent);
  std::printf(
      "figure %lld ms of virtual time from send to delivered, first contact included, round trip %lld ms\n",
      static_cast<long long>((world.now() - begin) / 1ms),
      static_cast<long long>(network.rtt(alice.at.ip, bob.at.ip) / 1ms));
}

/// Texts of a conversation.
std::vector<std::string> texts(Peer& peer, const AccountKey& with) {
  std::vector<std::string> out;
  for (auto& message : *peer.run(peer.node->history(with, 0, 500))) out.push_back(message.body);
  return out;
}
using Texts = std::vector<std::string>;

struct FriendsTest : NodeTest {
  FriendsTest() {
    bob.befriend(alice);
    alice.befriend(bob);
  }
  bool delivered(Peer& from, Peer& to, Duration patience = 10s) {
    auto until = world.now() + patience;
    while (world.now() < until) {
      auto messages = from.history(to);
      if (!messages.empty() && messages.back().delivery >= chat::Delivery::delivered) return true;
      world.run_for(50ms);
    }
    return false;
  }
  Peer alice{world, network, 1};
  Peer bob{world, network, 2};
};

TEST_F(FriendsTest, what_was_written_while_the_other_was_off_arrives_when_it_is_on) {
  bob.stop();
  world.run_for(10min);
  ASSERT_TRUE(alice.run(alice.node->send(bob.account.public_key(), "one")));
  world.run_for(3h);
  EXPECT_EQ(alice.run(alice.node->history(bob.account.public_key(), 0, 9))->back().delivery,
            chat::Delivery::queued);
  bob.start();
  bob.befriend(alice);
  auto begin = world.now();
  ASSERT_TRUE(delivered(alice, bob, 10s));
  std::printf("figure %lld ms from the receiver's start to delivered\n",
              static_cast<long long>((world.now() - begin) / 1ms));
  EXPECT_EQ(texts(bob, alice.node->account()), Texts{"one"});
}

TEST_F(FriendsTest, reading_editing_and_reacting_are_seen_on_the_other_side) {
  auto id = *alice.run(alice.node->send(bob.node->account(), "helo"));
  ASSERT_TRUE(delivered(alice, bob));
  ASSERT_TRUE(alice.run(alice.node->edit(bob.node->account(), id, "hello")));
  ASSERT_TRUE(bob.run(bob.node->react(alice.node->account(), id, "\U0001F44D")));
  ASSERT_TRUE(bob.run(bob.node->mark_read(alice.node->account())));
  world.run_for(5s);
  auto seen = alice.history(bob).front();
  EXPECT_EQ(seen.delivery, chat::Delivery::read);
  EXPECT_EQ(seen.reactions.size(), 1u);
  EXPECT_EQ(texts(bob, alice.node->account()), Texts{"hello"});
  EXPECT_EQ(bob.run(bob.node->conversations())->front().unread, 0u);
  EXPECT_EQ(bob.run(bob.node->edit(alice.node->account(), id, "mine")).error(), node::Errc::not_yours);
}

TEST_F(FriendsTest, a_blocked_account_is_not_heard_and_not_told) {
  ASSERT_TRUE(bob.run(bob.node->set_blocked(alice.node->account(), true)));
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "are you there?")));
  world.run_for(5min);
  EXPECT_TRUE(bob.history(alice).empty());
  EXPECT_LE(alice.history(bob).front().delivery, chat::Delivery::sent);
  EXPECT_EQ(bob.run(bob.node->send(alice.node->account(), "no")).error(), node::Errc::blocked);
  ASSERT_TRUE(bob.run(bob.node->set_blocked(alice.node->account(), false)));
  ASSERT_TRUE(delivered(alice, bob, 20min));
  EXPECT_EQ(texts(bob, alice.node->account()), Texts{"are you there?"});
}

TEST_F(FriendsTest, removing_a_contact_and_adding_it_again_loses_no_later_message) {
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "one")));
  ASSERT_TRUE(delivered(alice, bob));
  ASSERT_TRUE(alice.run(alice.node->remove_contact(bob.node->account())));
  EXPECT_EQ(alice.run(alice.node->send(bob.node->account(), "x")).error(), node::Errc::unknown_account);
  alice.befriend(bob);
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "two")));
  ASSERT_TRUE(delivered(alice, bob, 1min));
  EXPECT_EQ(texts(bob, alice.node->account()), (Texts{"one", "two"}));
}

TEST_F(NodeTest, a_stranger_waits_without_receipt_until_accepted) {
  Peer alice(world, network, 1);
  Peer bob(world, network, 2);
  alice.befriend(bob);
  auto watch = bob.node->watch();
  for (auto text : {"hi", "it is me", "alice"})
    ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), text)));
  world.run_for(30s);
  for (auto& message : alice.history(bob)) EXPECT_EQ(message.delivery, chat::Delivery::sent);
  auto requests = *bob.run(bob.node->requests());
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].account, alice.node->account());
  EXPECT_EQ(requests[0].messages, 3u);
  EXPECT_EQ(requests[0].preview, "hi");
  EXPECT_TRUE(bob.run(bob.node->contacts())->empty());
  EXPECT_EQ(bob.run(bob.node->send(alice.node->account(), "who?")).error(), node::Errc::unknown_account);
  ASSERT_TRUE(bob.run(bob.node->accept_request(alice.node->account(), "Alice")));
  world.run_for(10s);
  for (auto& message : alice.history(bob)) EXPECT_EQ(message.delivery, chat::Delivery::delivered);
  ASSERT_TRUE(bob.run(bob.node->send(alice.node->account(), "hello Alice")));
  world.run_for(10s);
  EXPECT_EQ(texts(alice, bob.node->account()).back(), "hello Alice");
  EXPECT_TRUE(bob.run(bob.node->requests())->empty());
  bool told = false;
  for (int i = 0; i < 20 && !told; ++i) {
    std::optional<node::Event> event;
    asio::co_spawn(
        world.context(),
        [](node::Watch& from, std::optional<node::Event>& to, TimePoint until) -> asio::awaitable<void> {
          to = co_await from.next_until(until);
        }(*watch, event, world.now() + 1s),
        asio::detached);
    world.run_for(2s);
    told = event && std::holds_alternative<node::RequestArrived>(*event);
  }
  EXPECT_TRUE(told);
}

TEST_F(NodeTest, strangers_are_refused_for_thirty_days_and_not_told) {
  Peer alice(world, network, 1);
  Peer bob(world, network, 2);
  alice.befriend(bob);
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "buy this")));
  world.run_for(10s);
  ASSERT_TRUE(bob.run(bob.node->refuse_request(alice.node->account())));
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "please")));
  world.run_for(5min);
  EXPECT_TRUE(bob.run(bob.node->requests())->empty());
  EXPECT_TRUE(bob.history(alice).empty());
  for (auto& message : alice.history(bob)) EXPECT_LE(message.delivery, chat::Delivery::sent);
}

TEST_F(NodeTest, own_devices_share_what_is_written_and_a_revoked_one_hears_no_more) {
  Peer alice(world, network, 1);
  Peer bob(world, network, 2);
  Peer tablet(world, network, 3, alice.account);
  ASSERT_TRUE(alice.run(alice.node->bootstrap({tablet.node->link()})));
  ASSERT_TRUE(tablet.run(tablet.node->bootstrap({alice.node->link()})));
  bob.befriend(alice);
  alice.befriend(bob);
  tablet.befriend(bob);
  world.run_for(10s);
  EXPECT_EQ(alice.run(alice.node->devices())->size(), 2u);
  ASSERT_TRUE(alice.run(alice.node->send(bob.node->account(), "from the desk")));
  world.run_for(5s);
  EXPECT_EQ(texts(tablet, bob.node->account()), Texts{"from the desk"});
  ASSERT_TRUE(bob.run(bob.node->send(alice.node->account(), "to both")));
  world.run_for(30s);
  EXPECT_EQ(texts(alice, bob.node->account()), (Texts{"from the desk", "to both"}));
  EXPECT_EQ(texts(tablet, bob.node->account()), (Texts{"from the desk", "to both"}));
  ASSERT_TRUE(alice.run(alice.node->revoke_device(tablet.node->node_key())));
  world.run_for(30s);
  ASSERT_TRUE(bob.run(bob.node->send(alice.node->account(), "to one")));
  ASSERT_TRUE(tablet.run(tablet.node->send(bob.node->account(), "let me in")));
  world.run_for(5min);
  EXPECT_EQ(texts(alice, bob.node->account()).back(), "to one");
  EXPECT_EQ(texts(tablet, bob.node->account()).back(), "let me in");
  EXPECT_EQ(texts(bob, alice.node->account()).back(), "to one");
}

asio::awaitable<Result<std::optional<node::Event>>> next_event(node::Watch& from, TimePoint until) {
  co_return co_await from.next_until(until);
}

/// The next ring that a node is told of.
std::optional<node::CallRang> next_ring(sim::World& world, Peer& peer, node::Watch& watch) {
  while (true) {
    auto event = peer.run(next_event(watch, world.now() + 5s));
    if (!event || !*event) return std::nullopt;
    if (auto* rang = std::get_if<node::CallRang>(&**event)) return *rang;
  }
}

TEST_F(FriendsTest, who_is_rung_for_is_let_in_without_knocking) {
  auto watch = bob.node->watch();
  auto conference = alice.run(alice.node->calls().create("", /*lasting=*/false));
  ASSERT_TRUE(conference) << conference.error().message();
  ASSERT_TRUE(alice.run(alice.node->ring(bob.node->account(), *conference, node::RingKind::ring)));
  auto rang = next_ring(world, bob, *watch);
  ASSERT_TRUE(rang);
  EXPECT_EQ(rang->account, alice.node->account());
  EXPECT_EQ(rang->conference, *conference);
  EXPECT_EQ(rang->kind, node::RingKind::ring);
  auto may = bob.run(bob.node->calls().enter(*conference));
  ASSERT_TRUE(may) << may.error().message();
  EXPECT_TRUE(*may);
  auto call = SigningKeys::generate(bob.random);
  auto member = calls::introduce(call, crypto::x25519_public(call.seed()), *conference, "Bob", world.unix_now() + 1h, {});
  auto certified = bob.node->calls().certify(*conference, member);
  ASSERT_TRUE(certified) << certified.error().message();
  auto statement = calls::open_statement(*certified, *conference, world.unix_now());
  ASSERT_TRUE(statement);
  EXPECT_FALSE(std::get<calls::Member>(statement->saying).account);
  // Alice's room knows the invite by which Bob's page comes.
  EXPECT_TRUE(std::get<calls::Member>(statement->saying).invite);
}

TEST_F(FriendsTest, a_ring_is_declined_or_stopped_and_a_call_leaves_nothing_behind) {
  auto at_alice = alice.node->watch();
  auto at_bob = bob.node->watch();
  auto conference = *alice.run(alice.node->calls().create("", /*lasting=*/false));
  ASSERT_TRUE(alice.run(alice.node->ring(bob.node->account(), conference, node::RingKind::ring)));
  ASSERT_TRUE(next_ring(world, bob, *at_bob));
  ASSERT_TRUE(bob.run(bob.node->ring(alice.node->account(), conference, node::RingKind::decline)));
  auto answer = next_ring(world, alice, *at_alice);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, node::RingKind::decline);
  ASSERT_TRUE(alice.run(alice.node->ring(bob.node->account(), conference, node::RingKind::stop)));
  auto stopped = next_ring(world, bob, *at_bob);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->kind, node::RingKind::stop);
  ASSERT_TRUE(alice.run(alice.node->calls().forget(conference)));
  EXPECT_TRUE(alice.node->calls().list().empty());
}

TEST_F(FriendsTest, what_was_said_last_in_a_conference_arrives_though_it_is_forgotten_at_once) {
  auto conference = *alice.run(alice.node->calls().create("", /*lasting=*/false));
  auto watch = bob.node->watch();
  ASSERT_TRUE(alice.run(alice.node->ring(bob.node->account(), conference, node::RingKind::ring)));
  ASSERT_TRUE(next_ring(world, bob, *watch));
  ASSERT_TRUE(bob.run(bob.node->calls().enter(conference)));
  world.run_for(2s);
  auto news = bob.node->watch();
  ASSERT_TRUE(alice.run([](calls::Host& calls, ConferenceKey key) -> asio::awaitable<Result<>> {
    CO_CHECK(co_await calls.invite_key(key, 2, 1h));
    co_return co_await calls.forget(key);
  }(alice.node->calls(), conference)));
  auto event = bob.run(next_event(*news, world.now() + 1s));
  ASSERT_TRUE(event && *event);
  EXPECT_TRUE(std::holds_alternative<node::ConferenceChanged>(**event));
}

TEST_F(NodeTest, a_conference_founded_alone_is_found_by_who_comes_later) {
  Peer alice(world, network, 1);
  auto conference = *alice.run(alice.node->calls().create("", /*lasting=*/true));
  ASSERT_TRUE(alice.run(alice.node->calls().enter(conference)));
  world.run_for(3s);
  Peer bob(world, network, 2);
  bob.befriend(alice);
  alice.befriend(bob);
  world.run_for(2s);
  ASSERT_TRUE(bob.run(bob.node->calls().enter(conference)));
  world.run_for(3s);
  auto news = bob.node->watch();
  ASSERT_TRUE(alice.run(alice.node->calls().invite_key(conference, 2, 1h)));
  auto event = bob.run(next_event(*news, world.now() + 1s));
  ASSERT_TRUE(event && *event) << "the two nodes are not connected";
  EXPECT_TRUE(std::holds_alternative<node::ConferenceChanged>(**event));
}

TEST_F(FriendsTest, calls_that_are_over_make_room_for_others) {
  for (std::size_t i = 0; i < calls::Host::rooms_max + 8; ++i)
    ASSERT_TRUE(alice.run(alice.node->calls().create("", /*lasting=*/false))) << i;
  EXPECT_LE(alice.node->calls().list().size(), calls::Host::rooms_max);
}

TEST_F(FriendsTest, the_uplink_that_was_set_is_in_force_at_once) {
  EXPECT_EQ(alice.node->calls().given().uplink_bps, 20'000'000u);
  ASSERT_TRUE(alice.run(alice.node->set_uplink(5'000'000)));
  EXPECT_EQ(alice.node->calls().given().uplink_bps, 5'000'000u);
  EXPECT_FALSE(alice.node->uplink_is_fixed());
}


/// Nodes of a town, each of which was told of the first only.
struct TownTest : NodeTest {
  void build(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      peers.push_back(std::make_unique<Peer>(world, network, static_cast<Byte>(i + 1)));
      if (i > 0) EXPECT_TRUE(peers[i]->run(peers[i]->node->bootstrap({peers[0]->node->link()})));
      world.run_for(1s);
    }
    world.run_for(1min);
  }
  void by_key(Peer& from, const Peer& to) {
    EXPECT_TRUE(from.run(from.node->add_contact(Link{to.node->account(), {}}, "")));
  }
  std::vector<std::unique_ptr<Peer>> peers;
};

TEST_F(TownTest, people_find_each_other_by_key_alone) {
  build(16);
  std::vector<double> took;
  for (std::size_t i = 1; i + 1 < peers.size(); i += 2) {
    auto& from = *peers[i];
    auto& to = *peers[i + 1];
    by_key(to, from);
    by_key(from, to);
    auto begin = world.now();
    ASSERT_TRUE(from.run(from.node->send(to.node->account(), "found you")));
    auto delivered = [&] { return from.history(to).front().delivery == chat::Delivery::delivered; };
    while (!delivered() && world.now() - begin < 30s) world.run_for(10ms);
    ASSERT_TRUE(delivered()) << i;
    took.push_back(std::chrono::duration<double, std::milli>(world.now() - begin).count());
  }
  std::ranges::sort(took);
  std::printf(
      "figure first contact by key among 16 nodes, 80 ms median round trip: p50 %.0f ms, max %.0f ms\n",
      took[took.size() / 2], took.back());
}

TEST_F(TownTest, being_there_for_ten_contacts_costs_little) {
  build(16);
  for (std::size_t i = 1; i <= 10; ++i) {
    by_key(*peers[i], *peers[0]);
    by_key(*peers[0], *peers[i]);
  }
  world.run_for(30min);  // what joining costs is over
  std::vector<double> rates;
  std::map<io::IpAddress, std::uint64_t> before;
  for (auto& peer : peers) before[peer->at.ip] = network.traffic(peer->at.ip).bytes_sent;
  world.run_for(1h);
  for (auto& peer : peers)
    rates.push_back(static_cast<double>(network.traffic(peer->at.ip).bytes_sent - before[peer->at.ip]) /
                    3600);
  std::printf("figure idle for an hour: %.0f B/s sent with ten contacts, %.0f B/s at most, with headers\n",
              rates[0], *std::ranges::max_element(rates));
  EXPECT_LE(rates[0], 200);
  // Each node keeps at most eight by its own choice; here everybody else has chosen the first one as well.
  EXPECT_LE(peers[0]->node->status().peers.size(), 10u);
  EXPECT_EQ(peers[1]->node->status().peers.size(), 1u);
}

}  // namespace
