#pragma once
/// Datagrams of the media link between two nodes: sealing, opening, and the units inside. docs/calls.md, section 7.
/// Nothing here allocates per packet.
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/secret.hpp"

namespace conclave::calls {

inline constexpr Byte media_first_byte = 16;
inline constexpr std::size_t media_header_size = 8;
inline constexpr std::size_t media_packet_max = 1400;  ///< a browser's 1200 bytes of RTP and our headers fit
inline constexpr std::size_t unit_header_size = 3;
inline constexpr std::size_t media_unit_size = 15;  ///< of a media unit, before its payload

enum class UnitType : Byte { media = 1, acks = 2, nack = 3, heartbeat = 4, padding = 5, copy = 6, clock = 7 };

/// One RTP packet's worth of an encrypted frame, with the fields the last hop needs to write RTP again.
struct MediaUnit {
  static constexpr Byte frame_start = 1, frame_end = 2, key_frame = 4, layer_sync = 8, discardable = 16, repeated = 32;
  std::uint32_t stream = 0;
  Byte part = 0;
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;
  Byte flags = 0;  ///< the temporal id in the upper two bits
  Byte level = 127;
  ByteView payload;

  Byte temporal_id() const { return flags >> 6; }
};

/// Writes units one behind the other into a caller's buffer.
class UnitWriter {
 public:
  explicit UnitWriter(MutableBytes buffer) : buffer_(buffer) {}
  /// False, and nothing written, where it does not fit.
  bool media(const MediaUnit& unit, UnitType type = UnitType::media);
  bool unit(UnitType type, ByteView body);
  std::size_t size() const { return used_; }

 private:
  MutableBytes buffer_;
  std::size_t used_ = 0;
};

struct Unit {
  UnitType type = UnitType::padding;
  ByteView body;
};
/// The next unit of `rest`, which moves behind it; nothing at the end. Fails with Errc::malformed.
Result<std::optional<Unit>> next_unit(ByteView& rest);
/// Reads a media or copy unit's body. Fails with Errc::malformed.
Result<MediaUnit> read_media(ByteView body);

/// One direction's key, packet numbers and, for the receiver, the window against replays.
class MediaSealer {
 public:
  MediaSealer(crypto::AeadAlgorithm algorithm, const Secret<32>& secret, bool initiator);
  /// `packet` has the units at [media_header_size, media_header_size + units); writes the header in front and the tag
  /// behind, and gives the packet's number and length.
  struct Sealed {
    std::uint64_t number;
    std::size_t size;
  };
  Sealed seal(MutableBytes packet, std::size_t units, std::uint32_t their_link);

 private:
  crypto::Aead aead_;
  std::uint64_t next_ = 0;
};

class MediaOpener {
 public:
  MediaOpener(crypto::AeadAlgorithm algorithm, const Secret<32>& secret, bool initiator);
  struct Opened {
    std::uint64_t number;
    ByteView units;
  };
  /// Decrypts in place. Fails with Errc::malformed, undecryptable or refused (seen before, or too old).
  Result<Opened> open(MutableBytes packet);

 private:
  crypto::Aead aead_;
  std::uint64_t newest_ = 0;
  std::array<std::uint64_t, 16> seen_{};  ///< 1024 packets: a third of a second at 30 Mbit/s
  bool any_ = false;
};

/// The receiver's link number in a datagram's first bytes, before anything is decrypted. Fails with Errc::malformed.
Result<std::uint32_t> media_link_of(ByteView packet);

}  // namespace conclave::calls
