#pragma once
/// Noise handshakes, revision 34 (noiseprotocol.org/noise.html), section 5.3: patterns IK and XX with 25519, SHA-256
/// and ChaChaPoly or AESGCM.
///
///     IK:  <- s                      XX:  -> e
///          ...                            <- e, ee, s, es
///          -> e, es, s, ss                -> s, se
///          <- e, ee, se
///
/// Departures, both stricter than the specification: a Diffie-Hellman result of all zeros is refused (section 12.1
/// leaves it open), and a message that does not check out leaves the handshake as it was, so that somebody who
/// injects a forged answer cannot kill a dial.
///
/// What a message proves differs by its place (section 7.7): payload of IK message 1 is replayable, is readable
/// later by who steals the responder's key, and its sender can be forged by the same thief.
#include "crypto/keys.hpp"
#include "crypto/noise/symmetric_state.hpp"

namespace conclave::noise {

enum class Pattern : Byte { ik, xx };
enum class Role : Byte { initiator, responder };

using KeyPair = X25519Pair;

struct HandshakeSettings {
  Pattern pattern = Pattern::ik;
  Cipher cipher = Cipher::chacha_poly;
  Role role = Role::initiator;
  KeyPair ours;
  /// The responder's key, which an IK initiator knows beforehand; else nothing.
  std::optional<X25519Key> theirs;
  ByteView prologue;  ///< read during construction only
  /// Our ephemeral key, drawn beforehand to save the time later; for this handshake alone.
  std::optional<KeyPair> ephemeral = {};
};

class Handshake {
 public:
  explicit Handshake(const HandshakeSettings& settings);

  bool our_turn() const;
  bool done() const { return next_ == messages_; }

  /// The next message; `our_turn()` holds. Draws our ephemeral key from `random` the first time, unless it was
  /// given. `payload` leaves the message within `message_max`. Fails with Errc::bad_key where their key gives an
  /// all-zero result.
  Result<Bytes> write(ByteView payload, Random& random);
  /// The payload of their next message; `!our_turn() && !done()` holds. Fails with Errc::malformed (too short),
  /// too_long, bad_key or undecryptable; the handshake then is as it was.
  Result<Bytes> read(ByteView message);

  /// Their static key, as soon as they have sent it (or from the start). Nobody has proven to own it until a message
  /// of theirs that came after it was read.
  const std::optional<X25519Key>& their_static() const { return state_.their_static; }
  /// h: binds the whole transcript so far.
  const crypto::Digest& handshake_hash() const { return state_.symmetric.handshake_hash(); }
  /// ck: for keys that another protocol derives beside Split(), as nQUIC does.
  const Secret<32>& chaining_key() const { return state_.symmetric.chaining_key(); }

  /// After `done()`.
  struct Keys {
    Secret<32> initiator_to_responder;
    Secret<32> responder_to_initiator;
  };
  Keys split_keys() const;
  struct Transport {
    CipherState send;
    CipherState receive;
  };
  Transport split() const;

 private:
  enum class Token : Byte { e, s, ee, es, se, ss };
  struct State {
    SymmetricState symmetric;
    std::optional<KeyPair> our_ephemeral;
    std::optional<X25519Key> their_static;
    std::optional<X25519Key> their_ephemeral;
  };
  static std::span<const Token> tokens(Pattern pattern, std::size_t message);
  Result<> mix_shared(State& state, Token token) const;
  Result<Bytes> write_tokens(State& state, ByteView payload, Random& random) const;
  Result<Bytes> read_tokens(State& state, ByteView message) const;

  Pattern pattern_;
  Cipher cipher_;
  Role role_;
  KeyPair ours_;
  std::size_t messages_;
  std::size_t next_ = 0;
  State state_;
};

}  // namespace conclave::noise
