#pragma once
/// One DTLS 1.2 association (RFC 6347) over OpenSSL, without sockets and without its clock: datagrams and time
/// in, datagrams and a deadline out. It authenticates the peer by its certificate's fingerprint, exports the
/// SRTP keys (RFC 5764, AEAD_AES_128_GCM only) and carries SCTP packets (RFC 8261).
///
/// Traps, all met: a browser's post-quantum ClientHello arrives in two datagrams, which OpenSSL 3.0 puts together
/// unless one asks for cookies (`DTLSv1_listen`); so there are none, and amplification is bounded by the session.
#include <memory>
#include <optional>

#include "crypto/time.hpp"
#include "transport/webrtc/certificate.hpp"
#include "transport/webrtc/srtp.hpp"

namespace conclave::webrtc {

/// What all associations of a node share: its certificate, and OpenSSL's settings.
class DtlsContext {
 public:
  /// Fails with Errc::malformed when the certificate or its key does not parse or they do not match.
  static Result<std::unique_ptr<DtlsContext>> make(const Certificate& certificate);
  ~DtlsContext();

 private:
  friend class Dtls;
  struct Impl;
  explicit DtlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class Dtls {
 public:
  enum class Role : Byte { client, server };
  enum class State : Byte { handshaking, connected, closed };
  static constexpr std::size_t datagram_max = 1200;  ///< of what we send
  static constexpr std::size_t overhead = 37;        ///< record header, explicit nonce and tag of AES-GCM
  /// First retransmission, doubling up to the second. Calls are set up over paths of 300 ms at worst.
  static constexpr Duration patience_first{250'000}, patience_max{4'000'000};

  Dtls(const DtlsContext& context, Role role, const Fingerprint& peer);
  ~Dtls();

  /// A client speaks first.
  void start(TimePoint now);
  /// Whatever arrives, good or not; damage is survived.
  void receive(ByteView datagram, TimePoint now);
  void advance(TimePoint now);
  TimePoint deadline() const;
  /// At most `datagram_max - overhead` bytes. Fails with Errc::closed unless connected.
  Result<> send(ByteView message);
  /// Says goodbye (close_notify).
  void close();

  State state() const;
  /// Why it closed; nothing while it has not, or when either side said goodbye. Errc::bad_key: the peer's
  /// certificate is not the one that was announced.
  Error error() const;
  /// What is to be sent, and what has arrived, in order. Both are emptied.
  std::vector<Bytes> take_datagrams();
  std::vector<Bytes> take_messages();
  /// Ours (sending) and the peer's (receiving); only when connected.
  std::pair<SrtpKeys, SrtpKeys> srtp_keys() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace conclave::webrtc
