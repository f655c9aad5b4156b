// What opens messages of strangers: HPKE, SFrame, Noise messages, and the vault's files.
#include "crypto/hpke.hpp"
#include "crypto/key_vault.hpp"
#include "crypto/noise/handshake.hpp"
#include "crypto/sframe.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

namespace {

void open_sframe(ByteView input) {
  static sframe::Receiver receiver = [] {
    sframe::Receiver made(4);
    made.add(view("0123456789abcdef"), 0);
    made.add(view("0123456789abcdef"), 0x1234);
    return made;
  }();
  ensure(!receiver.open({}, input), "nobody sealed this frame");
  if (auto decoded = sframe::decode_header(input))
    ensure(sframe::encode(decoded->header) == copy(input.first(decoded->size)), "a header has one form");
}

void read_noise(ByteView input, noise::Pattern pattern) {
  static const auto ours = X25519Pair::from_secret(*Secret<32>::from(Bytes(32, 1)));
  SeededRandom random(1);
  noise::HandshakeSettings settings{pattern, noise::Cipher::chacha_poly, noise::Role::responder, ours, {},
                                    {}};
  noise::Handshake responder(settings);
  auto hash = responder.handshake_hash();
  auto read = responder.read(input);
  if (!read) ensure(responder.handshake_hash() == hash, "a refused message leaves the handshake as it was");
  if (read) (void)responder.write({}, random);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  static const auto recipient = X25519Pair::from_secret(*Secret<32>::from(Bytes(32, 1)));
  ByteView input(data, size);
  switch (fuzz::take_choice(input) % 5) {
    case 0: ensure(!hpke::open(recipient, {}, {}, input), "nobody sealed this"); break;
    case 1: open_sframe(input); break;
    case 2: read_noise(input, noise::Pattern::ik); break;
    case 3: read_noise(input, noise::Pattern::xx); break;
    // Only without a passphrase: Argon2id would take all the fuzzer's time.
    case 4:
      if (auto locked = vault::is_locked(vault::Purpose::keys, input); locked && !*locked)
        (void)vault::unlock(vault::Purpose::keys, input, {});
      break;
  }
  return 0;
}
