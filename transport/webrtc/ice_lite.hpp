#pragma once
/// The listening half of ICE (RFC 8445 section 2.5, "lite"): a node has a reachable address, so it gathers
/// nothing, checks nothing and is always controlled; it answers binding requests and follows nominations.
///
/// The user name of a check is "<our ufrag>:<the page's ufrag>". Our ufrag was chosen by the page, which is how
/// a page that only holds a link says who it is; our password is in the link.
#include "transport/webrtc/stun.hpp"

namespace conclave::webrtc {

struct IceCheck {
  StunTransaction transaction{};
  std::string_view local_ufrag, remote_ufrag;
  bool nominates = false;
};

/// What to do with a STUN message that arrived: nothing (an empty answer), refuse, or go on with the check and
/// answer it with `ice_answer` once the session has accepted it.
struct IceVerdict {
  std::optional<IceCheck> check;
  Bytes refusal;  ///< to be sent back where it is not empty
};

/// RFC 8445 section 4: ice-chars, 4 to 256 of them.
bool valid_ufrag(std::string_view ufrag);

/// Checks shape, FINGERPRINT, role and MESSAGE-INTEGRITY under `password`. Whoever does not know the password
/// is not answered at all: a port scan by strangers finds silence, and nobody is made to reflect packets.
IceVerdict hear_check(ByteView datagram, std::string_view password);
Bytes ice_answer(const IceCheck& check, const io::Endpoint& from, std::string_view password);

}  // namespace conclave::webrtc
