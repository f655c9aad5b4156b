/// The endpoint as whoever holds a link meets it: an address it knows sends anything (DTLS flights, RTP, checks),
/// cut out of the input with a length in front of each datagram, and time passes.
#include "crypto/ensure.hpp"
#include "transport/webrtc/endpoint.hpp"
#include "transport/webrtc/stun.hpp"

using namespace conclave;
using namespace conclave::webrtc;

namespace {

struct Silent final : Endpoint::Listener {
  SessionId last;
  bool opened(SessionId session, const Claims&, const io::Endpoint&) override {
    last = session;
    return true;
  }
  void connected(SessionId) override {}
  void rtp(SessionId, const RtpPacket&, TimePoint) override {}
  void rtcp(SessionId, std::span<const Rtcp>, TimePoint) override {}
  void message(SessionId, const Sctp::Message&) override {}
  void closed(SessionId, Error) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static SeededRandom random(1);
  static const auto identity = EndpointIdentity::make(random);
  static Silent listener;
  static std::size_t sent, received;
  static TimePoint now{std::chrono::hours(1)};
  // One endpoint for all inputs: making one costs more than an input does. Each leaves no session behind.
  static const auto endpoint = *Endpoint::make(
      identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, listener,
      [](std::span<const Outbox::Datagram> datagrams) {
        for (auto& datagram : datagrams) sent += datagram.bytes.size();
      },
      random);
  sent = received = 0;
  Claims claims;
  claims.page_is_dtls_client = (data[0] & 1) != 0;
  auto check = StunWriter(StunMessage::Class::request, {})
                   .username(to_ice_chars(encode(claims)) + ":page")
                   .controlling(1)
                   .use_candidate()
                   .integrity(view(identity.ice_pwd))
                   .fingerprint()
                   .bytes();
  auto deliver = [&](ByteView bytes) {
    io::Packet packet{{io::IpAddress::v4(1, 2, 3, 4), 5}, io::IpAddress::v4(5, 6, 7, 8), bytes};
    received += bytes.size();
    endpoint->receive({&packet, 1}, now);
  };
  deliver(check);
  for (ByteView rest(data + 1, size - 1); rest.size() > 2;) {
    auto length = std::min<std::size_t>((std::size_t{rest[0]} << 8 | rest[1]) % 1500, rest.size() - 2);
    deliver(rest.subspan(2, length));
    rest = rest.subspan(2 + length);
    now += Duration(100'000);
    if (endpoint->deadline() <= now) endpoint->advance(now);
  }
  ensure(sent <= 3 * received, "an address that proved nothing costs no more than three times what it sent");
  endpoint->close(listener.last);
  now += Duration(100'000);
  endpoint->advance(now);
  ensure(endpoint->sessions() == 0, "a closed session is forgotten");
  return 0;
}
