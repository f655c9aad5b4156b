// Multiaddrs: binary has one form; text and binary agree; what can be dialled says the same of itself.
#include "tests/fuzz/fuzz.hpp"
#include "transport/address/peer_address.hpp"

using namespace conclave;
using address::Multiaddr;
using address::PeerAddress;

namespace {

void check(const Multiaddr& parsed) {
  ensure(Multiaddr::decode(parsed.encode()) == parsed, "binary reads back");
  // A text may be longer than we read: a binary one with many name parts, for example.
  if (auto line = parsed.text(); line.size() <= Multiaddr::text_max)
    ensure(Multiaddr::parse(line) == parsed, "text reads back");
  if (auto dialled = PeerAddress::from(parsed))
    ensure(PeerAddress::from(dialled->multiaddr()) == *dialled, "an address to dial reads back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  if (auto parsed = Multiaddr::decode(input)) {
    ensure(parsed->encode() == copy(input), "binary has one form");
    check(*parsed);
  }
  if (auto parsed = Multiaddr::parse(text(input))) check(*parsed);
  return 0;
}
