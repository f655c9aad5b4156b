#pragma once
/// From two byte pipes to two authenticated, multiplexed ends. Sans-IO.
///
///     multistream-select `/noise`  →  Noise_XX_25519_ChaChaPoly_SHA256 with libp2p's payload  →  `/yamux/1.0.0`
///
/// Spec: libp2p/specs, connections/README.md and noise/README.md. The dialler sends the multistream header and
/// `/noise` in one piece and waits for the echo before Noise message 1, because a listener may answer `na`. The muxer
/// is agreed inside the Noise payloads; a peer without that extension gets a multistream round under encryption.
///
/// Message 1 has no payload. The listener's identity goes with message 2, readable by whoever dials: XX hides it from
/// listeners on the wire, not from those who ask. The dialler's goes with message 3.
#include "crypto/noise/handshake.hpp"
#include "transport/tcp/multistream.hpp"
#include "transport/tcp/noise_payload.hpp"
#include "transport/tcp/record.hpp"

namespace conclave::tcp {

constexpr std::string_view noise_protocol = "/noise";
constexpr std::string_view yamux_protocol = "/yamux/1.0.0";

class Handshake {
 public:
  enum class Role : Byte { dialler, listener };
  /// Both handed in by reference stay for the life of the handshake.
  struct Settings {
    Role role = Role::dialler;
    const NodeKeys& keys;
    const noise::KeyPair& static_keys;  ///< X25519, ours to draw: one for the life of the process
    std::optional<NodeKey> expected;    ///< whom we dial, if we know
    Random& random;
    bool early_muxer = true;  ///< offer the muxer inside the Noise payload
  };
  struct Outcome {
    NodeKey peer;
    RecordCipher send;
    RecordCipher receive;
    bool early_muxer;    ///< agreed without a round trip
    Bytes behind_plain;  ///< yamux bytes that came in the last record of the muxer's negotiation
    Bytes behind;        ///< records that came after it
  };

  explicit Handshake(const Settings& settings);

  /// Bytes from the peer, in any pieces. Fails for good: Errc::unsupported (no `/noise`, no yamux, or an identity that
  /// is not an Ed25519 key), Errc::bad_key (a key that is not usable, or not the expected one), Errc::bad_signature,
  /// Errc::undecryptable, Errc::malformed, Errc::too_long.
  Result<> receive(ByteView bytes);
  /// What to send now; empties. Also after a failure, and once more after `done()`.
  Bytes take_output() { return std::exchange(output_, {}); }
  bool done() const { return step_ == Step::done; }
  /// Once, after `done()`.
  Outcome take_outcome();

 private:
  enum class Step : Byte { choose_noise, noise, choose_muxer, done };
  /// One step with what `input_` holds; false when more bytes are needed.
  Result<bool> advance();
  Result<bool> choose_noise();
  Result<bool> hear_noise();
  Result<> hear_payload(ByteView payload);
  Result<> say_noise();
  Result<> secured();
  Result<bool> choose_muxer();
  Bytes start_choosing(std::string_view protocol);
  struct Chosen {
    std::size_t used;
    Bytes reply;
    bool agreed;
  };
  Result<Chosen> choose(ByteView in);
  void say_sealed(ByteView plain);
  void drop_input(std::size_t count);
  bool dials() const { return settings_.role == Role::dialler; }

  Settings settings_;
  noise::Handshake noise_;
  Step step_ = Step::choose_noise;
  Bytes input_;
  Bytes output_;
  std::optional<Proposal> proposal_;
  std::optional<Choice> choice_;
  std::optional<NoisePayload> theirs_;
  std::optional<RecordCipher> send_;
  std::optional<RecordCipher> receive_;
  Bytes behind_plain_;
  bool early_ = false;
};

}  // namespace conclave::tcp
