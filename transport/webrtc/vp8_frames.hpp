#pragma once
/// Whole VP8 frames in RTP: cut into packets (RFC 7741 section 4) and put together again. For members without a
/// browser; a forwarder never looks at frames.
#include <map>
#include <vector>

#include "crypto/time.hpp"
#include "transport/webrtc/rtp.hpp"
#include "transport/webrtc/sequence.hpp"
#include "transport/webrtc/vp8.hpp"

namespace conclave::webrtc {

/// Payloads of one frame: a descriptor with 15-bit picture id, TL0PICIDX and temporal layer 0 in front of each, at
/// most `payload_max` bytes. The last one has the marker.
class Vp8Packetizer {
 public:
  static constexpr std::size_t payload_max = 1100;  ///< with RTP, SRTP, UDP and IPv6 around it still below 1280
  std::vector<Bytes> packets(ByteView frame);

 private:
  std::uint16_t picture_ = 0;
  Byte tl0_ = 0;
};

/// Packets of one stream, in any order, to frames in their order. What was lost is waited for, then skipped up to
/// the next key frame, because nothing between can be decoded.
class Vp8Assembler {
 public:
  static constexpr std::size_t packets_max = 1024;    ///< kept while something before them is missing
  static constexpr std::size_t frame_max = 4U << 20;  ///< bytes
  static constexpr Duration patience{400'000};        ///< for retransmissions

  struct Frame {
    Bytes bytes;
    std::uint32_t timestamp = 0;
    bool key_frame = false;
  };
  /// `payload` with its descriptor. Damage is counted and dropped.
  void hear(const RtpHeader& header, ByteView payload, TimePoint now);
  /// Frames that are complete, and in order at `now`.
  std::vector<Frame> take(TimePoint now);
  /// Whether only a key frame helps.
  bool broken() const { return broken_; }
  /// The caller could not use a frame: wait for the next key frame.
  void give_up() { broken_ = true; }
  std::uint64_t skipped() const { return skipped_; }

 private:
  struct Packet {
    bool start = false, marker = false, key_frame = false;
    std::uint32_t timestamp = 0;
    Bytes bytes;  ///< without the descriptor; none for padding
    TimePoint arrival;
  };
  /// A whole frame that starts at `first`; the number behind its last packet.
  std::optional<std::int64_t> whole(std::int64_t first) const;
  bool skip_to_key_frame();
  Unwrapper<std::uint16_t> unwrapper_;
  std::map<std::int64_t, Packet> packets_;
  std::optional<std::int64_t> next_;
  bool broken_ = true;
  std::uint64_t skipped_ = 0;
};

}  // namespace conclave::webrtc
