/// Two data channel ends, and an attacker with the keys between them: the input says which packets are changed
/// and how. Checksums are switched off, or nothing would get past them.
#include <usrsctp.h>

#include "transport/webrtc/dcep.hpp"
#include "transport/webrtc/sctp.hpp"

using namespace conclave;
using namespace conclave::webrtc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static TimePoint now{std::chrono::hours(1)};
  (void)decode_channel_open({data, size});
  Sctp a(1160), b(1160);
  usrsctp_enable_crc32c_offload();
  std::size_t at = 0;
  auto next = [&]() -> Byte { return at < size ? data[at++] : Byte{0}; };
  auto carry = [&](Sctp& from, Sctp& to) {
    for (auto& packet : from.take_packets()) {
      // Three bytes of input: how many changes, where, what.
      for (auto changes = next() % 4; changes > 0 && !packet.empty(); --changes) {
        auto where = static_cast<std::size_t>(next()) * 4 + next() % 4;
        packet[where % packet.size()] = next();
      }
      to.receive(packet, now);
    }
    (void)to.take_messages();
  };
  for (int i = 0; i < 30; ++i) {
    carry(a, b);
    carry(b, a);
    if (i == 5) (void)a.send(0, Bytes(2000, Byte{1}), false);
    if (i == 8) (void)b.send(0, view("x"), true);
    now += Sctp::tick;
    Sctp::advance(now);
  }
  return 0;
}
