#include "dht/service.hpp"

#include "simulations/whole_node.hpp"
#include "transport/io/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// Some nodes in a simulated network, each told of the first only.
struct Town {
  explicit Town(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add();
    for (std::size_t i = 1; i < count; ++i) {
      join(*nodes[i], {nodes[0]->peer()});
      world.run_for(200ms);
    }
    world.run_for(60s);
  }
  sim::WholeNode& add() {
    auto place = static_cast<Byte>(nodes.size() + 1);
    io::Endpoint at{io::IpAddress::v4(20, place, 7, 1), 4000};
    nodes.push_back(std::make_unique<sim::WholeNode>(world, network, at, nodes.size()));
    return *nodes.back();
  }
  void join(sim::WholeNode& node, std::vector<dht::Peer> peers) {
    asio::co_spawn(
        world.context(),
        [](sim::WholeNode& n, std::vector<dht::Peer> from) -> asio::awaitable<void> {
          EXPECT_TRUE(co_await n.dht().bootstrap(std::move(from)));
        }(node, std::move(peers)),
        asio::detached);
  }
  /// Runs `work` to its end.
  template <class T>
  T await(asio::awaitable<T> work) {
    std::optional<T> out;
    asio::co_spawn(
        world.context(),
        [](asio::awaitable<T> w, std::optional<T>& to) -> asio::awaitable<void> {
          to = co_await std::move(w);
        }(std::move(work), out),
        asio::detached);
    world.run_until([&] { return out.has_value(); }, world.now() + 60s);
    EXPECT_TRUE(out) << "it ends";
    return std::move(*out);
  }
  SealedEntry entry(sim::WholeNode& node, const AccountKey& account, std::uint64_t sequence = 1) {
    EntryContent content{
        node.keys().public_key(), copy(view("a certificate")), {copy(view("an address"))}, {}};
    auto made = seal_entry(MeetingKind::account, account, day_of(world.unix_now()), content, node.keys(),
                           sequence, world.unix_now() + 12h, node.random());
    EXPECT_TRUE(made);
    return *made;
  }

  sim::World world;
  sim::Network network{world, 1};
  std::vector<std::unique_ptr<sim::WholeNode>> nodes;
};

TEST(Service, what_one_publishes_another_reads_over_real_packets) {
  Town town(30);
  SeededRandom random(99);
  auto account = AccountKeys::generate(random).public_key();
  auto entry = town.entry(*town.nodes[3], account);
  auto stored = town.await(town.nodes[3]->dht().publish(entry));
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_GE(stored->holders, 20u);
  std::size_t early = 0;
  for (std::size_t reader : {7u, 12u, 29u}) {
    auto read = town.await(town.nodes[reader]->dht().read(entry.at, [&](const SealedEntry&) { ++early; }));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 1u);
    EXPECT_EQ(read->front(), entry);
  }
  EXPECT_EQ(early, 3u);
  auto nothing = town.await(town.nodes[7]->dht().read({}));
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
}

TEST(Service, the_newest_of_a_publisher_counts_and_others_stand_beside_it) {
  Town town(25);
  SeededRandom random(5);
  auto account = AccountKeys::generate(random).public_key();
  auto old = town.entry(*town.nodes[1], account, 1), fresh = town.entry(*town.nodes[1], account, 2),
       other = town.entry(*town.nodes[2], account, 1);
  ASSERT_TRUE(town.await(town.nodes[1]->dht().publish(old)));
  ASSERT_TRUE(town.await(town.nodes[1]->dht().publish(fresh)));
  ASSERT_TRUE(town.await(town.nodes[2]->dht().publish(other)));
  auto read = town.await(town.nodes[9]->dht().read(old.at));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  for (auto& entry : *read) EXPECT_TRUE(entry == fresh || entry == other);
}

TEST(Service, two_nodes_are_a_network) {
  Town town(2);
  SeededRandom random(5);
  auto account = AccountKeys::generate(random).public_key();
  auto entry = town.entry(*town.nodes[0], account);
  auto stored = town.await(town.nodes[0]->dht().publish(entry));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->holders, 1u);
  auto read = town.await(town.nodes[1]->dht().read(entry.at));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 1u) << "the reader holds it itself";
}

TEST(Service, who_knows_nobody_is_told_so) {
  Town town(1);
  SeededRandom random(5);
  auto account = AccountKeys::generate(random).public_key();
  EXPECT_EQ(town.await(town.nodes[0]->dht().publish(town.entry(*town.nodes[0], account))).error(),
            Errc::not_found);
  EXPECT_EQ(town.await(town.nodes[0]->dht().bootstrap({})).error(), Errc::not_found);
  dht::Peer nobody{town.nodes[0]->keys().public_key(), {io::IpAddress::v4(20, 99, 9, 9), 9}};
  nobody.node = town.add().keys().public_key();
  EXPECT_EQ(town.await(town.nodes[0]->dht().bootstrap({nobody})).error(), Errc::not_found);
}

TEST(Service, a_table_survives_a_restart_and_the_first_guide_is_not_needed_again) {
  Town town(25);
  auto saved = town.nodes[20]->dht().save();
  EXPECT_LT(saved.size(), 4096u);
  auto at = town.nodes[20]->at();
  town.nodes[20].reset();
  town.nodes[0].reset();
  town.nodes[20] = std::make_unique<sim::WholeNode>(town.world, town.network, at, 20);
  auto loaded = town.nodes[20]->dht().load(saved);
  ASSERT_TRUE(loaded);
  EXPECT_GE(*loaded, 20u);
  town.world.run_for(5s);
  auto found = town.await(town.nodes[20]->dht().find({}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 20u);
  EXPECT_FALSE(town.nodes[20]->dht().load(view("rubbish")));
}

TEST(Service, going_away_ends_what_others_wait_for) {
  Town town(5);
  std::optional<bool> ended;
  asio::co_spawn(
      town.world.context(),
      [](dht::Service& service, std::optional<bool>& end) -> asio::awaitable<void> {
        end = (co_await service.find({})).has_value();
      }(town.nodes[4]->dht(), ended),
      asio::detached);
  town.world.run_for(1ms);
  town.nodes[4].reset();
  town.world.run_for(5s);
  EXPECT_EQ(ended, false);
}

}  // namespace
