#include "transport/oneshot/cookie.hpp"

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/hkdf.hpp"

namespace conclave::oneshot {
namespace {

constexpr Duration cookie_turn = std::chrono::minutes(2);

Secret<32> key_from(std::string_view label, const NodeKey& responder) {
  return *Secret<32>::from(crypto::sha256({view(label), responder}).view());
}
Mac mac(ByteView key, ByteView message) {
  auto whole = crypto::hmac_sha256(key, message);
  Mac out;
  std::copy_n(whole.view().begin(), mac_size, out.begin());
  return out;
}
ByteView mac2_in(ByteView first_message) { return first_message.last(mac_size); }

}  // namespace

MacKeys::MacKeys(const NodeKey& responder)
    : mac1(key_from("conclave oneshot 1 mac1", responder)),
      cookie(key_from("conclave oneshot 1 cookie", responder)) {}

ByteView mac1_in(ByteView first_message) { return first_message.last(2 * mac_size).first(mac_size); }

Mac mac1_of(const MacKeys& keys, ByteView first_message) {
  return mac(keys.mac1.view(), first_message.first(first_message.size() - 2 * mac_size));
}

bool mac1_holds(const MacKeys& keys, ByteView first_message) {
  return same_secret(mac1_of(keys, first_message), mac1_in(first_message));
}

bool has_mac2(ByteView first_message) {
  return std::ranges::any_of(mac2_in(first_message), [](Byte byte) { return byte != 0; });
}

void stamp(MutableBytes first_message, const MacKeys& keys, const std::optional<Mac>& cookie) {
  auto mac1 = mac1_of(keys, first_message);
  std::copy(mac1.begin(), mac1.end(), first_message.end() - 2 * mac_size);
  Mac mac2{};
  if (cookie) mac2 = mac(*cookie, first_message.first(first_message.size() - mac_size));
  std::copy(mac2.begin(), mac2.end(), first_message.end() - mac_size);
}

void CookieJar::turn(TimePoint now) {
  if (secret_ && now < turned_ + cookie_turn) return;
  // After a long pause the previous secret is as old as the pause: it goes too.
  previous_ = secret_ && now < turned_ + 2 * cookie_turn ? secret_ : std::nullopt;
  secret_.emplace();
  random_.fill(secret_->span());
  turned_ = now;
}

Mac CookieJar::cookie(const Secret<32>& secret, const io::Endpoint& from) const {
  std::array<Byte, 18> place{};
  std::copy(from.ip.bytes.begin(), from.ip.bytes.end(), place.begin());
  place[16] = static_cast<Byte>(from.port >> 8);
  place[17] = static_cast<Byte>(from.port);
  return mac(secret.view(), place);
}

bool CookieJar::proves(const io::Endpoint& from, ByteView first_message, TimePoint now) {
  auto mac2 = mac2_in(first_message);
  turn(now);
  for (auto& secret : {secret_, previous_}) {
    if (!secret) continue;
    auto expected = mac(cookie(*secret, from), first_message.first(first_message.size() - mac_size));
    if (same_secret(expected, mac2)) return true;
  }
  return false;
}

Bytes CookieJar::packet(const io::Endpoint& from, ByteView first_message, TimePoint now) {
  turn(now);
  auto asked = Header::decode(first_message);
  auto header = Header{Type::cookie, asked ? asked->index : 0}.encode();
  Bytes out(cookie_packet_size);
  auto to = std::span(out);
  std::copy(header.begin(), header.end(), to.begin());
  random_.fill(to.subspan(header_size, 24));
  crypto::Aead aead(crypto::AeadAlgorithm::xchacha20_poly1305, keys_.cookie.view());
  aead.seal_into(to.subspan(header_size + 24), to.subspan(header_size, 24), mac1_in(first_message),
                 cookie(*secret_, from));
  return out;
}

Result<Mac> open_cookie(const MacKeys& keys, ByteView packet, const Mac& mac1) {
  if (packet.size() != cookie_packet_size) return fail(Errc::malformed);
  crypto::Aead aead(crypto::AeadAlgorithm::xchacha20_poly1305, keys.cookie.view());
  Mac out;
  CHECK(aead.open_into(out, packet.subspan(header_size, 24), mac1, packet.subspan(header_size + 24)));
  return out;
}

}  // namespace conclave::oneshot
