#include "transport/webrtc/endpoint.hpp"

#include "transport/webrtc/big_endian.hpp"
#include "transport/webrtc/ice_lite.hpp"

namespace conclave::webrtc {

EndpointIdentity EndpointIdentity::make(Random& random) {
  Bytes password(24);  // 192 bits: 32 ice-chars
  random.fill(password);
  return {to_ice_chars(password), Certificate::make()};
}

std::size_t Endpoint::AddressHash::operator()(const io::Endpoint& address) const {
  std::uint64_t mixed = seed ^ address.port;
  for (std::size_t i = 0; i < 16; i += 8) {
    mixed = (mixed ^ be64(address.ip.bytes.data() + i)) * 0x9e3779b97f4a7c15;
    mixed ^= mixed >> 29;
  }
  return mixed;
}

Result<std::unique_ptr<Endpoint>> Endpoint::make(const EndpointIdentity& identity, OpenUfrag open_ufrag,
                                                 Listener& listener, Outbox::Sink sink, Random& random,
                                                 EndpointLimits limits) {
  if (identity.ice_pwd.size() < 22 || !valid_ufrag(identity.ice_pwd)) return fail(Errc::malformed);
  TRY(auto dtls, DtlsContext::make(identity.certificate));
  return std::unique_ptr<Endpoint>(new Endpoint(identity, std::move(dtls), std::move(open_ufrag), listener,
                                                std::move(sink), random, limits));
}

Endpoint::Endpoint(const EndpointIdentity& identity, std::unique_ptr<DtlsContext> dtls, OpenUfrag open_ufrag,
                   Listener& listener, Outbox::Sink sink, Random& random, EndpointLimits limits)
    : ice_pwd_(identity.ice_pwd),
      dtls_(std::move(dtls)),
      open_ufrag_(std::move(open_ufrag)),
      listener_(listener),
      limits_(limits),
      outbox_(std::move(sink)),
      by_address_(16, AddressHash{random.next()}),
      openings_(limits.openings_per_second) {}

Session* Endpoint::find(SessionId id) const {
  auto found = sessions_.find(id.raw());
  return found == sessions_.end() ? nullptr : found->second.get();
}
Session* Endpoint::find(const io::Endpoint& address) const {
  auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

void Endpoint::receive(std::span<const io::Packet> packets, TimePoint now) {
  for (auto& packet : packets) {
    if (packet.bytes.empty()) continue;
    auto first = packet.bytes[0];
    if (first < 4) {
      hear_stun(packet, now);
      continue;
    }
    auto* session = find(packet.from);
    if (!session || session->state() == Session::State::closed) {
      ++counters_.unknown;
    } else if (first >= 20 && first < 64) {
      auto before = session->state();
      session->hear_dtls(packet, now);
      follow(*session, before);
    } else if (first >= 128 && first < 192 && packet.bytes.size() <= rtp_size_max) {
      if (is_rtcp(packet.bytes)) hear_rtcp(*session, packet, now);
      else hear_rtp(*session, packet, now);
    }
  }
  sweep();
  flush();
}

void Endpoint::hear_stun(const io::Packet& packet, TimePoint now) {
  auto verdict = hear_check(packet.bytes, ice_pwd_);
  if (!verdict.refusal.empty()) outbox_.put(packet.from, packet.to, verdict.refusal);
  if (!verdict.check) return;
  auto known = by_ufrag_.find(std::string(verdict.check->local_ufrag));
  auto* session = known != by_ufrag_.end() ? known->second : open(verdict.check->local_ufrag, packet, now);
  if (!session || session->state() == Session::State::closed) return;
  auto* owner = find(packet.from);
  // A page that reloads may get its old address with a new session: the newest check wins.
  if (!session->hear_check(packet, verdict.check->nominates, now)) return;
  if (owner != session) by_address_[packet.from] = session;
  session->answer(packet, ice_answer(*verdict.check, packet.from, ice_pwd_));
  auto before = session->state();
  session->advance(now);
  follow(*session, before);
}

bool Endpoint::room_for(const io::Packet& packet, TimePoint now) {
  auto gained = std::chrono::duration<double>(now - openings_at_).count() * limits_.openings_per_second;
  openings_ = std::min(limits_.openings_per_second, openings_ + std::max(0.0, gained));
  openings_at_ = now;
  if (openings_ < 1 || sessions_.size() >= limits_.sessions_max) return false;
  openings_ -= 1;
  std::size_t handshaking = 0, neighbours = 0;
  auto network = packet.from.ip.network();
  for (auto& [id, session] : sessions_) {
    handshaking += session->state() == Session::State::handshaking;
    neighbours += session->remote().ip.network() == network;
  }
  return handshaking < limits_.handshaking_max &&
         (packet.from.ip.loopback() || neighbours < limits_.sessions_per_network_max);
}

Session* Endpoint::open(std::string_view ufrag, const io::Packet& packet, TimePoint now) {
  auto refuse = [&]() -> Session* {
    ++counters_.refused;
    return nullptr;
  };
  if (!room_for(packet, now)) return refuse();
  auto sealed = from_ice_chars(ufrag);
  if (!sealed) return refuse();
  auto clear = open_ufrag_(*sealed);
  if (!clear) return refuse();
  auto claims = decode_claims(*clear);
  if (!claims) return refuse();
  SessionId id(++last_id_);
  auto made = std::make_unique<Session>(id, std::string(ufrag), *claims, packet, *dtls_, outbox_, now);
  auto* session = made.get();
  sessions_.emplace(id.raw(), std::move(made));
  by_ufrag_.emplace(session->ufrag(), session);
  if (!listener_.opened(id, *claims, packet.from)) {
    by_ufrag_.erase(session->ufrag());
    sessions_.erase(id.raw());
    return refuse();
  }
  return session;
}

void Endpoint::hear_rtp(Session& session, const io::Packet& packet, TimePoint now) {
  auto size = session.open_rtp(packet, opened_);
  if (!size) return count(size.error());
  auto decoded = decode_rtp(ByteView(opened_).first(*size));
  if (!decoded) return count(decoded.error());
  listener_.rtp(session.id(), *decoded, now - packet.waited);
}

void Endpoint::hear_rtcp(Session& session, const io::Packet& packet, TimePoint now) {
  auto size = session.open_rtcp(packet, opened_);
  if (!size) return count(size.error());
  auto decoded = decode_rtcp(ByteView(opened_).first(*size));
  if (!decoded) return count(decoded.error());
  listener_.rtcp(session.id(), *decoded, now - packet.waited);
}

void Endpoint::count(Error error) {
  if (error == Errc::undecryptable) ++counters_.undecryptable;
  else if (error == Errc::refused) ++counters_.replayed;
  else if (error == Errc::malformed || error == Errc::too_long) ++counters_.malformed;
}

/// Tells the listener what a session has become since `before`.
void Endpoint::follow(Session& session, Session::State before) {
  if (before == Session::State::handshaking && session.state() == Session::State::connected) {
    listener_.connected(session.id());
  }
  for (auto& message : session.take_messages()) {
    if (session.state() == Session::State::closed) break;
    listener_.message(session.id(), message);
  }
  if (session.state() == Session::State::closed) ended_.push_back(session.id());
}

/// Forgets the sessions that ended, when nothing of theirs is on the call stack any more.
void Endpoint::sweep() {
  while (!ended_.empty()) {
    auto id = ended_.back();
    ended_.pop_back();
    auto found = sessions_.find(id.raw());
    if (found == sessions_.end()) continue;
    auto session = std::move(found->second);
    sessions_.erase(found);
    by_ufrag_.erase(session->ufrag());
    session->each_address([&](const io::Endpoint& address) {
      auto at = by_address_.find(address);
      if (at != by_address_.end() && at->second == session.get()) by_address_.erase(at);
    });
    listener_.closed(id, session->error());
  }
}

void Endpoint::advance(TimePoint now) {
  // The listener may open and close sessions meanwhile: ids are collected first.
  std::vector<SessionId> due;
  for (auto& [id, session] : sessions_) {
    if (session->deadline() <= now) due.push_back(SessionId(id));
  }
  for (auto id : due) {
    auto* session = find(id);
    if (!session) continue;
    auto before = session->state();
    session->advance(now);
    follow(*session, before);
  }
  sweep();
  flush();
}

TimePoint Endpoint::deadline() const {
  auto out = TimePoint::max();
  for (auto& [id, session] : sessions_) out = std::min(out, session->deadline());
  return out;
}

Result<ByteView> Endpoint::send_rtp(SessionId id, const RtpHeader& header, const RtpExtensions& extensions,
                                    ByteView head, ByteView payload, std::size_t padding) {
  auto* session = find(id);
  if (!session) return fail(Errc::closed);
  return session->send_rtp(header, extensions, head, payload, padding);
}
Result<> Endpoint::send_sealed(SessionId id, ByteView packet) {
  auto* session = find(id);
  if (!session) return fail(Errc::closed);
  return session->send_sealed(packet);
}
Result<> Endpoint::send_rtcp(SessionId id, std::span<const Rtcp> messages) {
  auto* session = find(id);
  if (!session) return fail(Errc::closed);
  return session->send_rtcp(messages);
}
Result<> Endpoint::send_message(SessionId id, std::uint16_t channel, ByteView message, bool is_text) {
  auto* session = find(id);
  if (!session) return fail(Errc::closed);
  return session->send_message(channel, message, is_text);
}

void Endpoint::close(SessionId id) {
  auto* session = find(id);
  if (!session || session->state() == Session::State::closed) return;
  session->close({});
  ended_.push_back(id);
}

const Claims* Endpoint::claims(SessionId id) const {
  auto* session = find(id);
  return session ? &session->claims() : nullptr;
}
bool Endpoint::connected(SessionId id) const {
  auto* session = find(id);
  return session && session->state() == Session::State::connected;
}

}  // namespace conclave::webrtc
