#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <boost/asio/io_context.hpp>

#include "transport/lan/dns.hpp"
#include "transport/lan/mdns.hpp"

using namespace conclave;
using namespace conclave::lan;
using namespace std::chrono_literals;
using conclave::address::PeerAddress;

namespace {

PeerAddress at(std::string_view endpoint) {
  return {PeerAddress::Transport::nquic, *io::Endpoint::parse(endpoint), std::nullopt, std::nullopt};
}

TEST(Dns, reads_compressed_names) {
  auto packet = *from_hex(
      "000084000000000100000001"
      "045f703270045f756470056c6f63616c00" "000c" "0001" "00000078" "0006" "03616263c00c"
      "c027" "0010" "0001" "00000078" "0004" "03783d79");
  auto message = dns::decode(packet);
  ASSERT_TRUE(message) << message.error().message();
  ASSERT_EQ(message->records.size(), 2u);
  EXPECT_EQ(message->records[0].name, "_p2p._udp.local");
  EXPECT_EQ(message->records[0].target, "abc._p2p._udp.local");
  EXPECT_EQ(message->records[1].texts, std::vector<std::string>{"x=y"});
}

TEST(Dns, a_name_that_points_at_itself_is_refused) {
  auto packet = *from_hex("000000000001000000000000" "c00c" "000c0001");
  EXPECT_EQ(dns::decode(packet).error(), Errc::malformed);
  auto forward = *from_hex("000000000001000000000000" "c010" "000c0001" "0000");
  EXPECT_EQ(dns::decode(forward).error(), Errc::malformed);
}

RC_GTEST_PROP(Dns, what_is_written_is_read_again, (bool response, std::vector<std::vector<std::uint8_t>> texts)) {
  dns::Message message;
  message.response = response;
  message.questions.push_back({"_p2p._udp.local", dns::Type::ptr});
  dns::Record record{"abc._p2p._udp.local", dns::Type::txt, 120, {}, {}};
  for (auto& text : texts) {
    if (record.texts.size() >= 8 || text.size() > 255) continue;
    record.texts.emplace_back(text.begin(), text.end());
  }
  message.records = {{"_p2p._udp.local", dns::Type::ptr, 120, "abc._p2p._udp.local", {}}, record};
  auto again = dns::decode(dns::encode(message, 1));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == message);
}

RC_GTEST_PROP(Dns, noise_gives_a_message_or_an_error, (const std::vector<std::uint8_t>& noise)) {
  Bytes packet = *from_hex("000084000001000200000000");
  append(packet, noise);
  (void)dns::decode(packet);
}

struct Lan {
  explicit Lan(int count) {
    for (int i = 0; i < count; ++i) {
      keys.push_back(NodeKeys::generate(random).public_key());
      nodes.push_back(std::make_unique<Beacon>(keys.back(), random, now));
      nodes.back()->set_addresses({at("192.168.1." + std::to_string(i + 1) + ":4000"), at("9.9.9.9:4000")}, now);
    }
    found.resize(static_cast<std::size_t>(count));
  }
  void run_for(Duration span) {
    auto end = now + span;
    for (;;) {
      auto next = TimePoint::max();
      for (auto& node : nodes) next = std::min(next, node->deadline());
      if (next > end) break;
      now = std::max(now, next);
      for (auto& node : nodes) {
        for (auto& packet : node->tick(now)) {
          ++packets;
          bytes += packet.size();
          for (auto& other : nodes) other->receive(packet, now);
        }
      }
      for (std::size_t i = 0; i < nodes.size(); ++i)
        for (auto& one : nodes[i]->take_found()) found[i][one.node] = one;
    }
    now = end;
  }
  SeededRandom random{4};
  TimePoint now{};
  std::vector<std::unique_ptr<Beacon>> nodes;
  std::vector<NodeKey> keys;
  std::vector<std::map<NodeKey, Found>> found;
  int packets = 0;
  std::size_t bytes = 0;
};

TEST(Beacon, everybody_on_a_lan_finds_everybody_within_a_second) {
  Lan lan(10);
  lan.run_for(1s);
  for (auto& found : lan.found) {
    EXPECT_EQ(found.size(), 9u);
    for (auto& [key, one] : found) {
      ASSERT_EQ(one.addresses.size(), 1u) << "public addresses are not told";
      EXPECT_TRUE(one.addresses[0].endpoint.ip.private_range());
      EXPECT_EQ(one.addresses[0].node, key);
    }
  }
}

TEST(Beacon, a_quiet_lan_stays_quiet) {
  Lan lan(10);
  lan.run_for(1h);
  lan.packets = 0;
  lan.bytes = 0;
  lan.run_for(4h);
  auto each = static_cast<double>(lan.bytes) / 10 / (4 * 3600);
  std::printf("figure mdns idle: %.3f bytes a second sent by each of 10 nodes\n", each);
  EXPECT_LT(each, 2.0);
}

TEST(Beacon, answers_at_most_once_a_second) {
  Lan lan(1);
  lan.run_for(10s);
  dns::Message query;
  query.questions.push_back({"_p2p._udp.local", dns::Type::ptr});
  auto packet = dns::encode(query);
  lan.packets = 0;
  for (int i = 0; i < 1000; ++i) {
    lan.nodes[0]->receive(packet, lan.now);
    lan.run_for(10ms);
  }
  EXPECT_LE(lan.packets, 12);
  EXPECT_GE(lan.packets, 8);
}

TEST(Beacon, remembers_a_bounded_number_and_believes_private_addresses_only) {
  SeededRandom random(8);
  Beacon beacon({}, random, TimePoint());
  std::size_t heard = 0;
  for (int i = 0; i < 600; ++i) {
    dns::Message message;
    message.response = true;
    dns::Record record{"x._p2p._udp.local", dns::Type::txt, 120, {}, {}};
    auto key = NodeKeys::generate(random).public_key();
    auto near = at("10.0.0.9:4000"), far = at("8.8.8.8:4000");
    near.node = far.node = key;
    record.texts = {"dnsaddr=" + far.text(), "dnsaddr=" + near.text(), "dnsaddr=nonsense", "other=1"};
    message.records = {record};
    beacon.receive(dns::encode(message), TimePoint(std::chrono::seconds(i)));
    for (auto& one : beacon.take_found()) {
      ++heard;
      ASSERT_EQ(one.addresses.size(), 1u);
      EXPECT_EQ(one.addresses[0].endpoint.text(), "10.0.0.9:4000");
    }
  }
  EXPECT_EQ(heard, 600u);
}

TEST(Mdns, two_nodes_on_this_machine_find_each_other) {
  boost::asio::io_context context(1);
  io::AsioClock clock(context.get_executor());
  SystemRandom random;
  auto key_a = NodeKeys::generate(random).public_key(), key_b = NodeKeys::generate(random).public_key();
  std::set<NodeKey> found_a, found_b;
  auto a = Mdns::open(context.get_executor(), clock, random, key_a, [&](const Found& one) { found_a.insert(one.node); });
  auto b = Mdns::open(context.get_executor(), clock, random, key_b, [&](const Found& one) { found_b.insert(one.node); });
  if (!a || !b) GTEST_SKIP() << "no multicast here: " << (a ? b : a).error().message();
  (*a)->set_addresses({at("192.168.77.1:4000")});
  (*b)->set_addresses({at("192.168.77.2:4000")});
  for (int turns = 0; turns < 300 && !(found_a.contains(key_b) && found_b.contains(key_a)); ++turns)
    context.run_for(10ms);
  EXPECT_TRUE(found_a.contains(key_b));
  EXPECT_TRUE(found_b.contains(key_a));
}

}  // namespace
