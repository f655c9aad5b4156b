#include "tests/transport/webrtc/native_page.hpp"

namespace conclave::webrtc::test {

Claims chromium_claims(const Fingerprint& page) {
  Claims claims;
  claims.page = page;
  claims.payload_types = {111, 96, 97, 98, 99};
  claims.extensions = {4, 10, 11, 1, 2, 3};
  claims.proof = Bytes(Claims::proof_max, Byte{0x77});
  return claims;
}

NativePage::NativePage(const EndpointIdentity& remote, io::Endpoint address, Claims claims, Certificate certificate)
    : remote_(remote),
      address_(address),
      claims_(std::move(claims)),
      context_(*DtlsContext::make(certificate)),
      dtls_(std::make_unique<Dtls>(*context_, claims_.page_is_dtls_client ? Dtls::Role::client : Dtls::Role::server,
                                   remote.certificate.fingerprint())) {}

void NativePage::put(ByteView bytes) {
  bytes_sent += bytes.size();
  out_.push_back(copy(bytes));
}

void NativePage::check(bool nominate) {
  StunTransaction transaction{};
  transaction[0] = ++checks_;
  StunWriter writer(StunMessage::Class::request, transaction);
  writer.username(ufrag_of(claims_) + ":page").priority(1).controlling(7);
  if (nominate) writer.use_candidate();
  put(writer.integrity(view(remote_.ice_pwd)).fingerprint().bytes());
}

void NativePage::receive(ByteView datagram, TimePoint now) {
  now_ = now;
  bytes_received += datagram.size();
  if (looks_like_stun(datagram)) {
    auto message = decode_stun(datagram);
    if (message && message->kind == StunMessage::Class::success && message->authentic(view(remote_.ice_pwd)) &&
        message->mapped == address_) {
      // The first answer: a page that is the DTLS client speaks now.
      if (answers++ == 0) dtls_->start(now);
    }
  } else if (datagram[0] < 64) {
    dtls_->receive(datagram, now);
  } else if (receiver_) {
    Bytes opened(datagram.size());
    auto size = is_rtcp(datagram) ? receiver_->unprotect_rtcp(datagram, opened)
                                  : receiver_->unprotect_rtp(datagram, opened);
    if (!size) {
      ++undecryptable;
    } else if (opened.resize(*size); is_rtcp(datagram)) {
      if (auto read = decode_rtcp(opened)) reports.insert(reports.end(), read->begin(), read->end());
    } else {
      packets.push_back(std::move(opened));
    }
  }
  settle();
}

void NativePage::settle() {
  if (connected() && !sender_) {
    auto [ours, theirs] = dtls_->srtp_keys();
    sender_.emplace(ours);
    receiver_.emplace(theirs);
    if (claims_.data_channel) sctp_ = std::make_unique<Sctp>(1160);
  }
  if (sctp_) {
    for (auto& packet : dtls_->take_messages()) sctp_->receive(packet, now_);
    for (auto& packet : sctp_->take_packets()) (void)dtls_->send(packet);
    for (auto& message : sctp_->take_messages()) messages.push_back(std::move(message));
  }
  for (auto& datagram : dtls_->take_datagrams()) put(datagram);
}

void NativePage::advance(TimePoint now) {
  now_ = now;
  dtls_->advance(now);
  if (sctp_) Sctp::advance(now);
  settle();
}

void NativePage::send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView payload) {
  Bytes packet(rtp_header_room + payload.size() + srtp_overhead);
  auto size = write_rtp_header(packet, header, extensions, claims_.extensions);
  std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(size));
  packet.resize(*sender_->protect_rtp(packet, size + payload.size()));
  put(packet);
}

void NativePage::send_rtcp(const Rtcp& message) {
  Bytes packet;
  encode_rtcp(message, packet);
  auto size = packet.size();
  packet.resize(size + srtcp_overhead);
  packet.resize(*sender_->protect_rtcp(packet, size));
  put(packet);
}

Result<> NativePage::send_message(std::uint16_t channel, ByteView message, bool is_text) {
  auto sent = sctp_->send(channel, message, is_text);
  settle();
  return sent;
}

}  // namespace conclave::webrtc::test
