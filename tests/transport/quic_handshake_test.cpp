// How nQUIC connections come to be, and what strangers and forgers get: silence.
#include "tests/transport/quic_pair.hpp"

using namespace conclave;
using namespace conclave::quic;
using namespace conclave::quic::test;

namespace {

TEST(QuicHandshake, takes_one_round_trip) {
  World w(conditions(40ms));
  auto start = w.world.now();
  auto ours = w.dial(w.bob_keys.public_key());
  ASSERT_TRUE(ours) << ours.error().message();
  auto took = w.world.now() - start;
  EXPECT_GE(took, 40ms);
  EXPECT_LT(took, 42ms);
  EXPECT_EQ((*ours)->peer(), w.bob_keys.public_key());
  EXPECT_TRUE(w.accepted.empty()) << "the responder believes in the dialler half a round trip later";
  EXPECT_FALSE((*ours)->confirmed());
  w.world.run_for(41ms);
  ASSERT_EQ(w.accepted.size(), 1u);
  EXPECT_EQ(w.accepted[0]->peer(), w.alice_keys.public_key());
  EXPECT_TRUE((*ours)->confirmed());
  EXPECT_EQ(w.accepted[0]->export_secret("media")->view()[0], (*ours)->export_secret("media")->view()[0]);
  EXPECT_EQ(*w.accepted[0]->export_secret("media"), *(*ours)->export_secret("media"));
  EXPECT_FALSE(*(*ours)->export_secret("other") == *(*ours)->export_secret("media"));
}

TEST(QuicStreams, a_message_goes_there_and_back) {
  World w;
  auto [ours, theirs] = w.connect();
  asio::co_spawn(w.world.context(), echo_all(theirs), asio::detached);
  auto answer = w.run(ask(ours, "/conclave/echo/1", copy(view("hello"))));
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(text(**answer), "hello");
}

}  // namespace
