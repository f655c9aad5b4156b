// Pages: who may connect, and what they say.
#include <algorithm>

#include "crypto/hpke.hpp"
#include "node/calls/host_state.hpp"

namespace conclave::calls {

Result<Bytes> Host::open_ufrag(ByteView sealed) const {
  return hpke::open(X25519Pair::of(parts_.keys), ufrag_info(parts_.keys.public_key()), {}, sealed);
}

Result<Host::Opened> Host::open(const ConferenceKey& conference, webrtc::Claims claims) {
  if (!find(conference)) return fail(Errc::not_found);
  if (tickets_.size() >= tickets_max) tickets_.erase(tickets_.begin());
  auto token = parts_.random.fixed<Token>();
  tickets_[token] = {conference, claims.page};
  claims.proof = copy(token);
  auto ours = X25519Pair::of(parts_.keys);
  TRY(auto sealed, hpke::seal(ours.public_key, ufrag_info(parts_.keys.public_key()), {}, encode(claims), parts_.random));
  // The page is on this machine. Loopback leads here, but not every browser goes there (Firefox does not by default).
  const auto port = parts_.demux.socket().local_port();
  std::vector<io::Endpoint> at{{io::IpAddress::v4(127, 0, 0, 1), port}};
  for (const auto& address : parts_.addresses()) {
    const bool direct = address.transport == address::PeerAddress::Transport::nquic && !address.relay && address.endpoint.port == port;
    if (direct && at.size() < Opened::places_max && std::ranges::find(at, address.endpoint) == at.end()) at.push_back(address.endpoint);
  }
  return Opened{std::move(at), identity_.ice_pwd, identity_.certificate.fingerprint(), webrtc::to_ice_chars(sealed)};
}

/// A ticket of our own page, an invite's proof, or nothing: who knocks. Nothing is known of the page's certificate
/// yet but what it claims; DTLS proves that.
bool Host::opened(webrtc::SessionId session, const webrtc::Claims& claims, const io::Endpoint&) {
  if (claims.proof.size() == Token::size) {
    auto ticket = tickets_.find(*Token::from(claims.proof));
    if (ticket == tickets_.end() || ticket->second.page != claims.page) return false;
    sessions_[session] = ticket->second.conference;
    tickets_.erase(ticket);
    return true;
  }
  std::vector<ConferenceKey> conferences;
  for (const auto& [key, hosted] : rooms_) conferences.push_back(key);
  if (claims.proof.empty()) {
    // Knockers do not say where: their hello does. One conference at a time is what a home node has.
    if (conferences.empty()) return false;
    sessions_[session] = conferences.front();
    return true;
  }
  auto shown = open_proof(claims.proof, claims.page, identity_.certificate.fingerprint(), conferences, parts_.clock.unix_now());
  if (!shown) return false;
  // A revoked or full invite still gets a data channel, in which its page is told why.
  sessions_[session] = shown->conference;
  return true;
}

void Host::connected(webrtc::SessionId session) {
  auto found = sessions_.find(session);
  auto* hosted = found == sessions_.end() ? nullptr : find(found->second);
  const auto* claims = endpoint_->claims(session);
  if (!hosted || !claims) return endpoint_->close(session);
  hosted->live.page_came(session, *claims);
  if (!hosted->kept) {
    hosted->kept = true;
    scope_.start(keep_room(found->second));
  }
}

void Host::rtp(webrtc::SessionId session, const webrtc::RtpPacket& packet, TimePoint arrival) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (auto* hosted = find(found->second)) hosted->live.on_rtp(session, packet, arrival);
}

void Host::rtcp(webrtc::SessionId session, std::span<const webrtc::Rtcp> messages, TimePoint arrival) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (auto* hosted = find(found->second)) hosted->live.on_rtcp(session, messages, arrival);
}

void Host::message(webrtc::SessionId session, const webrtc::Sctp::Message& message) {
  auto found = sessions_.find(session);
  if (found == sessions_.end() || !message.text || message.channel != 0) return;
  auto* hosted = find(found->second);
  if (!hosted) return;
  // Who knocks names its conference in the hello.
  if (auto first = decode_signal(text(message.bytes)); first && std::holds_alternative<PageHello>(*first)) {
    auto named = std::get<PageHello>(*first).conference;
    auto* other = find(named);
    if (named != found->second && other && !hosted->live.room().member_of(session)) {
      hosted->live.page_went(session);
      found->second = named;
      other->live.page_came(session, *endpoint_->claims(session));
      hosted = other;
    }
  }
  hosted->live.page_message(session, text(message.bytes));
}

void Host::closed(webrtc::SessionId session, Error) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (auto* hosted = find(found->second)) hosted->live.page_went(session);
  sessions_.erase(found);
}

void Host::roster_changed(const ConferenceKey& conference) {
  if (auto* hosted = find(conference)) hosted->statements_kept = false;
  if (changed_) changed_(conference);
}

}  // namespace conclave::calls
