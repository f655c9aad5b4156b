// Frames of a chat stream, as strangers may send them: what decodes is what its encoding says.
#include "node/chat/wire.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace conclave;
  auto frame = chat::decode({data, size});
  if (!frame) return 0;
  auto again = chat::decode(chat::encode(*frame));
  ensure(again && *again == *frame, "a frame survives its encoding");
  if (auto* entry = std::get_if<chat::Entry>(&*frame)) ensure(chat::check(entry->content).has_value(), "checked");
  return 0;
}
