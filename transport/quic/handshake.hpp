#pragma once
/// The handshake of nQUIC without the QUIC around it: Noise_IK_25519_ChaChaPoly_SHA256, then the responder's
/// hello and the initiator's Finished. Sans-IO; layouts in docs/nquic.md.
///
/// Message 1 can be replayed, is readable later by who steals the responder's key, and can be forged by the
/// same thief. So it carries nothing but who the initiator is and what its transport can do, and the
/// responder believes in the initiator only after Finished, which takes both ephemeral keys.
///
/// Two Ed25519 keys that differ in the sign bit share one X25519 key. The responder's is bound by the
/// prologue, the initiator's by the payload of message 1, and each must convert to the X25519 key that Noise
/// used.
#include "transport/quic/key_cache.hpp"
#include "transport/quic/packet_key.hpp"
#include "transport/quic/schedule.hpp"

namespace conclave::quic {

struct Identity {
  NodeKey node;
  noise::KeyPair x25519;
  static Identity of(const NodeKeys& keys) { return {keys.public_key(), noise::KeyPair::of(keys)}; }
};

inline constexpr std::size_t message1_max = 1000;  ///< fits one Initial packet of 1200 bytes with a token
inline constexpr std::size_t message2_size = 32 + 16;
/// With an Initial packet this stays below three times the 1200 bytes of a first packet: no round trip is
/// lost to the anti-amplification limit (RFC 9000 8.1).
inline constexpr std::size_t hello_max = 2300;
inline constexpr std::size_t suites_max = 8;

/// Payload of message 1.
struct Introduction {
  NodeKey node;
  std::vector<Suite> suites;  ///< best first; those that we do not know have been left out
  Bytes transport_parameters;
};
Bytes encode(const Introduction& introduction);
/// Fails with Errc::malformed, unsupported (version), limit_reached (too many suites) or refused (none we
/// know).
Result<Introduction> decode_introduction(ByteView in);

/// The responder's first words under keys that only the two can have.
struct Hello {
  Suite suite{};
  Bytes transport_parameters;
  Bytes certificate;  ///< whatever the responder wants to show: the layer above says what
};
/// Starts with its own length, 2 bytes.
Bytes encode(const Hello& hello);
/// `in` without the length. Fails with Errc::malformed or unsupported.
Result<Hello> decode_hello(ByteView in);

class Initiator {
 public:
  /// Fails with Errc::bad_key where `responder` is no usable key.
  static Result<Initiator> dial(const Identity& ours, const NodeKey& responder, std::vector<Suite> suites,
                                KeyCache& cache);

  const X25519Key& responder_x25519() const { return responder_x25519_; }
  /// Once; fails with Errc::bad_key.
  Result<Bytes> write_message1(ByteView transport_parameters, Random& random);
  /// Fails and stays as it was when the message is not the responder's.
  Result<> read_message2(ByteView message);
  bool answered() const { return noise_.done(); }
  Secrets handshake_secrets() const;
  /// With its length. Fails with Errc::unsupported where the suite is none that we offered.
  Result<Hello> read_hello(ByteView hello);
  Secret<32> finished() const;
  Secrets application_secrets() const;
  Secret<32> exporter() const;

 private:
  Initiator(noise::Handshake noise, const NodeKey& node, const X25519Key& responder,
            std::vector<Suite> suites)
      : noise_(std::move(noise)), node_(node), responder_x25519_(responder), suites_(std::move(suites)) {}
  noise::Handshake noise_;
  NodeKey node_;
  X25519Key responder_x25519_;
  std::vector<Suite> suites_;
  crypto::Digest hash_{};
};

class Responder {
 public:
  /// All that can be said about a first message: it is for us, whole, and its sender is who it claims. Fails
  /// with Errc::undecryptable, bad_key, malformed, unsupported or refused.
  static Result<Responder> read_message1(const Identity& ours, ByteView message, KeyCache& cache);

  const Introduction& introduction() const { return introduction_; }
  Result<Bytes> write_message2(Random& random);
  Secrets handshake_secrets() const;
  /// The first of `ours` that the initiator offered as well.
  Result<Suite> choose(std::span<const Suite> ours) const;
  /// With its length; becomes part of the transcript.
  Bytes write_hello(const Hello& hello);
  bool finished_by(ByteView message) const;
  Secrets application_secrets() const;
  Secret<32> exporter() const;

 private:
  Responder(noise::Handshake noise, Introduction introduction)
      : noise_(std::move(noise)), introduction_(std::move(introduction)) {}
  noise::Handshake noise_;
  Introduction introduction_;
  crypto::Digest hash_{};
};

}  // namespace conclave::quic
