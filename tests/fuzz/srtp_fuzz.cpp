// SRTP and SRTCP as they come from a page's address: raw packets, and a genuine one that is damaged, repeated or cut.
#include "tests/fuzz/fuzz.hpp"
#include "transport/webrtc/srtp.hpp"

using namespace conclave;
using namespace conclave::webrtc;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2000) return 0;
  ByteView input(data, size);
  const auto choice = fuzz::take_choice(input);
  const SrtpKeys keys{*Secret<16>::from(Bytes(16, 3)), *Secret<12>::from(Bytes(12, 4))};
  SrtpSender sender(keys);
  SrtpReceiver receiver(keys);
  const bool control = (choice & 1) != 0;
  auto open = [&](ByteView packet) {
    Bytes out(packet.size() + 64);
    auto opened = control ? receiver.unprotect_rtcp(packet, out) : receiver.unprotect_rtp(packet, out);
    if (opened) ensure(*opened <= packet.size(), "what is opened is shorter");
    return opened.has_value();
  };
  if ((choice & 2) == 0) {
    ensure(!open(input), "nobody sealed this");
    return 0;
  }
  // The page's own: any packet that is one.
  Bytes packet = copy(input);
  packet.resize(input.size() + srtcp_overhead);
  auto sealed = control ? sender.protect_rtcp(packet, input.size()) : sender.protect_rtp(packet, input.size());
  if (!sealed) return 0;
  packet.resize(*sealed);
  if ((choice & 4) != 0) {
    auto damaged = packet;
    damaged[choice / 8 % damaged.size()] ^= 0x40;
    ensure(!open(damaged), "a damaged packet does not open");
    ensure(!open(ByteView(packet).first(packet.size() - 1)), "nor one that was cut");
  }
  ensure(open(packet), "what was sealed opens");
  ensure(!open(packet), "once");
  return 0;
}
