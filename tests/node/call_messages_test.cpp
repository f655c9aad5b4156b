#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "node/calls/media_packet.hpp"
#include "node/calls/message.hpp"

using namespace conclave;
using namespace conclave::calls;

namespace {

std::vector<Message> one_of_each() {
  MemberId ann{{1, 2, 3, 4, 5, 6}};
  MemberId bob{{9, 8, 7, 6, 5, 4}};
  NodeKey node;
  node.bytes[3] = 7;
  Plan plan{5, {{17, 1, 2, 0, {{1, 0, nobody}, {2, 1, 0}}}}, {{17, 3}}};
  return {Hello{{}, 7, {{{io::IpAddress::v4(127, 0, 0, 1), 4001}, std::string(24, 'p'), {}, node}}, {Bytes{1, 2}}, 1},
          Statements{{Bytes{1}, Bytes{}}},
          To{ann, bob, {1, 2, 3}},
          All{ann, 9, {4}},
          Streams{{{ann, MediaKind::video, 2, stream_number(ann, MediaKind::video, 2), 1280, 720, 1'500'000, 127}}},
          Subscribe{17, 1, 2, 0xffffffff},
          Answer{17, 1, true},
          Unsubscribe{17, 1},
          KeyFrame{17},
          Announce{5},
          Report{{node}},
          Demand{{17, 18}, 5'000'000, {{node, 80'000}}},
          PlanMessage{{node, NodeKey{}}, plan},
          Refused{"full"}};
}

TEST(CallMessage, comes_back_as_it_went) {
  auto all = one_of_each();
  ASSERT_EQ(all.size(), std::variant_size_v<Message>);
  for (const auto& message : all) EXPECT_EQ(decode_message(encode(message)), message) << message.index();
}

TEST(CallMessage, beyond_a_limit_is_refused) {
  EXPECT_FALSE(decode_message(encode(To{{}, {}, Bytes(parcel_max + 1)})));
  EXPECT_FALSE(decode_message(encode(Statements{std::vector<Bytes>(statements_per_message_max + 1)})));
  EXPECT_FALSE(decode_message(encode(Subscribe{1, 2, 2, 0}))) << "a part beyond the parts";
  EXPECT_FALSE(decode_message(encode(Streams{{{{}, MediaKind::audio, 0, 99, 0, 0, 0, 0}}}))) << "another's number";
}

RC_GTEST_PROP(CallMessage, noise_gives_a_message_or_an_error, (std::uint64_t seed)) {
  SeededRandom random(seed);
  auto all = one_of_each();
  auto bytes = encode(all[random.below(all.size())]);
  for (auto flips = random.below(4); flips > 0; --flips)
    bytes[random.below(bytes.size())] = static_cast<Byte>(random.below(256));
  if (auto message = decode_message(bytes)) RC_ASSERT((decode_message(encode(*message)) == *message));
}

struct Link {
  explicit Link(std::uint64_t seed) : random(seed) { random.fill(secret.span()); }
  SeededRandom random;
  Secret<32> secret;
  MediaSealer sealer{crypto::AeadAlgorithm::aes_256_gcm, secret, /*initiator=*/true};
  MediaOpener opener{crypto::AeadAlgorithm::aes_256_gcm, secret, /*initiator=*/false};

  Bytes packet(std::uint32_t sequence) {
    Bytes out(media_packet_max);
    UnitWriter writer(MutableBytes(out).subspan(media_header_size, 1300));
    Bytes payload(100, static_cast<Byte>(sequence));
    writer.media({7, 1, sequence, 3000, MediaUnit::frame_start | 0x80, 30, payload});
    writer.unit(UnitType::heartbeat, {});
    out.resize(sealer.seal(out, writer.size(), 0x010203).size);
    return out;
  }
};

TEST(MediaPacket, carries_units) {
  Link link(1);
  auto packet = link.packet(5);
  EXPECT_EQ(media_link_of(packet), 0x010203u);
  auto opened = link.opener.open(packet);
  ASSERT_TRUE(opened);
  auto rest = opened->units;
  auto unit = next_unit(rest);
  auto media = read_media((*unit)->body);
  ASSERT_TRUE(media);
  EXPECT_EQ(media->sequence, 5u);
  EXPECT_EQ(media->temporal_id(), 2);
  EXPECT_EQ(media->payload.size(), 100u);
  EXPECT_EQ((*next_unit(rest))->type, UnitType::heartbeat);
  EXPECT_FALSE(*next_unit(rest));
}

// Each packet opens once, in whatever order, unless it is a window behind.
RC_GTEST_PROP(MediaPacket, opens_once, (std::uint64_t seed)) {
  Link link(seed);
  std::vector<Bytes> packets;
  for (std::uint32_t i = 0; i < 300; ++i) packets.push_back(link.packet(i));
  for (std::size_t i = packets.size(); i > 1; --i) std::swap(packets[i - 1], packets[link.random.below(i)]);
  for (const auto& packet : packets) {
    auto once = packet;
    auto twice = packet;
    RC_ASSERT(link.opener.open(once).has_value());
    RC_ASSERT(link.opener.open(twice).error() == Errc::refused);
  }
}

RC_GTEST_PROP(MediaPacket, damage_is_noticed, (std::uint64_t seed)) {
  Link link(seed);
  auto packet = link.packet(1);
  auto at = link.random.below(packet.size());
  // The link number in bytes 1–3 is authenticated as well.
  packet[at] ^= static_cast<Byte>(1 << link.random.below(8));
  RC_ASSERT(!link.opener.open(packet).has_value());
}

}  // namespace
