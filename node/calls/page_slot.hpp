#pragma once
/// One line of a page in which it receives: what is shown there now, what should be, and how a stream becomes
/// what the page's decoder takes for one and the same stream throughout.
///
/// Layers and members change only on the first packet of a key frame; temporal layers come back only on a frame
/// that says so (layer sync); packets that are left out on purpose close the gap, lost ones leave it.
#include "node/calls/feed.hpp"
#include "transport/webrtc/claims.hpp"
#include "transport/webrtc/send_stream.hpp"
#include "transport/webrtc/vp8.hpp"

namespace conclave::calls {

class PageSlot {
 public:
  /// The SSRC of the slot with a mid, as the page writes it into the answer (docs/webrtc.md).
  static std::uint32_t ssrc_of(std::uint16_t mid) { return 0x10000 + 2u * mid; }

  PageSlot(std::uint16_t mid, bool video, const webrtc::Claims& claims, Random& random);

  /// What stands for one packet on its way out; the payload stays with its feed.
  struct Departure {
    std::uint32_t stream = 0;
    std::uint16_t sequence = 0;  ///< lower half of the feed's
    bool again = false;
    int copy = 0;  ///< how often it left before
    std::uint32_t probe = 0;
    webrtc::RtpHeader header;
    webrtc::Rewriter::Place place;
    std::array<Byte, 2> original{};  ///< number of a retransmission
  };
  /// What the page gets for a unit of a feed that it watches; nothing if that is left out.
  std::optional<Departure> take(Feed& feed, const MediaUnit& unit, const std::optional<webrtc::Vp8Descriptor>& picture,
                                TimePoint now);
  /// Answer to a NACK; nothing where it is too late or too early.
  std::optional<Departure> lost(std::uint16_t sequence, TimePoint now, Duration rtt);
  /// The receiver's feedback says that this copy of a packet did not arrive; nothing where a later one is on its way.
  std::optional<Departure> gone(std::uint16_t sequence, int copy, TimePoint now);
  /// The newest packet again, for a probe.
  std::optional<Departure> filling(std::uint32_t probe);
  /// Writes what stands in front of the payload's rest; `skip` bytes of the payload are replaced by it.
  struct Head {
    std::array<Byte, 12> bytes{};
    std::size_t size = 0, skip = 0;
    ByteView view() const { return ByteView(bytes).first(size); }
  };
  Head head(const Departure& departure, ByteView payload) const;

  /// From the next key frame on this stream; 0: nothing from now on.
  void aim(std::uint32_t stream, Byte temporal) {
    target_ = stream;
    temporal_max_ = temporal;
    if (stream == 0) stream_ = 0;
  }
  /// The current stream's clock has been told anew.
  void hear(std::uint32_t stream, const webrtc::ReceiveStream::Mapping& mapping) {
    if (stream == stream_) out_.rewriter().hear(mapping);
  }

  std::uint16_t mid() const { return mid_; }
  std::string_view mid_text() const { return mid_text_; }
  bool video() const { return video_; }
  std::uint32_t target() const { return target_; }
  std::uint32_t stream() const { return stream_; }
  bool waiting(const Feed& feed) const {
    return target_ == feed.number() && (stream_ != target_ || generation_ != feed.generation());
  }
  Byte temporal() const { return temporal_; }
  webrtc::SendStream& out() { return out_; }
  const webrtc::SendStream& out() const { return out_; }
  std::uint64_t switches() const { return switches_; }

  /// Audio packets that may leave once more, the earliest first; as many as redundancy sends again.
  struct Sealed {
    Bytes packet;
    std::optional<std::uint16_t> number;  ///< transport-wide
    std::uint32_t left = 0;               ///< how often it may still leave
  };
  std::vector<Sealed> recent;

  std::optional<MemberId> member;  ///< who is assigned to it
  MediaKind kind = MediaKind::video;
  std::uint16_t height = 0;        ///< as it is shown
  bool offered = false;            ///< there is something to show

 private:
  bool left_out(const MediaUnit& unit);
  std::optional<Departure> repeat(const std::optional<webrtc::SendStream::Again>& again, std::uint32_t probe = 0);
  std::uint16_t mid_;
  bool video_;
  std::string mid_text_;
  webrtc::SendStream out_;
  std::uint32_t stream_ = 0, target_ = 0, generation_ = 0, newest_ = 0;
  Byte temporal_ = 2, temporal_max_ = 2;
  std::uint64_t switches_ = 0;
};

}  // namespace conclave::calls
