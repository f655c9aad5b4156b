#include "node/calls/statement.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  crypto::init();
  auto opened = calls::open_statement({data, size}, ConferenceKey{}, UnixTime{1'800'000'000'000});
  return opened && opened->bytes.empty() ? 1 : 0;
}
