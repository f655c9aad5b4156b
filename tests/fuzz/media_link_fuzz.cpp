// A media link between a node of ours and one that says anything: datagrams that nobody sealed, and authentic ones
// with any units inside, in any order, while time passes.
#include "node/calls/media_link.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;
using namespace conclave::calls;

namespace {

struct Owner final : MediaLink::Owner {
  static constexpr Bytes::size_type payload_size = 300;
  std::size_t sent_bytes = 0, units = 0;
  Bytes payload = Bytes(payload_size, 1);
  void datagram(LinkId, ByteView bytes) override {
    ensure(bytes.size() <= media_packet_max, "a datagram fits");
    sent_bytes += bytes.size();
  }
  std::optional<MediaUnit> stored(std::uint32_t stream, std::uint32_t sequence, TimePoint) override {
    return MediaUnit{stream, 0, sequence, 0, 0, 0, payload};
  }
  void unit(LinkId, const MediaUnit& unit, bool, TimePoint) override {
    ensure(unit.payload.size() < media_packet_max, "a unit lies within its datagram");
    ++units;
  }
  void asked(LinkId, std::uint32_t, Byte, std::span<const std::uint32_t> sequences, TimePoint) override {
    ensure(sequences.size() <= MediaLink::nack_max, "questions are bounded");
  }
  void clock(LinkId, std::uint32_t, const webrtc::ReceiveStream::Mapping&) override {}
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  if (size > 8192) return 0;
  ByteView rest(data, size);
  MediaKeys keys{crypto::AeadAlgorithm::aes_256_gcm, *Secret<32>::from(Bytes(32, 7)), false};
  Owner owner;
  TimePoint now{std::chrono::hours(1)};
  MediaLink link(LinkId(1), 9, keys, owner, {1e6, 1e5, 2e7}, now);
  MediaSealer peer(keys.algorithm, keys.secret, true);
  std::array<Byte, media_packet_max> packet;
  std::uint32_t sequence = 0;
  while (!rest.empty()) {
    auto choice = fuzz::take_choice(rest);
    auto length = std::min<std::size_t>(rest.empty() ? 0 : rest[0] * std::size_t{5}, rest.size());
    auto piece = rest.first(length);
    rest = rest.subspan(length);
    switch (choice % 4) {
      case 0: {
        Bytes forged = copy(piece);
        if (!forged.empty()) forged[0] = media_first_byte;
        ensure(!link.receive(forged, now), "nobody sealed this");
        break;
      }
      case 1: {
        std::copy(piece.begin(), piece.end(), packet.begin() + media_header_size);
        auto sealed = peer.seal(packet, piece.size(), 1);
        (void)link.receive(MutableBytes(packet).first(sealed.size), now);
        break;
      }
      case 2:
        for (int i = 0; i < choice / 4 % 16; ++i)
          link.send({static_cast<std::uint32_t>(choice) & 0x30, 0, ++sequence, 0, choice, 0, owner.payload}, 0, false, now);
        break;
      case 3:
        now += Duration(1'000) * (1 + choice);
        if (link.deadline() <= now) link.advance(now);
        break;
    }
  }
  auto figures = link.figures();
  ensure(figures.estimate_bps >= 1e5 && figures.estimate_bps <= 2e7, "an estimate has bounds");
  return 0;
}
