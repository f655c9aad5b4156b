#include "transport/webrtc/page.hpp"

#include <utility>

#include "crypto/ensure.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::size_t sctp_packet_max = 1160;  // with DTLS around it, a datagram of 1200 bytes
constexpr std::uint32_t host_priority = 2'130'706'431;  // RFC 8445, 5.1.2.1: the only candidate there is

}  // namespace

Page::Page(PageConfig config, const DtlsContext& dtls, Listener& listener, Sink sink, Random& random, TimePoint now)
    : config_(std::move(config)),
      listener_(listener),
      sink_(std::move(sink)),
      random_(random),
      dtls_(dtls, config_.claims.page_is_dtls_client ? Dtls::Role::client : Dtls::Role::server, config_.node),
      tie_breaker_(random.next()),
      check_at_(now),
      begun_(now),
      heard_(now) {
  Bytes own(6);
  random_.fill(own);
  username_ = config_.ufrag + ":" + to_ice_chars(own);
}

void Page::check(TimePoint now) {
  StunTransaction transaction;
  random_.fill(transaction);
  checks_.emplace_back(transaction, now);
  if (checks_.size() > checks_max) checks_.pop_front();
  check_at_ = now + (nominated_ ? check_again : check_first);
  StunWriter writer(StunMessage::Class::request, transaction);
  writer.username(username_).priority(host_priority).controlling(tie_breaker_).use_candidate();
  sink_(writer.integrity(view(config_.ice_pwd)).fingerprint().bytes());
}

void Page::hear_stun(ByteView datagram, TimePoint now) {
  auto message = decode_stun(datagram);
  // Errors are not worth a reaction: whoever knows the password could only send us away.
  if (!message || message->kind != StunMessage::Class::success) return;
  auto check = std::ranges::find(checks_, message->transaction, [](auto& each) { return each.first; });
  if (check == checks_.end() || !message->authentic(view(config_.ice_pwd))) return;
  auto round_trip = now - check->second;
  checks_.erase(checks_.begin(), check + 1);
  heard_ = now;
  rtt_ = nominated_ ? (rtt_ * 7 + round_trip) / 8 : round_trip;
  check_at_ = now + consent_every;
  if (std::exchange(nominated_, true)) return;
  // Earlier the node would not answer a ClientHello from an address that it does not know.
  dtls_.start(now);
}

void Page::hear_rtp(ByteView datagram, TimePoint now) {
  std::array<Byte, rtp_size_max + 64> opened;
  auto size = receiver_->unprotect_rtp(datagram, opened);
  if (!size) {
    ++(size.error() == Errc::refused ? counters_.replayed : counters_.undecryptable);
    return;
  }
  heard_ = now;
  auto packet = decode_rtp(ByteView(opened).first(*size));
  if (packet) listener_.rtp(*packet, now);
  else ++counters_.malformed;
}

void Page::hear_rtcp(ByteView datagram, TimePoint now) {
  std::array<Byte, rtp_size_max + 64> opened;
  auto size = receiver_->unprotect_rtcp(datagram, opened);
  if (!size) {
    ++(size.error() == Errc::refused ? counters_.replayed : counters_.undecryptable);
    return;
  }
  heard_ = now;
  auto messages = decode_rtcp(ByteView(opened).first(*size));
  if (messages) listener_.rtcp(*messages, now);
  else ++counters_.malformed;
}

void Page::receive(ByteView datagram, TimePoint now) {
  if (state_ == State::closed || datagram.empty() || datagram.size() > rtp_size_max) return;
  if (looks_like_stun(datagram)) {
    hear_stun(datagram, now);
  } else if (datagram[0] >= 20 && datagram[0] < 64) {
    dtls_.receive(datagram, now);
  } else if (datagram[0] >= 128 && datagram[0] < 192 && receiver_) {
    if (is_rtcp(datagram)) hear_rtcp(datagram, now);
    else hear_rtp(datagram, now);
  }
  settle(now);
}

/// Carries between the layers what the last step has made.
void Page::settle(TimePoint now) {
  if (state_ == State::closed) return;
  if (dtls_.state() == Dtls::State::connected && !sender_) {
    auto [ours, theirs] = dtls_.srtp_keys();
    sender_.emplace(ours);
    receiver_.emplace(theirs);
    heard_ = now;
    if (config_.claims.data_channel) {
      sctp_ = std::make_unique<Sctp>(sctp_packet_max);
      sctp_tick_ = now + Sctp::tick;
    }
  }
  std::vector<Sctp::Message> messages;
  if (sctp_) {
    for (auto& packet : dtls_.take_messages()) sctp_->receive(packet, now);
    for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
    messages = sctp_->take_messages();
  }
  for (auto& datagram : dtls_.take_datagrams()) sink_(datagram);
  if (dtls_.state() == Dtls::State::closed) return over(dtls_.error());
  if (sctp_ && sctp_->state() == Sctp::State::closed) return over(Errc::closed);
  bool open = sender_ && (!sctp_ || sctp_->state() == Sctp::State::connected);
  if (open && state_ == State::connecting) {
    state_ = State::connected;
    listener_.connected();
  }
  for (auto& message : messages) {
    if (state_ == State::closed) return;
    listener_.message(message);
  }
}

void Page::advance(TimePoint now) {
  if (state_ == State::closed) return;
  dtls_.advance(now);
  if (sctp_ && now >= sctp_tick_) {
    Sctp::advance(now);
    sctp_tick_ = now + Sctp::tick;
  }
  settle(now);
  if (state_ == State::connecting && now - begun_ >= connect_max) return over(Errc::timed_out);
  if (state_ == State::connected && now - heard_ >= silence_max) return over(Errc::timed_out);
  if (state_ != State::closed && now >= check_at_) check(now);
}

TimePoint Page::deadline() const {
  if (state_ == State::closed) return TimePoint::max();
  auto limit = state_ == State::connecting ? begun_ + connect_max : heard_ + silence_max;
  return std::min({limit, check_at_, dtls_.deadline(), sctp_tick_});
}

Result<std::size_t> Page::send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView head,
                                   ByteView payload) {
  if (state_ != State::connected) return fail(Errc::closed);
  std::array<Byte, rtp_size_max> packet;
  if (rtp_header_room + head.size() + payload.size() + srtp_overhead > packet.size()) return fail(Errc::too_long);
  auto size = write_rtp_header(packet, header, extensions, config_.claims.extensions);
  std::ranges::copy(head, packet.begin() + static_cast<std::ptrdiff_t>(size));
  std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(size + head.size()));
  TRY(auto sealed, sender_->protect_rtp(packet, size + head.size() + payload.size()));
  sink_(ByteView(packet).first(sealed));
  return sealed;
}

Result<> Page::send_rtcp(std::span<const Rtcp> messages) {
  if (state_ != State::connected) return fail(Errc::closed);
  // Several compound packets rather than one that no path carries: feedback on many streams grows.
  Bytes packet;
  auto leave = [&]() -> Result<> {
    auto size = packet.size();
    packet.resize(size + srtcp_overhead);
    TRY(auto sealed, sender_->protect_rtcp(packet, size));
    sink_(ByteView(packet).first(sealed));
    packet.clear();
    return {};
  };
  for (auto& message : messages) {
    Bytes one;
    encode_rtcp(message, one);
    if (packet.size() + one.size() + srtcp_overhead > Dtls::datagram_max && !packet.empty()) CHECK(leave());
    append(packet, one);
  }
  return packet.empty() ? Result<>() : leave();
}

Result<> Page::send_message(std::string_view text) {
  if (state_ != State::connected || !sctp_) return fail(Errc::closed);
  CHECK(sctp_->send(0, view(text), true));
  for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
  for (auto& datagram : dtls_.take_datagrams()) sink_(datagram);
  return {};
}

void Page::close() {
  if (state_ == State::closed) return;
  if (sctp_) {
    sctp_->close();
    for (auto& packet : sctp_->take_packets()) (void)dtls_.send(packet);
  }
  dtls_.close();
  for (auto& datagram : dtls_.take_datagrams()) sink_(datagram);
  state_ = State::closed;
}

void Page::over(Error why) {
  state_ = State::closed;
  listener_.closed(why);
}

}  // namespace conclave::webrtc
