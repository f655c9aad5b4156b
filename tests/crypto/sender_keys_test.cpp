#include "crypto/sender_keys.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::e2ee;
using namespace std::chrono_literals;

namespace {

struct Two {
  explicit Two(std::uint64_t seed = 1) : random(seed) {}
  SeededRandom random;
  ConferenceKey conference = random.fixed<ConferenceKey>();
  SigningKeys a_call = SigningKeys::generate(random), b_call = SigningKeys::generate(random);
  X25519Pair a_pair = X25519Pair::generate(random), b_pair = X25519Pair::generate(random);
  Peer a_peer{a_call.public_key(), a_pair.public_key}, b_peer{b_call.public_key(), b_pair.public_key};
  SenderKeys a{conference, a_call, a_pair.secret, random}, b{conference, b_call, b_pair.secret, random};
};

bool anybody(const SigningPublicKey&) { return true; }
const crypto::Digest no_roster{};

BaseKeys keys_of(const Result<SenderKeys::Received>& received) { return std::get<SenderKeys::Keys>(*received).base; }

TEST(SenderKeys, travel_by_hpke_once_and_by_the_chain_afterwards) {
  Two two;
  auto first = two.a.message_for(two.b_peer, no_roster);
  EXPECT_EQ(keys_of(two.b.receive(*first, anybody)), two.a.current());
  for (int round = 0; round < 3; ++round) {
    two.a.renew();
    auto next = two.a.message_for(two.b_peer, no_roster);
    EXPECT_LT(next->size(), first->size());
    EXPECT_EQ(keys_of(two.b.receive(*next, anybody)), two.a.current());
  }
}

TEST(SenderKeys, lost_messages_are_stepped_over_and_replays_refused) {
  Two two;
  auto first = two.a.message_for(two.b_peer, no_roster);
  ASSERT_TRUE(two.b.receive(*first, anybody));
  EXPECT_EQ(two.b.receive(*first, anybody).error(), Errc::refused);
  auto lost = two.a.message_for(two.b_peer, no_roster);
  auto second = two.a.message_for(two.b_peer, no_roster);
  ASSERT_TRUE(two.b.receive(*second, anybody));
  EXPECT_EQ(two.b.receive(*second, anybody).error(), Errc::refused);
  EXPECT_EQ(two.b.receive(*lost, anybody).error(), Errc::refused);
}

TEST(SenderKeys, are_not_taken_from_who_is_not_in_nor_for_somebody_else) {
  Two two;
  auto first = two.a.message_for(two.b_peer, no_roster);
  EXPECT_EQ(two.b.receive(*first, [](auto&) { return false; }).error(), Errc::refused);
  EXPECT_EQ(two.a.receive(*first, anybody).error(), Errc::refused);
}

TEST(SenderKeys, please_is_signed_rare_and_starts_the_chain_anew) {
  Two two;
  ASSERT_TRUE(two.b.receive(*two.a.message_for(two.b_peer, no_roster), anybody));
  auto please = two.b.please(two.a_peer, TimePoint(1s));
  ASSERT_TRUE(please);
  EXPECT_FALSE(two.b.please(two.a_peer, TimePoint(2s)));
  auto heard = two.a.receive(*please, anybody);
  ASSERT_TRUE(heard);
  EXPECT_TRUE(std::holds_alternative<SenderKeys::Please>(*heard));
  EXPECT_EQ(keys_of(two.b.receive(*two.a.message_for(two.b_peer, no_roster), anybody)), two.a.current());
}

RC_GTEST_PROP(SenderKeys, damage_is_noticed, (std::uint64_t seed)) {
  Two two(seed);
  auto message = *two.a.message_for(two.b_peer, no_roster);
  message[two.random.below(message.size())] ^= static_cast<Byte>(1 + two.random.below(255));
  RC_ASSERT(!two.b.receive(message, anybody).has_value());
}

const Bytes key_frame{0x10, 1, 2, 0x9d, 0x01, 0x2a, 64, 1, 180, 0, 42, 43, 44};

TEST(CallFrames, a_newcomer_reads_nothing_from_before_and_the_removed_nothing_after) {
  Two two;
  FrameSealer sealer(two.a_call.public_key(), Kind::video);
  FrameOpener old_member(two.a_call.public_key(), Kind::video);
  FrameOpener newcomer(two.a_call.public_key(), Kind::video);
  EXPECT_EQ(sealer.seal(key_frame).error(), Errc::not_found) << "no frame leaves without a key";
  auto use = [&] { sealer.use(two.a.current().generation, two.a.current().keys.at(Kind::video)); };
  use();
  old_member.use(two.a.current().generation, two.a.current().keys.at(Kind::video));
  auto before = *sealer.seal(key_frame);
  EXPECT_EQ(*old_member.open(before), key_frame);
  EXPECT_EQ(old_member.open(before).error(), Errc::refused) << "a replay";

  two.a.forward();
  use();
  newcomer.use(two.a.current().generation, two.a.current().keys.at(Kind::video));
  auto after = *sealer.seal(key_frame);
  EXPECT_EQ(*newcomer.open(after), key_frame);
  EXPECT_EQ(*old_member.open(after), key_frame) << "by the ratchet, without a message";
  EXPECT_FALSE(newcomer.open(before));

  two.a.renew();
  use();
  EXPECT_EQ(old_member.open(*sealer.seal(key_frame)).error(), Errc::not_found) << "no message for who is out";
}

TEST(CallFrames, clear_bytes_are_authenticated) {
  Two two;
  FrameSealer sealer(two.a_call.public_key(), Kind::video);
  FrameOpener opener(two.a_call.public_key(), Kind::video);
  sealer.use(1, two.a.current().keys.at(Kind::video));
  opener.use(1, two.a.current().keys.at(Kind::video));
  auto sealed = *sealer.seal(key_frame);
  EXPECT_TRUE(std::equal(key_frame.begin(), key_frame.begin() + 10, sealed.begin()));
  sealed[7] ^= 1;
  EXPECT_EQ(opener.open(sealed).error(), Errc::undecryptable);
}

}  // namespace
