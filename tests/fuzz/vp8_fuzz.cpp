/// VP8 payload descriptors: what decodes can be rewritten in place without moving anything.
#include "crypto/ensure.hpp"
#include "transport/webrtc/vp8.hpp"

using namespace conclave;
using namespace conclave::webrtc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto descriptor = decode_vp8({data, size});
  if (!descriptor) return 0;
  Bytes payload(data, data + size);
  rewrite_vp8(payload, *descriptor, 0x1234, 0x56);
  auto again = decode_vp8(payload);
  ensure(again && again->size == descriptor->size && again->start == descriptor->start &&
             again->key_frame == descriptor->key_frame && again->temporal_id == descriptor->temporal_id,
         "rewriting changes the numbers only");
  if (again->picture_id) ensure(*again->picture_id == (again->picture_id_long ? 0x1234 : 0x34), "the id is ours");
  if (again->tl0_index) ensure(*again->tl0_index == 0x56, "the index is ours");
  return 0;
}
