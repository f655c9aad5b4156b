#pragma once
/// What a page puts into one RTP packet of its microphone: a sealed frame, and where its node has asked for it, the one
/// or two sealed frames before it once more. Browsers protect audio with nothing of their own, and this passes every
/// codec and every browser. docs/calls.md, section 5.
///
///     count (1): 1 or 2 ‖ for each copy, the latest first: size (2) ‖ the copies, in the same order ‖ the frame
///
/// A sealed frame starts with a byte above 127 (an SFrame header with a key id of 8 bytes), so that `count` tells the two
/// apart. The node takes the copies out again: nobody behind it sees them.
#include <array>

#include "node/calls/audio_redundancy.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::calls {

struct AudioPayload {
  ByteView frame;
  std::array<ByteView, AudioRedundancy::copies_max> copies{};  ///< of the packets before, the latest first
  std::size_t count = 0;
};

/// What does not fit the layout is a frame alone.
inline AudioPayload read_audio(ByteView payload) {
  AudioPayload out{payload, {}, 0};
  if (payload.empty() || payload[0] == 0 || payload[0] > AudioRedundancy::copies_max) return out;
  const std::size_t count = payload[0];
  if (payload.size() < 1 + 2 * count) return out;
  auto rest = payload.subspan(1 + 2 * count);
  AudioPayload read{{}, {}, count};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = webrtc::be16(payload.data() + 1 + 2 * i);
    if (size == 0 || size >= rest.size()) return out;
    read.copies[i] = rest.first(size);
    rest = rest.subspan(size);
  }
  read.frame = rest;
  return read;
}

}  // namespace conclave::calls
