/// The page's end as a node meets it that knows everything but our keys: datagrams cut out of the input with a length
/// in front of each, among them authentic answers to our checks and DTLS flights, while time passes.
#include "tests/fuzz/fuzz.hpp"
#include "transport/webrtc/ice_lite.hpp"
#include "transport/webrtc/page.hpp"

using namespace conclave;
using namespace conclave::webrtc;

namespace {

struct Silent final : Page::Listener {
  bool over = false;
  void connected() override {}
  void rtp(const RtpPacket&, TimePoint) override {}
  void rtcp(std::span<const Rtcp>, TimePoint) override {}
  void message(const Sctp::Message&) override {}
  void closed(Error) override {
    ensure(!over, "a page ends once");
    over = true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  auto choice = fuzz::take_choice(rest);
  static SeededRandom random(1);
  static const auto certificate = Certificate::make();
  static const auto context = *DtlsContext::make(certificate);
  static TimePoint now{std::chrono::hours(1)};
  const std::string password = "passwordpasswordpassword";
  Silent listener;
  Bytes last;
  std::size_t sent = 0;
  Claims claims;
  claims.page = certificate.fingerprint();
  claims.page_is_dtls_client = (choice & 1) != 0;
  Page page({password, certificate.fingerprint(), to_ice_chars(encode(claims)), claims}, *context, listener,
            [&](ByteView bytes) {
              ++sent;
              if (looks_like_stun(bytes)) last = copy(bytes);
            },
            random, now);
  page.advance(now);
  if ((choice & 2) != 0) {
    auto verdict = hear_check(last, password);
    ensure(verdict.check.has_value(), "our checks are checks");
    page.receive(ice_answer(*verdict.check, {io::IpAddress::v4(1, 2, 3, 4), 5}, password), now);
  }
  while (rest.size() > 2) {
    auto length = std::min<std::size_t>((std::size_t{rest[0]} << 8 | rest[1]) % 1600, rest.size() - 2);
    page.receive(rest.subspan(2, length), now);
    rest = rest.subspan(2 + length);
    now += Duration(50'000);
    if (page.deadline() <= now) page.advance(now);
  }
  ensure(page.state() != Page::State::connected, "nobody connects without the certificate's key");
  ensure(sent < 4096, "a node does not make us flood");
  page.close();
  return 0;
}
