#include "transport/webrtc/ice_lite.hpp"

namespace conclave::webrtc {

bool valid_ufrag(std::string_view ufrag) {
  if (ufrag.size() < 4 || ufrag.size() > 256) return false;
  return std::ranges::all_of(ufrag, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
  });
}

IceVerdict hear_check(ByteView datagram, std::string_view password) {
  auto message = decode_stun(datagram);
  if (!message || !message->fingerprint) return {};
  if (message->kind != StunMessage::Class::request || message->method != StunMessage::binding) return {};
  if (!message->authentic(view(password))) return {};

  auto refuse = [&](std::uint16_t code, std::string_view reason) {
    StunWriter writer(StunMessage::Class::error, message->transaction);
    writer.error(code, reason);
    if (code == 420) writer.unknown_attribute(*message->unknown);
    return IceVerdict{std::nullopt, writer.integrity(view(password)).fingerprint().bytes()};
  };
  if (message->unknown) return refuse(420, "Unknown Attribute");
  // A lite agent never controls: whoever claims to be controlled has to change its mind (section 7.3.1.1).
  if (message->controlled) return refuse(487, "Role Conflict");
  auto colon = message->username.find(':');
  if (colon == std::string_view::npos) return refuse(400, "Bad Request");
  IceCheck check{message->transaction, message->username.substr(0, colon), message->username.substr(colon + 1),
                 message->use_candidate};
  if (!valid_ufrag(check.local_ufrag) || !valid_ufrag(check.remote_ufrag)) return refuse(400, "Bad Request");
  return {check, {}};
}

Bytes ice_answer(const IceCheck& check, const io::Endpoint& from, std::string_view password) {
  return StunWriter(StunMessage::Class::success, check.transaction)
      .mapped(from)
      .integrity(view(password))
      .fingerprint()
      .bytes();
}

}  // namespace conclave::webrtc
