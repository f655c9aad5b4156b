/// STUN as strangers send it: raw, and with a right FINGERPRINT and MESSAGE-INTEGRITY put behind it, since a
/// stranger with a link knows the password.
#include "crypto/ensure.hpp"
#include "transport/webrtc/ice_lite.hpp"

using namespace conclave;
using namespace conclave::webrtc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view password = "aaaaaaaaaaaaaaaaaaaaaa";
  ByteView bytes(data, size);
  if (auto message = decode_stun(bytes)) (void)message->authentic(view(password));
  (void)hear_check(bytes, password);

  if (size > 600) return 0;
  StunWriter writer(StunMessage::Class::request, {});
  writer.username(text(bytes.first(std::min<std::size_t>(size, 520)))).priority(1);
  auto good = writer.integrity(view(password)).fingerprint().bytes();
  auto verdict = hear_check(good, password);
  io::Endpoint from{io::IpAddress::v4(1, 2, 3, 4), 5};
  if (verdict.check) {
    auto answer = ice_answer(*verdict.check, from, password);
    auto read = decode_stun(answer);
    ensure(read && read->mapped == from && read->authentic(view(password)), "our answer is right");
  }
  return 0;
}
