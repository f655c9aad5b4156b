#include "node/ring.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"

namespace conclave {
namespace {
using node::decode_ring;
using node::Ring;
using node::RingKind;

Ring some_ring(Random& random) {
  return {random.fixed<ConferenceKey>(), RingKind::ring, SigningKeys::generate(random).seed()};
}

TEST(Ring, comes_back_as_it_went) {
  SeededRandom random(1);
  for (auto kind : {RingKind::ring, RingKind::stop, RingKind::decline}) {
    auto ring = some_ring(random);
    ring.kind = kind;
    if (kind != RingKind::ring) ring.invite.reset();
    auto bytes = encode(ring);
    EXPECT_LE(bytes.size(), node::ring_size_max);
    auto back = decode_ring(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(encode(*back), bytes);
    EXPECT_EQ(back->conference, ring.conference);
    EXPECT_EQ(back->kind, kind);
    EXPECT_EQ(back->invite.has_value(), ring.invite.has_value());
  }
}

TEST(Ring, another_version_kind_or_size_is_refused) {
  SeededRandom random(2);
  auto bytes = encode(some_ring(random));
  auto changed = bytes;
  changed[1] = 1;  // the version, behind the array's head
  EXPECT_EQ(decode_ring(changed).error(), Errc::unsupported);
  changed = bytes;
  changed[2 + 2 + ConferenceKey::size] = 4;  // the kind, behind the key and its head
  EXPECT_EQ(decode_ring(changed).error(), Errc::malformed);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_ring(ByteView(bytes).first(size)));
  bytes.push_back(0);
  EXPECT_FALSE(decode_ring(bytes));
}

}  // namespace
}  // namespace conclave
