#pragma once
/// The other end of an endpoint for tests: what a page does, in C++ and without a socket. It checks, nominates,
/// answers DTLS, speaks SRTP and data channels.
#include <utility>

#include "transport/webrtc/endpoint.hpp"
#include "transport/webrtc/stun.hpp"

namespace conclave::webrtc::test {

/// Payload types and extensions as Chromium numbers them.
Claims chromium_claims(const Fingerprint& page);

class NativePage {
 public:
  /// `address` is where it lives; `ufrag` what it chose for the endpoint.
  NativePage(const EndpointIdentity& remote, io::Endpoint address, Claims claims, Certificate certificate);

  static std::string ufrag_of(const Claims& claims) { return to_ice_chars(encode(claims)); }

  /// Sends a check; every page does so until answered, and for consent later.
  void check(bool nominate = true);
  void receive(ByteView datagram, TimePoint now);
  void advance(TimePoint now);
  TimePoint deadline() const { return dtls_->deadline(); }
  std::vector<Bytes> take() { return std::exchange(out_, {}); }

  void send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView payload);
  void send_rtcp(const Rtcp& message);
  Result<> send_message(std::uint16_t channel, ByteView message, bool is_text);

  const io::Endpoint& address() const { return address_; }
  bool connected() const { return dtls_->state() == Dtls::State::connected; }
  bool over() const { return dtls_->state() == Dtls::State::closed; }
  bool channel_open() const { return sctp_ && sctp_->state() == Sctp::State::connected; }

  std::size_t answers = 0;  ///< authentic STUN successes
  std::vector<Bytes> packets;  ///< RTP in clear
  std::vector<Rtcp> reports;
  std::vector<Sctp::Message> messages;
  std::size_t undecryptable = 0;
  std::uint64_t bytes_received = 0, bytes_sent = 0;

 private:
  void settle();
  void put(ByteView bytes);
  EndpointIdentity remote_;
  io::Endpoint address_;
  Claims claims_;
  std::unique_ptr<DtlsContext> context_;
  std::unique_ptr<Dtls> dtls_;
  std::unique_ptr<Sctp> sctp_;
  std::optional<SrtpSender> sender_;
  std::optional<SrtpReceiver> receiver_;
  std::vector<Bytes> out_;
  TimePoint now_{};
  Byte checks_ = 0;
};

}  // namespace conclave::webrtc::test
