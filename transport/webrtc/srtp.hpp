#pragma once
/// SRTP and SRTCP under AEAD_AES_128_GCM (RFC 7714, RFC 3711): the only profile we offer, because it costs a
/// quarter of what SHA-1 does. One context per direction of a session; its cipher is keyed once, so that a
/// packet costs an IV, the header as additional data and the payload.
#include <memory>
#include <unordered_map>

#include "crypto/secret.hpp"
#include "transport/webrtc/replay_window.hpp"

namespace conclave::webrtc {

/// Master key and salt of one direction, as DTLS exports them (RFC 5764 section 4.2).
struct SrtpKeys {
  Secret<16> key;
  Secret<12> salt;
};

inline constexpr std::size_t srtp_overhead = 16;   ///< the tag
inline constexpr std::size_t srtcp_overhead = 20;  ///< the tag and the index

/// AES-128-GCM with a fixed key and salt; the IV is the salt with a packet's place in it.
class SrtpCipher {
 public:
  enum class Direction : Byte { seal, open };
  SrtpCipher(const SrtpKeys& master, Byte key_label, Byte salt_label, Direction direction);
  SrtpCipher(SrtpCipher&&) noexcept;
  ~SrtpCipher();

  using Iv = std::array<Byte, 12>;
  /// The salt exclusive-or'ed with SSRC (bytes 2…5) and a 48-bit index (bytes 6…11).
  Iv iv(std::uint32_t ssrc, std::uint64_t index) const;
  /// `out` takes the text and 16 bytes more; it may start where `clear` does.
  void seal(const Iv& iv, ByteView additional, ByteView clear, Byte* out);
  /// False when it does not authenticate. `sealed` ends with the tag; `out` may start where it does.
  bool open(const Iv& iv, ByteView additional, ByteView sealed, Byte* out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::array<Byte, 12> salt_{};
};

/// What we send. Numbers of a stream must not jump by more than 2^15, and start below 2^15, so that a receiver
/// that joins late guesses the roll-over counter.
class SrtpSender {
 public:
  explicit SrtpSender(const SrtpKeys& keys);
  /// Seals in place; `buffer` holds `size` bytes of a valid RTP packet and room for `srtp_overhead` more.
  /// Returns the new size. Fails with Errc::malformed, or Errc::limit_reached for too many streams.
  Result<std::size_t> protect_rtp(MutableBytes buffer, std::size_t size);
  /// The same for a compound RTCP packet and `srtcp_overhead`.
  Result<std::size_t> protect_rtcp(MutableBytes buffer, std::size_t size);

 private:
  struct Stream {
    std::uint64_t highest = 0;  ///< index of the newest packet: roll-over counter and sequence number
  };
  SrtpCipher rtp_, rtcp_;
  std::unordered_map<std::uint32_t, Stream> streams_;
  std::uint32_t rtcp_index_ = 0;
};

/// What we receive. A stream is remembered only once a packet of it was authentic.
class SrtpReceiver {
 public:
  /// A page sends a handful; a forwarder's peer a few per source. More is somebody's experiment.
  static constexpr std::size_t streams_max = 1024;

  explicit SrtpReceiver(const SrtpKeys& keys);
  /// Writes header and opened payload to `out` (at least as large as `packet`, may be the same bytes); returns
  /// the size. Fails with Errc::malformed, Errc::undecryptable, Errc::refused for a replay,
  /// Errc::limit_reached.
  Result<std::size_t> unprotect_rtp(ByteView packet, MutableBytes out);
  Result<std::size_t> unprotect_rtcp(ByteView packet, MutableBytes out);

 private:
  SrtpCipher rtp_, rtcp_;
  std::unordered_map<std::uint32_t, ReplayWindow> streams_;
  std::unordered_map<std::uint32_t, ReplayWindow> rtcp_seen_;  ///< SRTCP indices run per sender's SSRC
};

/// RFC 3711 appendix A: the index that a 16-bit number most likely stands for, given the highest one so far.
std::uint64_t guess_srtp_index(std::uint64_t highest, std::uint16_t sequence);

}  // namespace conclave::webrtc
