#pragma once
/// Makes one continuous RTP stream of packets that come from changing sources (simulcast layers, speakers) and of
/// which some are left out on purpose. A receiver's decoder must not notice the seams:
///
/// - a packet that we left out closes the gap in the sequence, one that was lost leaves it (and gets asked for);
/// - timestamps run on across a switch, by the sender reports of both sources if there are any, else by the time
///   that passed, and never backwards;
/// - VP8 picture ids and TL0PICIDX run on likewise.
///
/// The caller decides when to switch (only on the first packet of a key frame) and what to leave out.
#include <deque>
#include <optional>

#include "crypto/time.hpp"
#include "transport/webrtc/receive_stream.hpp"

namespace conclave::webrtc {

class Rewriter {
 public:
  /// Packets that arrive later than this many behind the newest cannot be placed any more.
  static constexpr std::size_t seams_max = 128;

  struct Picture {
    std::uint16_t id = 0;  ///< 15 bits
    Byte tl0 = 0;
  };
  struct Place {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    Picture picture;
  };

  /// Sequence numbers start below 2^15 so that a receiver's SRTP does not miss the first wrap.
  Rewriter(std::uint32_t clock_rate, std::uint16_t first_sequence, std::uint32_t first_timestamp, Picture first);

  /// What follows comes from another source, from this packet on. `mapping` is the source's (ReceiveStream).
  void switch_source(const RtpHeader& first, const Picture& picture,
                     const std::optional<ReceiveStream::Mapping>& mapping, TimePoint now);
  /// The current source has sent a report.
  void hear(const ReceiveStream::Mapping& mapping);
  /// Where a packet of the current source goes; nothing if it is from before the switch, or was left out.
  std::optional<Place> place(const RtpHeader& header, const Picture& picture, TimePoint now);
  /// This packet is left out. `frame_ends`: it is the last of its frame, whose picture id disappears with it.
  void leave_out(const RtpHeader& header, bool frame_ends);
  /// The next number, for a packet that comes from no source (padding), with the newest timestamp.
  Place extra();
  bool started() const { return started_; }

 private:
  /// From an input number on, what is taken away from it.
  struct Seam {
    std::int64_t from;
    std::int64_t sequence;
    std::int64_t picture;
    bool hole;  ///< the packet at `from` itself was left out
  };
  std::int64_t timestamp_for(const RtpHeader& first, const std::optional<ReceiveStream::Mapping>& mapping,
                             TimePoint now) const;
  void add(Seam seam);

  std::uint32_t clock_rate_;
  bool started_ = false;
  Unwrapper<std::uint16_t> input_;
  std::deque<Seam> seams_;
  std::int64_t first_input_ = 0;
  std::int64_t output_ = 0;            ///< newest number given out
  std::int64_t timestamp_ = 0;         ///< newest timestamp given out
  std::int64_t timestamp_shift_ = 0;
  Unwrapper<std::uint32_t> input_timestamp_;
  std::int64_t picture_ = 0;           ///< newest picture id given out
  Unwrapper<std::uint16_t> input_picture_;  ///< ids are shifted up by one bit: 15 bits wrap as 16 do
  std::int64_t tl0_ = 0, tl0_shift_ = 0;
  std::optional<ReceiveStream::Mapping> mapping_;  ///< of the current source, in output timestamps
  TimePoint last_at_{};
};

}  // namespace conclave::webrtc
