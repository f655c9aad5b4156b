// First packets as a stranger may send them. Three doors: as raw bytes; as an Initial sealed with the right
// key, so that frames and Noise are reached; and as the payload that Noise has opened.
#include "tests/fuzz/fuzz.hpp"
#include "transport/quic/gate.hpp"
#include "transport/quic/protocol_name.hpp"

using namespace conclave;
using namespace conclave::quic;

namespace {

Bytes sealed(const Secret<32>& secret, ByteView frames) {
  const crypto::HmacKey taken(secret.view());
  PacketKey key(Suite::chacha20_poly1305, taken);
  PacketMask mask(Suite::chacha20_poly1305, taken);
  Bytes payload = copy(frames.first(std::min<std::size_t>(frames.size(), 1400)));
  payload.resize(std::max<std::size_t>(payload.size(), 1160));
  Bytes out{0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
  auto length = 4 + payload.size() + PacketKey::tag_size;
  out.push_back(static_cast<Byte>(0x40 | length >> 8));
  out.push_back(static_cast<Byte>(length));
  auto number_at = out.size();
  out.resize(number_at + 4);
  Bytes header = out;
  out.resize(header.size() + payload.size() + PacketKey::tag_size);
  key.seal(out.data() + header.size(), crypto::counter_nonce(key.iv(), 0), header, payload);
  auto bits = mask.mask(ByteView(out).subspan(number_at + 4, 16));
  out[0] ^= bits[0] & 0x0f;
  for (std::size_t i = 0; i < 4; ++i) out[number_at + i] ^= bits[1 + i];
  return out;
}

struct Setup {
  SeededRandom random{1};
  Identity identity = [this] {
    crypto::init();
    return Identity::of(NodeKeys::generate(random));
  }();
  KeyCache cache;
  Gate gate{identity, random, cache};
  Secret<32> secret =
      initial_secrets(*Cid::from(Bytes{1, 2, 3, 4, 5, 6, 7, 8}), identity.x25519.public_key).initiator;
  TimePoint now{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Setup setup;
  ByteView input(data, size);
  setup.now += std::chrono::seconds(1);
  io::Endpoint from{io::IpAddress::v4(1, 2, 3, 4), 5};
  switch (fuzz::take_choice(input) % 4) {
    case 0: {
      auto verdict = setup.gate.judge(from, input, false, setup.now);
      ensure(!std::holds_alternative<Gate::Opening>(verdict), "nobody gets in with random bytes");
      break;
    }
    case 1: {
      auto verdict = setup.gate.judge(from, sealed(setup.secret, input), false, setup.now);
      ensure(!std::holds_alternative<Gate::Opening>(verdict), "nobody gets in without Noise");
      break;
    }
    case 2: {
      if (auto introduction = decode_introduction(input)) {
        ensure(!introduction->suites.empty() && introduction->suites.size() <= suites_max,
               "suites within bounds");
        auto again = decode_introduction(encode(*introduction));
        ensure(again && again->node == introduction->node, "an introduction survives its own encoding");
      }
      (void)decode_hello(input);
      break;
    }
    default: {
      ProtocolNameReader reader;
      while (!input.empty()) {
        auto piece = input.first(std::min<std::size_t>(input.size(), 1 + input[0] % 16));
        input = input.subspan(piece.size());
        auto name = reader.feed(piece);
        if (!name || *name) {
          ensure(!name || (*name)->size() <= protocol_name_max, "a name within its limit");
          break;
        }
      }
    }
  }
  return 0;
}
