/// Films and songs from a stranger's disk, and frames from a stranger's packets.
#include "node/member/ogg.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "transport/webrtc/big_endian.hpp"
#include "transport/webrtc/vp8_frames.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  switch (fuzz::take_choice(rest) % 3) {
    case 0:
      if (auto film = member::read_film(rest)) {
        ensure(!film->frames.empty() && film->frames[0].key_frame, "a film begins with a key frame");
        ensure(film->fps >= 1 && film->fps <= 120, "its rate is usable");
      }
      break;
    case 1:
      if (auto song = member::read_song(rest)) {
        for (auto& packet : song->packets) ensure(member::opus_samples(packet) > 0, "every packet has a length");
      }
      break;
    default: {
      webrtc::Vp8Assembler assembler;
      TimePoint now{};
      while (rest.size() > 8) {
        webrtc::RtpHeader header{(rest[0] & 1) != 0, 96, webrtc::be16(rest.data() + 1), rest[3], 1};
        auto length = std::min<std::size_t>(rest[4], rest.size() - 5);
        assembler.hear(header, rest.subspan(5, length), now);
        rest = rest.subspan(5 + length);
        now += Duration(30'000);
        for (auto& frame : assembler.take(now)) ensure(!frame.bytes.empty(), "frames have bytes");
      }
    }
  }
  return 0;
}
