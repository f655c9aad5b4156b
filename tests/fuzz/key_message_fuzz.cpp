#include "crypto/sender_keys.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  crypto::init();
  static SeededRandom random(1);
  static e2ee::SenderKeys ours(ConferenceKey{}, SigningKeys::generate(random), X25519Pair::generate(random).secret, random);
  (void)ours.receive({data, size}, [](const SigningPublicKey&) { return true; });
  e2ee::FrameOpener opener(SigningPublicKey{}, e2ee::Kind::video);
  opener.use(1, Bytes(16));
  (void)opener.open({data, size});
  return 0;
}
