#pragma once
/// Whole-frame encryption of calls: which bytes stay in the clear, key ids, and a sender's and a receiver's half over
/// SFrame (RFC 9605). docs/calls.md, section 6; the page has the same in web/src/e2ee/frame.ts.
#include "crypto/keys.hpp"
#include "crypto/sframe.hpp"

namespace conclave::e2ee {

enum class Kind : Byte { audio = 1, video = 2, screen = 3, data = 4 };
inline constexpr std::array kinds{Kind::audio, Kind::video, Kind::screen, Kind::data};

/// First 6 bytes of SHA-256("conclave/kid/1" ‖ 0 ‖ call key ‖ kind), then the generation in 16 bits.
std::uint64_t key_id(const SigningPublicKey& call, Kind kind, std::uint16_t generation);

/// What packetizers and forwarders have to read: VP8 (RFC 7741) ten bytes of a key frame, one of others; nothing of
/// Opus and data. Authenticated all the same.
std::size_t clear_size(Kind kind, ByteView frame);

class FrameSealer {
 public:
  FrameSealer(const SigningPublicKey& call, Kind kind) : call_(call), kind_(kind) {}
  void use(std::uint16_t generation, ByteView base_key);
  /// clear ‖ SFrame header ‖ ciphertext ‖ tag. Fails with Errc::not_found while there is no key: such a frame must
  /// not leave.
  Result<Bytes> seal(ByteView frame);

 private:
  SigningPublicKey call_;
  Kind kind_;
  std::optional<sframe::Sender> sender_;
};

/// Frames of one sender and kind.
class FrameOpener {
 public:
  static constexpr std::size_t generations_max = 3;
  static constexpr unsigned ratchet_max = 8;

  FrameOpener(const SigningPublicKey& call, Kind kind) : call_(call), kind_(kind), receiver_(generations_max) {}
  void use(std::uint16_t generation, ByteView base_key);
  /// The frame as it was captured. A generation up to `ratchet_max` ahead is tried by ratcheting, and kept only if the
  /// frame authenticates. Fails with Errc::malformed, not_found (the key is not there, or not yet), undecryptable,
  /// refused (replayed).
  Result<Bytes> open(ByteView frame);

 private:
  struct Newest {
    std::uint16_t generation = 0;
    Bytes base_key;
  };
  Result<Bytes> open_ratcheted(std::uint64_t id, ByteView clear, ByteView sealed);

  SigningPublicKey call_;
  Kind kind_;
  sframe::Receiver receiver_;
  std::optional<Newest> newest_;
};

}  // namespace conclave::e2ee
