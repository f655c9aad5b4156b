// What a page says to its node over data channel 0, before and after it was let in: parts put together, JSON checked.
#include "node/calls/signal.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)calls::decode_signal(input);
  // Lines are messages: a page cuts what is long.
  calls::SignalParts parts;
  for (auto rest = input; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto whole = parts.take(line);
    if (!whole || !*whole) continue;
    ensure((*whole)->size() <= calls::signal_max, "parts make a message of bounded length");
    auto message = calls::decode_signal(**whole);
    if (!message) continue;
    if (auto* watch = std::get_if<calls::PageWatch>(&*message))
      ensure(watch->slots.size() <= calls::watched_max, "slots are bounded");
    if (auto* to = std::get_if<calls::PageTo>(&*message))
      ensure(to->parcel.size() <= calls::parcel_max, "parcels are bounded");
  }
  // Whatever a node has to say survives being cut and put together.
  if (size == 0 || size > 64 * 1024) return 0;
  auto said = calls::statements_json({Bytes(data, data + size)});
  calls::SignalParts again;
  std::optional<std::string> heard;
  for (auto& piece : calls::cut_signal(said)) heard = again.take(piece).value();
  ensure(heard == said, "cut and put together");
  return 0;
}
