// The msgpack door: whatever comes in gives a value that packs to something that reads back, or an error.
#include "crypto/codec/msgpack.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

namespace {

template <class T> void try_as(ByteView input) {
  auto value = codec::unpack<T>(input);
  if (!value) return;
  Bytes packed = codec::pack(*value);
  ensure(packed.size() <= input.size(), "our form is the shortest");
  ensure(codec::unpack<T>(packed) == *value, "what we pack reads back the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  (void)codec::peek_kind(input);
  try_as<std::tuple<std::uint8_t, std::int64_t, std::string, Bytes, std::optional<std::uint64_t>>>(input);
  try_as<std::vector<std::vector<std::string>>>(input);
  try_as<std::vector<std::tuple<NodeKey, std::vector<Bytes>>>>(input);
  try_as<std::vector<std::int8_t>>(input);
  try_as<bool>(input);
  try_as<Bytes>(input);
  return 0;
}
