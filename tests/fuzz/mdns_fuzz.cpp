// Packets of the mDNS group: whatever decodes is bounded, survives being written again, and what the beacon believes of
// it lies on a private network.
#include "crypto/ensure.hpp"
#include "transport/lan/beacon.hpp"
#include "transport/lan/dns.hpp"

using namespace conclave;
using namespace conclave::lan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  if (auto message = dns::decode(input)) {
    ensure(message->records.size() <= dns::Message::records_max, "records are bounded");
    for (auto& record : message->records) ensure(record.name.size() <= 255, "names are bounded");
    // Records of other types are skipped, their data forgotten; the rest comes back as it was.
    std::erase_if(message->records, [](auto& one) { return one.type != dns::Type::ptr && one.type != dns::Type::txt; });
    auto again = dns::decode(dns::encode(*message));
    if (again) ensure(*again == *message, "a message survives");
    else ensure(again.error() == Errc::too_long, "only compression makes it shorter");
  }
  static SeededRandom random(1);
  static Beacon beacon({}, random, TimePoint());
  static TimePoint now{};
  now += std::chrono::seconds(1);
  beacon.receive(input, now);
  for (auto& found : beacon.take_found()) {
    ensure(found.addresses.size() <= Beacon::addresses_max, "addresses are bounded");
    for (auto& one : found.addresses) ensure(one.endpoint.ip.private_range(), "and private");
  }
  return 0;
}
