#pragma once
/// The two MACs of a first message and the cookie between them, WireGuard's way (Donenfeld 2017, sections 5.3
/// and 5.4.4–5.4.7), with HMAC-SHA256 in place of BLAKE2s.
///
/// mac1 shows that the sender knows whom it talks to: without it a node is silent. mac2 shows that the sender
/// receives at its address; it is asked for only under load.
#include <optional>

#include "crypto/keys.hpp"
#include "transport/oneshot/packet.hpp"

namespace conclave::oneshot {

using Mac = std::array<Byte, mac_size>;

/// What everybody who knows a node's key can compute once.
struct MacKeys {
  Secret<32> mac1;
  Secret<32> cookie;
  explicit MacKeys(const NodeKey& responder);
};

/// Both MACs stand at the end of a first message, mac1 in front.
Mac mac1_of(const MacKeys& keys, ByteView first_message);
bool mac1_holds(const MacKeys& keys, ByteView first_message);
ByteView mac1_in(ByteView first_message);
/// Whether mac2 claims anything; zeros are nothing.
bool has_mac2(ByteView first_message);
/// Fills mac1, and mac2 if there is a cookie for it.
void stamp(MutableBytes first_message, const MacKeys& keys, const std::optional<Mac>& cookie);

/// The responder's side: cookies are recomputed, never stored.
class CookieJar {
 public:
  CookieJar(const MacKeys& keys, Random& random) : keys_(keys), random_(random) {}

  /// Whether mac2 was made with a cookie that this jar gave to `from` in the last two to four minutes.
  bool proves(const io::Endpoint& from, ByteView first_message, TimePoint now);
  /// The packet that gives `from` its cookie, in reply to `first_message`.
  Bytes packet(const io::Endpoint& from, ByteView first_message, TimePoint now);

 private:
  void turn(TimePoint now);
  Mac cookie(const Secret<32>& secret, const io::Endpoint& from) const;
  const MacKeys& keys_;
  Random& random_;
  std::optional<Secret<32>> secret_, previous_;
  TimePoint turned_{};
};

/// The asker's side: the cookie inside `packet`, given in reply to a first message with this mac1. Fails with
/// Errc::malformed or Errc::undecryptable.
Result<Mac> open_cookie(const MacKeys& keys, ByteView packet, const Mac& mac1);

}  // namespace conclave::oneshot
