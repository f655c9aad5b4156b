// What a peer says of itself: bounded, and what was read reads the same when it is written again.
#include "crypto/ensure.hpp"
#include "transport/identify/identify.hpp"

using namespace conclave;
using identify::Identity;

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  static bool ready = (crypto::init(), true);
  Identity read;
  if (!ready || !identify::decode_identity({data, size}, read)) return 0;
  ensure(read.protocols.size() <= Identity::protocols_max && read.listening.size() <= Identity::addresses_max,
         "lists are bounded");
  auto written = identify::encode_identity(read);
  if (written.size() > Identity::message_max) return 0;
  Identity again;
  ensure(identify::decode_identity(written, again).has_value(), "what we write can be read");
  ensure(again == read, "and says the same");
  return 0;
}
