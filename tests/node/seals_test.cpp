#include "node/calls/seals.hpp"

#include "crypto/call_frames.hpp"

#include <gtest/gtest.h>

namespace conclave::calls {
namespace {

// What members seal is recognised, in every kind and generation; what they do not seal, or others seal, is
// not.
TEST(Seals, are_on_what_a_member_seals_and_on_nothing_else) {
  SeededRandom random{1};
  const Bytes base_key(16, 7);
  const Bytes clear_sound(80, 0xfc), delta_frame(400, 1), key_frame(900, 0);
  // 300 members: some have key ids that begin with zeros, which SFrame leaves out.
  for (int i = 0; i < 300; ++i) {
    auto call = SigningKeys::generate(random).public_key();
    Seals seals(call);
    auto generation = static_cast<std::uint16_t>(random.below(0x10000));
    for (auto kind : {MediaKind::audio, MediaKind::video, MediaKind::screen}) {
      e2ee::FrameSealer sealer(call, static_cast<e2ee::Kind>(kind));
      sealer.use(generation, base_key);
      const auto frames = kind == MediaKind::audio ? std::vector<Bytes>{clear_sound}
                                                   : std::vector<Bytes>{delta_frame, key_frame};
      for (auto& frame : frames) {
        auto sealed = sealer.seal(frame);
        ASSERT_TRUE(sealed);
        EXPECT_TRUE(seals.has(kind, *sealed));
        EXPECT_FALSE(seals.has(kind, frame)) << "clear";
        EXPECT_FALSE(Seals(SigningKeys::generate(random).public_key()).has(kind, *sealed))
            << "somebody else's";
        EXPECT_FALSE(seals.has(kind, ByteView(*sealed).first(kind == MediaKind::audio ? 3 : 5)))
            << "cut off";
      }
    }
  }
  EXPECT_FALSE(Seals(SigningKeys::generate(random).public_key()).has(MediaKind::audio, {}));
}

}  // namespace
}  // namespace conclave::calls
