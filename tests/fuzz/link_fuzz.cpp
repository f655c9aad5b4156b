// Links that people paste. The checksum keeps a fuzzer out, so it is also put right here.
#include "crypto/codec/base_n.hpp"
#include "crypto/hash.hpp"
#include "crypto/link.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

namespace {

void check(std::string_view line) {
  if (auto link = link_from_text(line)) ensure(link_from_text(to_text(*link)) == *link, "a link reads back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  check(text(input));
  Bytes bytes = copy(input);
  Bytes domain = copy(view("conclave/link/1"));
  domain.push_back(0);
  append(bytes, crypto::sha256({domain, input}).view().first(4));
  check("conclave:" + codec::base64url(bytes));
  return 0;
}
