#pragma once
/// The WebRTC side of a node: many pages on the node's one UDP socket, each connected by nothing but a link.
///
/// A page builds the answer to its own offer from what the link says (address, port, password, certificate
/// fingerprint); its first STUN check carries, as the user fragment it has chosen for us, what we have to know of
/// it (transport/webrtc/claims.hpp). docs/webrtc.md has the wire.
///
/// Sans-IO: datagrams and time in, datagrams through the sink, events through the listener. Whatever the listener
/// does in reply (sending, closing) is allowed inside its calls. After calling anything here from outside
/// `receive` and `advance`, call `flush`.
#include <functional>
#include <unordered_map>

#include "crypto/random.hpp"
#include "transport/webrtc/session.hpp"

namespace conclave::webrtc {

/// What the owner keeps across restarts, so that links live.
struct EndpointIdentity {
  std::string ice_pwd;  ///< 22 to 256 ice-chars (RFC 8839 section 5.4)
  Certificate certificate;
  static EndpointIdentity make(Random& random);
};

struct EndpointLimits {
  std::size_t sessions_max = 512;
  std::size_t handshaking_max = 128;        ///< each costs two signatures and a key exchange
  std::size_t sessions_per_network_max = 128;  ///< of one /24 or /48; not applied to loopback
  double openings_per_second = 200;         ///< sealed user fragments we try to open, good or bad
};

class Endpoint {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// A page wants in; its claims have opened. False turns it away. Nothing is proven yet: its certificate is
    /// when `connected` comes.
    virtual bool opened(SessionId session, const Claims& claims, const io::Endpoint& from) = 0;
    virtual void connected(SessionId session) = 0;
    /// Views are valid during the call.
    virtual void rtp(SessionId session, const RtpPacket& packet, TimePoint arrival) = 0;
    virtual void rtcp(SessionId session, std::span<const Rtcp> messages, TimePoint arrival) = 0;
    virtual void message(SessionId session, const Sctp::Message& message) = 0;
    /// Over; nothing with this id follows. No error: one side wished it.
    virtual void closed(SessionId session, Error why) = 0;
  };
  /// Opens what `from_ice_chars` gave: HPKE in a node.
  using OpenUfrag = std::function<Result<Bytes>(ByteView sealed)>;

  struct Counters {
    std::uint64_t refused = 0;        ///< checks that did not open a session, by limits or by claims
    std::uint64_t unknown = 0;        ///< DTLS or RTP from an address without a session
    std::uint64_t undecryptable = 0;  ///< SRTP or SRTCP that did not authenticate
    std::uint64_t replayed = 0;
    std::uint64_t malformed = 0;      ///< authentic, and yet not RTP or RTCP
  };

  /// Fails with Errc::malformed when the identity's certificate or password is unusable.
  static Result<std::unique_ptr<Endpoint>> make(const EndpointIdentity& identity, OpenUfrag open_ufrag,
                                                Listener& listener, Outbox::Sink sink, Random& random,
                                                EndpointLimits limits = {});

  void receive(std::span<const io::Packet> packets, TimePoint now);
  void advance(TimePoint now);
  TimePoint deadline() const;
  void flush() { outbox_.flush(); }

  /// One packet: header, then `head` (a rewritten payload descriptor, the original sequence number of a
  /// retransmission), then `payload`, then `padding` bytes. Payload type and extension ids are the receiver's:
  /// see `claims`. Fails with Errc::closed, Errc::too_long. Returns the sealed packet,
  /// valid until the next thing is sent.
  Result<ByteView> send_rtp(SessionId session, const RtpHeader& header, const RtpExtensions& extensions,
                            ByteView head, ByteView payload, std::size_t padding = 0);
  /// A packet that `send_rtp` gave, byte for byte again: receivers take whichever comes first. (Sealing it anew with
  /// other header extensions would use a nonce twice.)
  Result<> send_sealed(SessionId session, ByteView packet);
  Result<> send_rtcp(SessionId session, std::span<const Rtcp> messages);
  Result<> send_message(SessionId session, std::uint16_t channel, ByteView message, bool is_text);
  void close(SessionId session);

  /// Null when there is none.
  const Claims* claims(SessionId session) const;
  bool connected(SessionId session) const;
  std::size_t sessions() const { return sessions_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct AddressHash {
    std::size_t seed = 0;  ///< random: colliding addresses cannot be prepared
    std::size_t operator()(const io::Endpoint& address) const;
  };

  Endpoint(const EndpointIdentity& identity, std::unique_ptr<DtlsContext> dtls, OpenUfrag open_ufrag,
           Listener& listener, Outbox::Sink sink, Random& random, EndpointLimits limits);
  Session* find(SessionId id) const;
  Session* find(const io::Endpoint& address) const;
  void hear_stun(const io::Packet& packet, TimePoint now);
  Session* open(std::string_view ufrag, const io::Packet& packet, TimePoint now);
  bool room_for(const io::Packet& packet, TimePoint now);
  void hear_rtp(Session& session, const io::Packet& packet, TimePoint now);
  void hear_rtcp(Session& session, const io::Packet& packet, TimePoint now);
  void count(Error error);
  void follow(Session& session, Session::State before);
  void sweep();

  std::string ice_pwd_;
  std::unique_ptr<DtlsContext> dtls_;
  OpenUfrag open_ufrag_;
  Listener& listener_;
  EndpointLimits limits_;
  Outbox outbox_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<io::Endpoint, Session*, AddressHash> by_address_;
  std::unordered_map<std::string, Session*> by_ufrag_;
  std::vector<SessionId> ended_;
  std::uint32_t last_id_ = 0;
  double openings_ = 0;  ///< tokens left
  TimePoint openings_at_{};
  Counters counters_;
  std::array<Byte, rtp_size_max + 64> opened_;
};

}  // namespace conclave::webrtc
