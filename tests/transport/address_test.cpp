#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/key_text.hpp"
#include "crypto/codec/varint.hpp"
#include "tests/crypto/vectors.hpp"
#include "transport/address/peer_address.hpp"

using namespace conclave;
using address::Multiaddr;
using address::PeerAddress;

namespace {

TEST(Multiaddr, examples) {
  auto parsed = Multiaddr::parse("/ip4/127.0.0.1/udp/1234/quic-v1");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(hex(parsed->encode()), "047f000001910204d2cd03");
  EXPECT_EQ(hex(Multiaddr::parse("/ip4/1.2.3.4/udp/1/nquic")->encode()),
            "04010203049102"
            "0001"
            "f1dcc101");
  EXPECT_EQ(Multiaddr::parse("/ip4/1.2.3.4/udp/1/carrier-pigeon").error(), Errc::unsupported);
  EXPECT_EQ(Multiaddr::parse("/ip4/1.2.3.4/").error(), Errc::unsupported);
  EXPECT_EQ(Multiaddr::decode({}).error(), Errc::malformed);
  EXPECT_EQ(Multiaddr::decode(*from_hex("0401020304f0dcc101")).error(), Errc::unsupported);
  std::string many;
  for (int i = 0; i < 17; ++i) many += "/tls";
  EXPECT_EQ(Multiaddr::parse(many).error(), Errc::too_long);
}

TEST(Multiaddr, vectors_of_libp2p) {
  VECTORS(auto file, "libp2p/multiaddr.json");
  std::size_t count = 0;
  for (const auto& [name, code] : file["protocol_codes"].items()) {
    auto entry = address::find(name);
    ASSERT_TRUE(entry) << name;
    EXPECT_EQ(static_cast<std::uint32_t>(entry->protocol), code.get<std::uint32_t>()) << name;
    ++count;
  }
  for (const auto& vector : file["valid"]) {
    auto text = vector["text"].get<std::string>();
    auto parsed = Multiaddr::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
    EXPECT_EQ(hex(parsed->encode()), vector["binary"].get<std::string>()) << text;
    EXPECT_EQ(Multiaddr::decode(vectors::bytes(vector["binary"])), parsed);
    EXPECT_EQ(parsed->text(), text);
    ++count;
  }
  for (const auto& text : file["invalid"]) {
    EXPECT_FALSE(Multiaddr::parse(text.get<std::string>())) << text;
    ++count;
  }
  vectors::figure("libp2p multiaddrs", count);
}

TEST(PeerAddress, is_what_we_dial) {
  const std::string relay = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV";
  const std::string node = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
  auto at = PeerAddress::parse("/ip6/::1/udp/4001/nquic/p2p/" + node);
  ASSERT_TRUE(at);
  EXPECT_EQ(at->endpoint.text(), "[::1]:4001");
  EXPECT_EQ(codec::to_text(*at->node), node);
  EXPECT_FALSE(at->relay);
  EXPECT_EQ(PeerAddress::parse("/ip4/1.2.3.4/tcp/80/ws")->transport, PeerAddress::Transport::ws);
  auto behind = PeerAddress::parse("/ip4/1.2.3.4/tcp/80/p2p/" + relay + "/p2p-circuit/p2p/" + node);
  ASSERT_TRUE(behind);
  EXPECT_EQ(codec::to_text(*behind->relay), relay);
  EXPECT_EQ(codec::to_text(*behind->node), node);
  for (const auto& other :
       {std::string("/ip4/1.2.3.4"), std::string("/dns/example.com/tcp/443/wss"),
        std::string("/ip4/1.2.3.4/udp/1"), std::string("/ip4/1.2.3.4/udp/1/quic-v1/p2p/" + node),
        "/ip4/1.2.3.4/tcp/1/p2p-circuit/p2p/" + node, "/ip4/1.2.3.4/tcp/1/p2p/" + relay + "/p2p-circuit",
        std::string("/p2p/" + node), "/ip4/1.2.3.4/tcp/1/p2p/" + node + "/ws"})
    EXPECT_EQ(PeerAddress::parse(other).error(), Errc::unsupported) << other;
}

RC_GTEST_PROP(PeerAddress, is_read_back_from_text_and_from_bytes, (std::uint64_t seed)) {
  SeededRandom random(seed);
  PeerAddress at;
  at.transport = static_cast<PeerAddress::Transport>(random.below(3));
  at.endpoint.port = static_cast<std::uint16_t>(random.next());
  at.endpoint.ip.family = random.below(2) ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  random.fill(std::span(at.endpoint.ip.bytes).first(at.endpoint.ip.view().size()));
  if (random.below(2)) at.node = NodeKeys::generate(random).public_key();
  if (at.node && random.below(2)) at.relay = NodeKeys::generate(random).public_key();
  RC_ASSERT(*PeerAddress::parse(at.text()) == at);
  RC_ASSERT(*PeerAddress::from(*Multiaddr::decode(at.multiaddr().encode())) == at);
  std::vector<Multiaddr> list{at.multiaddr(), at.multiaddr()};
  RC_ASSERT(*codec::unpack<std::vector<Multiaddr>>(codec::pack(list)) == list);
}

// Bytes near the real codes, so that noise gets past the first varint.
RC_GTEST_PROP(Multiaddr, noise_gives_an_address_that_reads_back_or_an_error, ()) {
  auto noise = *rc::gen::container<Bytes>(rc::gen::element<Byte>(0x04, 0x06, 0x29, 0x91, 0x02, 0x00, 0x01,
                                                                 0x12, 0x20, 0xa5, 0x03, 0xdd, 0xd2, 0x35));
  auto decoded = Multiaddr::decode(noise);
  if (!decoded) return;
  RC_ASSERT(decoded->encode() == noise);
  auto parsed = Multiaddr::parse(decoded->text());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == *decoded);
}

}  // namespace
