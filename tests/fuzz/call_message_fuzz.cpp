#include "node/calls/media_packet.hpp"
#include "node/calls/message.hpp"
#include "node/ring.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  ByteView in(data, size);
  if (auto message = calls::decode_message(in))
    if (calls::decode_message(calls::encode(*message)) != *message) __builtin_trap();
  if (auto ring = node::decode_ring(in))
    if (node::encode(*ring) != copy(in)) __builtin_trap();
  while (auto unit = calls::next_unit(in)) {
    if (!*unit) break;
    (void)calls::read_media((*unit)->body);
  }
  return 0;
}
