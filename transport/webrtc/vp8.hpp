#pragma once
/// The VP8 payload descriptor (RFC 7741 section 4.2): where a frame starts, whether it is a key frame, and the
/// numbers that must run on without a jump when a forwarder switches between encodings.
///
/// With end-to-end encryption the descriptor stays in clear, and so does the first byte of a frame (10 bytes of
/// a key frame), which is where the key-frame bit and the picture size are.
#include <optional>

#include "crypto/bytes.hpp"

namespace conclave::webrtc {

struct Vp8Descriptor {
  std::size_t size = 0;        ///< of the descriptor; the frame's bytes follow
  bool start = false;          ///< first packet of a frame (S bit, partition 0)
  bool key_frame = false;      ///< only known on the first packet of a frame
  bool discardable = false;    ///< N bit: nothing refers to this frame
  bool layer_sync = false;     ///< Y bit: may be decoded without the upper temporal layer's past
  std::optional<Byte> temporal_id;
  std::optional<std::uint16_t> picture_id;
  bool picture_id_long = false;  ///< 15 bits rather than 7
  std::optional<Byte> tl0_index;  ///< TL0PICIDX
  std::optional<std::uint16_t> width, height;  ///< of a key frame, from its clear bytes
  std::size_t picture_id_at = 0, tl0_index_at = 0;  ///< offsets of the two, for `rewrite`
};

/// Fails with Errc::malformed.
Result<Vp8Descriptor> decode_vp8(ByteView payload);
/// Overwrites the numbers in place, as far as `descriptor` has them and in the width it has them.
void rewrite_vp8(MutableBytes payload, const Vp8Descriptor& descriptor, std::uint16_t picture_id, Byte tl0_index);

}  // namespace conclave::webrtc
