#include "transport/webrtc/vp8.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

/// Frame header of RFC 6386 section 9.1: the inverse key-frame bit; start code and size of a key frame.
void read_frame_start(Vp8Descriptor& out, ByteView frame) {
  if (frame.empty()) return;
  out.key_frame = (frame[0] & 1) == 0;
  constexpr std::array<Byte, 3> start_code{0x9d, 0x01, 0x2a};
  if (!out.key_frame || frame.size() < 10 || !std::ranges::equal(frame.subspan(3, 3), start_code)) return;
  out.width = static_cast<std::uint16_t>((frame[7] << 8 | frame[6]) & 0x3fff);
  out.height = static_cast<std::uint16_t>((frame[9] << 8 | frame[8]) & 0x3fff);
}

}  // namespace

Result<Vp8Descriptor> decode_vp8(ByteView payload) {
  Vp8Descriptor out;
  std::size_t at = 0;
  auto next = [&]() -> Result<Byte> {
    if (at >= payload.size()) return fail(Errc::malformed);
    return payload[at++];
  };
  TRY(auto first, next());
  out.discardable = (first & 0x20) != 0;
  out.start = (first & 0x10) != 0 && (first & 0x07) == 0;
  if (first & 0x80) {
    TRY(auto present, next());
    if (present & 0x80) {
      out.picture_id_at = at;
      TRY(auto high, next());
      out.picture_id = high & 0x7f;
      if (high & 0x80) {
        TRY(auto low, next());
        out.picture_id = static_cast<std::uint16_t>((high & 0x7f) << 8 | low);
        out.picture_id_long = true;
      }
    }
    if (present & 0x40) {
      out.tl0_index_at = at;
      TRY(out.tl0_index, next());
    }
    if (present & 0x30) {  // one byte for TID, Y and KEYIDX
      TRY(auto layers, next());
      if (present & 0x20) {
        out.temporal_id = static_cast<Byte>(layers >> 6);
        out.layer_sync = (layers & 0x20) != 0;
      }
    }
  }
  out.size = at;
  if (out.start) read_frame_start(out, payload.subspan(at));
  return out;
}

void rewrite_vp8(MutableBytes payload, const Vp8Descriptor& descriptor, std::uint16_t picture_id,
                 Byte tl0_index) {
  ensure(payload.size() >= descriptor.size, "the descriptor belongs to this payload");
  if (descriptor.picture_id && descriptor.picture_id_long) {
    put16(payload.data() + descriptor.picture_id_at, 0x8000U | (picture_id & 0x7fffU));
  } else if (descriptor.picture_id) {
    payload[descriptor.picture_id_at] = static_cast<Byte>(picture_id & 0x7f);
  }
  if (descriptor.tl0_index) payload[descriptor.tl0_index_at] = tl0_index;
}

}  // namespace conclave::webrtc
