// What a stranger says before we know who it is: the payload of the Noise handshake, and the handshake itself
// with a message changed, cut or made up.
#include "crypto/ensure.hpp"
#include "transport/tcp/handshake.hpp"

using namespace conclave;
using tcp::Handshake;

namespace {

struct Ends {
  SeededRandom random{1};
  NodeKeys ours = NodeKeys::generate(random);
  NodeKeys theirs = NodeKeys::generate(random);
  noise::KeyPair static_keys = noise::KeyPair::of(NodeKeys::generate(random));
};

void payload(ByteView input, Ends& ends) {
  auto made_up = tcp::verify_noise_payload(input, ends.static_keys.public_key);
  ensure(!made_up, "nobody forges a signature");
  // The extensions of a payload that is signed well: everything but field 4 stays.
  auto good = tcp::encode_noise_payload(ends.ours, ends.static_keys.public_key, {});
  append(good, input);
  auto read = tcp::verify_noise_payload(good, ends.static_keys.public_key);
  if (read) ensure(read->identity == ends.ours.public_key(), "the key that signed is the identity");
  if (read) ensure(read->muxers.size() <= tcp::NoisePayload::muxers_max, "lists are bounded");
}

/// Two ends talk; the bytes of one direction are changed from `position` on as `input` says.
void damaged(ByteView input, Ends& ends) {
  if (input.size() < 4) return;
  bool forth = (input[0] & 1) != 0;
  std::size_t position = (std::size_t{input[1]} << 8 | input[2]) % 600;
  auto change = input.subspan(3);
  Handshake a({Handshake::Role::dialler, ends.ours, ends.static_keys, std::nullopt, ends.random});
  Handshake b({Handshake::Role::listener, ends.theirs, ends.static_keys, std::nullopt, ends.random});
  std::size_t seen = 0;
  bool changed = false;
  auto pass = [&](Handshake& to, Bytes bytes, bool this_way) {
    if (this_way) {
      for (std::size_t i = 0; i < change.size(); ++i) {
        auto at = position + i;
        if (at < seen || at >= seen + bytes.size()) continue;
        bytes[at - seen] ^= change[i];
        changed |= change[i] != 0;
      }
      seen += bytes.size();
    }
    return to.receive(bytes).has_value();
  };
  for (int round = 0; round < 8; ++round) {
    if (!pass(b, a.take_output(), forth) || !pass(a, b.take_output(), !forth)) return;
  }
  ensure(!(a.done() && b.done()) || !changed, "a changed handshake is agreed by nobody");
}

void made_up(ByteView input, Ends& ends) {
  Handshake b({Handshake::Role::listener, ends.theirs, ends.static_keys, std::nullopt, ends.random});
  auto opening = tcp::Proposal("/noise").opening();
  append(opening, input);
  (void)b.receive(opening);
  ensure(!b.done(), "nobody is authenticated by noise");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  static bool ready = (crypto::init(), true);
  static Ends ends;
  if (!ready || size == 0) return 0;
  ByteView input(data + 1, size - 1);
  if (data[0] % 8 == 0)
    damaged(input, ends);
  else if (data[0] % 8 == 1)
    made_up(input, ends);
  else
    payload(input, ends);
  return 0;
}
