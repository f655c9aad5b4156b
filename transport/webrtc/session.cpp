#include "transport/webrtc/session.hpp"

#include "crypto/ensure.hpp"

namespace conclave::webrtc {

Session::Session(SessionId id, std::string ufrag, Claims claims, const io::Packet& first, const DtlsContext& dtls,
                 Outbox& outbox, TimePoint now)
    : id_(id),
      ufrag_(std::move(ufrag)),
      claims_(std::move(claims)),
      outbox_(outbox),
      dtls_(dtls, claims_.page_is_dtls_client ? Dtls::Role::server : Dtls::Role::client, claims_.page),
      paths_{{first.from, first.to}},
      consent_(now),
      handshake_deadline_(now + handshake_max) {}

Session::Path* Session::find(const io::Endpoint& remote) {
  // The selected path carries nearly everything.
  if (paths_[selected_].remote == remote) return &paths_[selected_];
  for (auto& path : paths_) {
    if (path.remote == remote) return &path;
  }
  return nullptr;
}

bool Session::allowed(Path& path, std::size_t size) {
  if (!path.proven && path.sent + size > amplification * path.received) return false;
  path.sent += size;
  return true;
}

std::optional<io::IpAddress> Session::source(const Path& path) const {
  if (path.local.unspecified()) return std::nullopt;
  return path.local;
}

bool Session::hear_check(const io::Packet& packet, bool nominates, TimePoint now) {
  auto* path = find(packet.from);
  if (!path) {
    if (paths_.size() == paths_max) return false;
    paths_.push_back({packet.from, packet.to});
    path = &paths_.back();
  }
  path->received += packet.bytes.size();
  path->local = packet.to;
  consent_ = now;
  if (nominates) selected_ = static_cast<std::size_t>(path - paths_.data());
  return true;
}

void Session::answer(const io::Packet& to, ByteView bytes) {
  auto* path = find(to.from);
  if (path && allowed(*path, bytes.size())) outbox_.put(path->remote, source(*path), bytes);
}

void Session::prove(const io::Packet& packet) {
  if (auto* path = find(packet.from)) path->proven = true;
}

void Session::hear_dtls(const io::Packet& packet, TimePoint now) {
  auto* path = find(packet.from);
  if (!path || state_ == State::closed) return;
  path->received += packet.bytes.size();
  dtls_.receive(packet.bytes, now);
  if (dtls_.state() == Dtls::State::connected) path->proven = true;
  settle(now);
}

/// Follows what DTLS and SCTP have become, and sends what they want sent.
void Session::settle(TimePoint now) {
  if (!started_) {
    started_ = true;
    dtls_.start(now);
  }
  if (state_ == State::handshaking && dtls_.state() == Dtls::State::connected) {
    state_ = State::connected;
    auto [ours, theirs] = dtls_.srtp_keys();
    sender_.emplace(ours);
    receiver_.emplace(theirs);
    if (claims_.data_channel) {
      sctp_ = std::make_unique<Sctp>(Dtls::datagram_max - Dtls::overhead);
      sctp_tick_ = now + Sctp::tick;
    }
  }
  if (sctp_) {
    for (auto& packet : dtls_.take_messages()) sctp_->receive(packet, now);
    for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
    // A page that closes its connection aborts the association: the quickest word of it that we get.
    if (sctp_->state() == Sctp::State::closed && state_ == State::connected) close({});
  }
  pass_dtls();
  if (dtls_.state() == Dtls::State::closed && state_ != State::closed) {
    state_ = State::closed;
    error_ = dtls_.error();
  }
}

void Session::pass_dtls() {
  auto& path = paths_[selected_];
  for (auto& datagram : dtls_.take_datagrams()) {
    if (allowed(path, datagram.size())) outbox_.put(path.remote, source(path), datagram);
  }
}

Result<std::size_t> Session::open_rtp(const io::Packet& packet, MutableBytes into) {
  if (!receiver_ || state_ != State::connected) return fail(Errc::closed);
  TRY(auto size, receiver_->unprotect_rtp(packet.bytes, into));
  prove(packet);
  return size;
}

Result<std::size_t> Session::open_rtcp(const io::Packet& packet, MutableBytes into) {
  if (!receiver_ || state_ != State::connected) return fail(Errc::closed);
  TRY(auto size, receiver_->unprotect_rtcp(packet.bytes, into));
  prove(packet);
  return size;
}

void Session::advance(TimePoint now) {
  if (state_ == State::closed) return;
  if (now >= consent_ + consent_max || (state_ == State::handshaking && now >= handshake_deadline_)) {
    close(Errc::timed_out);
    return;
  }
  dtls_.advance(now);
  if (now >= sctp_tick_) {
    Sctp::advance(now);
    sctp_tick_ = now + Sctp::tick;
  }
  settle(now);
}

TimePoint Session::deadline() const {
  if (state_ == State::closed) return TimePoint::max();
  auto out = std::min({consent_ + consent_max, dtls_.deadline(), sctp_tick_});
  if (state_ == State::handshaking) out = std::min(out, handshake_deadline_);
  // A fresh session starts its handshake at once.
  return started_ ? out : consent_;
}

Result<ByteView> Session::send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView head,
                                      ByteView payload, std::size_t padding) {
  if (!sender_ || state_ != State::connected) return fail(Errc::closed);
  auto room_size = rtp_header_room + head.size() + payload.size() + padding + srtp_overhead;
  if (room_size > rtp_size_max) return fail(Errc::too_long);
  auto room = outbox_.room(room_size);
  auto size = write_rtp_header(room, header, extensions, claims_.extensions);
  if (!head.empty()) std::memcpy(room.data() + size, head.data(), head.size());
  size += head.size();
  if (!payload.empty()) std::memcpy(room.data() + size, payload.data(), payload.size());
  size += payload.size();
  if (padding > 0) {
    pad_rtp(room, size, padding);
    size += padding;
  }
  TRY(size, sender_->protect_rtp(room, size));
  auto& path = paths_[selected_];
  if (!allowed(path, size)) return fail(Errc::refused);
  outbox_.commit(path.remote, source(path), size);
  return outbox_.last();
}

Result<> Session::send_sealed(ByteView packet) {
  if (state_ != State::connected) return fail(Errc::closed);
  auto& path = paths_[selected_];
  if (!allowed(path, packet.size())) return fail(Errc::refused);
  outbox_.put(path.remote, source(path), packet);
  return {};
}

Result<> Session::send_rtcp(std::span<const Rtcp> messages) {
  if (!sender_ || state_ != State::connected) return fail(Errc::closed);
  Bytes compound;
  for (auto& message : messages) encode_rtcp(message, compound);
  auto size = compound.size();
  if (size + srtcp_overhead > rtp_size_max) return fail(Errc::too_long);
  compound.resize(size + srtcp_overhead);
  TRY(size, sender_->protect_rtcp(compound, size));
  auto& path = paths_[selected_];
  if (!allowed(path, size)) return fail(Errc::refused);
  outbox_.put(path.remote, source(path), ByteView(compound).first(size));
  return {};
}

Result<> Session::send_message(std::uint16_t channel, ByteView message, bool is_text) {
  if (!sctp_ || state_ != State::connected) return fail(Errc::closed);
  CHECK(sctp_->send(channel, message, is_text));
  for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
  pass_dtls();
  return {};
}

std::vector<Sctp::Message> Session::take_messages() {
  return sctp_ ? sctp_->take_messages() : std::vector<Sctp::Message>();
}

void Session::close(Error why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  error_ = why;
  if (sctp_) {
    sctp_->close();
    for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
  }
  dtls_.close();
  pass_dtls();
}

}  // namespace conclave::webrtc
