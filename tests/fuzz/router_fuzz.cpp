// What somebody who says that he is the router answers over UPnP: the description, the replies, the address. The
// parsers are miniupnpc's; what we do with their fields is here as in transport/nat/upnp.cpp.
#include <miniupnpc/igd_desc_parse.h>
#include <miniupnpc/upnpreplyparse.h>

#include "tests/fuzz/fuzz.hpp"
#include "transport/io/endpoint.hpp"

extern "C" void parserootdesc(const char* buffer, int size, IGDdatas* data);

using namespace conclave;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  const auto choice = fuzz::take_choice(input);
  if (input.empty()) return 0;  // the library never hands an empty answer on
  // A copy of exactly this size, so that reading behind its end is seen.
  const Bytes bytes = copy(input);
  const auto* reply = reinterpret_cast<const char*>(bytes.data());
  switch (choice % 3) {
    case 0: {
      IGDdatas description{};
      parserootdesc(reply, static_cast<int>(bytes.size()), &description);
      break;
    }
    case 1: {
      NameValueParserData fields{};
      ParseNameValue(reply, static_cast<int>(bytes.size()), &fields);
      if (const char* address = GetValueFromNameValueList(&fields, "NewExternalIPAddress"))
        (void)io::IpAddress::parse(address);
      ClearNameValueList(&fields);
      break;
    }
    case 2:
      if (auto ip = io::IpAddress::parse(text(input))) ensure(io::IpAddress::parse(ip->text()) == *ip, "one address");
      if (auto at = io::Endpoint::parse(text(input))) ensure(io::Endpoint::parse(at->text()) == *at, "one endpoint");
      break;
  }
  return 0;
}
