#pragma once
/// One page's connection: the addresses that ICE has proven, DTLS, SRTP and the data channel. Made and driven by
/// `Endpoint`, which owns the map from addresses to sessions.
#include <optional>

#include "crypto/strong.hpp"
#include "transport/io/datagrams.hpp"
#include "transport/webrtc/claims.hpp"
#include "transport/webrtc/dtls.hpp"
#include "transport/webrtc/outbox.hpp"
#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/sctp.hpp"

namespace conclave::webrtc {

using SessionId = Strong<struct SessionIdTag, std::uint32_t>;

class Session {
 public:
  enum class State : Byte { handshaking, connected, closed };
  /// Candidate pairs that a page may try; a laptop with two networks and both families has four.
  static constexpr std::size_t paths_max = 8;
  /// A page that is alive asks for consent every few seconds (RFC 7675); one that is silent has gone.
  static constexpr Duration consent_max{15'000'000};
  static constexpr Duration handshake_max{15'000'000};
  /// What an address may cost us before it has shown that it wants us: ICE-lite validates nothing, so that
  /// whoever holds a link could name a victim's address as his own.
  static constexpr std::uint64_t amplification = 3;

  /// `first` is the check that opened it; it still has to be heard.
  Session(SessionId id, std::string ufrag, Claims claims, const io::Packet& first, const DtlsContext& dtls,
          Outbox& outbox, TimePoint now);

  SessionId id() const { return id_; }
  const std::string& ufrag() const { return ufrag_; }
  const Claims& claims() const { return claims_; }
  State state() const { return state_; }
  Error error() const { return error_; }

  /// A check from this address was authentic. False when there are too many addresses.
  bool hear_check(const io::Packet& packet, bool nominates, TimePoint now);
  void hear_dtls(const io::Packet& packet, TimePoint now);
  /// Opened into `into`, which is at least as large; the size. Fails as SrtpReceiver does, or Errc::closed.
  Result<std::size_t> open_rtp(const io::Packet& packet, MutableBytes into);
  Result<std::size_t> open_rtcp(const io::Packet& packet, MutableBytes into);
  void advance(TimePoint now);
  TimePoint deadline() const;

  /// Sends `bytes` to `to` within what that address may cost us.
  void answer(const io::Packet& to, ByteView bytes);
  /// A packet: header, then `head`, then `payload`, then `padding` bytes. Fails with Errc::closed unless
  /// connected, Errc::too_long. Returns the bytes on the wire.
  Result<ByteView> send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView head,
                               ByteView payload, std::size_t padding);
  Result<> send_sealed(ByteView packet);
  Result<> send_rtcp(std::span<const Rtcp> messages);
  Result<> send_message(std::uint16_t channel, ByteView message, bool is_text);
  std::vector<Sctp::Message> take_messages();
  /// Says goodbye as far as the state allows. Without an error it was our wish.
  void close(Error why);

  /// Where media goes now.
  const io::Endpoint& remote() const { return paths_[selected_].remote; }
  template <class Function>
  void each_address(Function&& function) const {
    for (auto& path : paths_) function(path.remote);
  }

 private:
  struct Path {
    io::Endpoint remote;
    io::IpAddress local;
    std::uint64_t received = 0, sent = 0;
    bool proven = false;
  };
  Path* find(const io::Endpoint& remote);
  bool allowed(Path& path, std::size_t size);
  void prove(const io::Packet& packet);
  void settle(TimePoint now);
  void pass_dtls();
  std::optional<io::IpAddress> source(const Path& path) const;

  SessionId id_;
  std::string ufrag_;
  Claims claims_;
  Outbox& outbox_;
  Dtls dtls_;
  std::optional<SrtpSender> sender_;
  std::optional<SrtpReceiver> receiver_;
  std::unique_ptr<Sctp> sctp_;
  std::vector<Path> paths_;
  std::size_t selected_ = 0;
  State state_ = State::handshaking;
  Error error_;
  bool started_ = false;
  TimePoint consent_, handshake_deadline_, sctp_tick_ = TimePoint::max();
};

}  // namespace conclave::webrtc
