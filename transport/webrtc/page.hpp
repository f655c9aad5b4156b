#pragma once
/// The page's end of a connection, for members without a browser: it checks and nominates (full ICE with one remote
/// candidate, RFC 8445), answers DTLS, and speaks SRTP and data channels. It believes nobody who is not the
/// certificate that the link names. docs/webrtc.md has the wire.
///
/// Sans-IO: datagrams of one remote address and time in, datagrams through the sink, events to the listener, which
/// may send and close inside its calls. One page per local socket and node.
#include <deque>
#include <functional>
#include <optional>

#include "crypto/random.hpp"
#include "transport/io/endpoint.hpp"
#include "transport/webrtc/claims.hpp"
#include "transport/webrtc/dtls.hpp"
#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/sctp.hpp"
#include "transport/webrtc/stun.hpp"

namespace conclave::webrtc {

/// What a link says of a node, and what we have chosen.
struct PageConfig {
  std::string ice_pwd;      ///< the node's
  Fingerprint node;         ///< SHA-256 of its certificate
  std::string ufrag;        ///< `to_ice_chars` of the claims, sealed to the node
  Claims claims;            ///< what was sealed: payload types, extension ids, our certificate and DTLS role
};

class Page {
 public:
  enum class State : Byte { connecting, connected, closed };
  /// Checks until the first answer, then consent (RFC 7675) less often; an unanswered check is soon repeated.
  static constexpr Duration check_first{200'000}, check_again{200'000}, consent_every{1'000'000};
  /// Without an authentic packet for this long the node has gone.
  static constexpr Duration silence_max{3'000'000};
  static constexpr Duration connect_max{8'000'000};
  static constexpr std::size_t checks_max = 32;  ///< that may be answered

  class Listener {
   public:
    virtual ~Listener() = default;
    /// Media may flow, and channel 0 is open if the claims ask for one.
    virtual void connected() = 0;
    /// Views are valid during the call.
    virtual void rtp(const RtpPacket& packet, TimePoint arrival) = 0;
    virtual void rtcp(std::span<const Rtcp> messages, TimePoint arrival) = 0;
    virtual void message(const Sctp::Message& message) = 0;
    /// Nothing follows. Errc::timed_out: no answer or no consent; Errc::bad_key: another certificate than the
    /// link's; no error: somebody said goodbye.
    virtual void closed(Error why) = 0;
  };
  using Sink = std::function<void(ByteView)>;

  struct Counters {
    std::uint64_t undecryptable = 0, replayed = 0, malformed = 0;
    bool operator==(const Counters&) const = default;
  };

  Page(PageConfig config, const DtlsContext& dtls, Listener& listener, Sink sink, Random& random, TimePoint now);

  void receive(ByteView datagram, TimePoint now);
  void advance(TimePoint now);
  TimePoint deadline() const;

  /// A packet: header, `head`, then `payload`. Fails with Errc::closed unless connected, Errc::too_long. Returns the
  /// bytes on the wire.
  Result<std::size_t> send_rtp(const RtpHeader& header, const RtpExtensions& extensions, ByteView head,
                               ByteView payload);
  Result<> send_rtcp(std::span<const Rtcp> messages);
  /// On channel 0. Fails with Errc::closed, too_long, limit_reached.
  Result<> send_message(std::string_view text);
  /// Says goodbye. The listener is not told.
  void close();

  State state() const { return state_; }
  const Claims& claims() const { return config_.claims; }
  const Counters& counters() const { return counters_; }
  /// From a check to its answer, smoothed.
  Duration rtt() const { return rtt_; }

 private:
  void check(TimePoint now);
  void hear_stun(ByteView datagram, TimePoint now);
  void hear_rtp(ByteView datagram, TimePoint now);
  void hear_rtcp(ByteView datagram, TimePoint now);
  void settle(TimePoint now);
  void over(Error why);

  PageConfig config_;
  Listener& listener_;
  Sink sink_;
  Random& random_;
  Dtls dtls_;
  std::optional<SrtpSender> sender_;
  std::optional<SrtpReceiver> receiver_;
  std::unique_ptr<Sctp> sctp_;
  State state_ = State::connecting;
  std::string username_;
  std::uint64_t tie_breaker_;
  /// Answers to earlier checks count as well: a path may be slower than we are patient.
  std::deque<std::pair<StunTransaction, TimePoint>> checks_;
  bool nominated_ = false;
  TimePoint check_at_, begun_, heard_, sctp_tick_ = TimePoint::max();
  Duration rtt_{100'000};
  Counters counters_;
};

}  // namespace conclave::webrtc
