#pragma once
/// What one page sends: RTP of its microphone, camera layers and screen becomes media units with names; losses are
/// asked for, arrivals are fed back, reports are written. docs/calls.md, section 5: mid 0 is the microphone, 1 the
/// camera (rids q, h, f), 2 the screen.
#include <map>

#include "node/calls/audio_payload.hpp"
#include "node/calls/feed.hpp"
#include "node/calls/seals.hpp"
#include "transport/webrtc/claims.hpp"
#include "transport/webrtc/source_table.hpp"
#include "transport/webrtc/transport_cc.hpp"
#include "transport/webrtc/vp8.hpp"

namespace conclave::calls {

class Publisher {
 public:
  static constexpr std::uint32_t our_ssrc = 1;

  Publisher(const MemberId& member, const webrtc::Claims& claims) : member_(member), claims_(claims) {}

  struct Heard {
    StreamName name;
    MediaUnit unit;
    std::optional<webrtc::Vp8Descriptor> picture;
    /// The same packet's copies of what came before it, as units; the earliest first.
    std::array<MediaUnit, AudioRedundancy::copies_max> earlier{};
    std::size_t earlier_count = 0;
  };
  /// A packet as a unit; nothing for probes' padding, doubles, and what has no name yet.
  std::optional<Heard> hear(const webrtc::RtpPacket& packet, TimePoint arrival);
  /// The stream whose clock this tells, if it is one of the page's.
  std::optional<std::pair<StreamName, webrtc::ReceiveStream::Mapping>> hear(const webrtc::SenderReport& report,
                                                                            TimePoint arrival);
  /// A key frame of this stream, please; true if there is such a source.
  bool ask_key_frame(std::uint32_t stream, std::vector<webrtc::Rtcp>& out) const;
  /// Feedback and questions that are due.
  void collect(TimePoint now, Duration rtt, std::vector<webrtc::Rtcp>& out);
  struct GivenUp {
    std::uint32_t stream;
    bool all;  ///< only a key frame helps
    std::vector<std::uint32_t> sequences;
  };
  /// What will not come any more, once.
  std::vector<GivenUp> take_given_up();
  /// Receiver reports, once a second.
  webrtc::ReceiverReport report(TimePoint now);
  /// When the next question is due.
  TimePoint nack_deadline() const;

  /// From now on frames are looked at for the member's seal.
  void expect(const Seals& seals) { seals_ = seals; }
  const SealCount& seals() const { return seal_count_; }

  /// Share of what the page sent that did not come, by the last report.
  double loss() const { return loss_; }
  /// How many earlier audio frames it should send along with each.
  std::uint32_t audio_copies() const { return audio_copies_; }
  std::uint64_t repaired() const { return repaired_; }
  std::uint64_t padding() const { return padding_; }

 private:
  struct Source {
    webrtc::ReceiveStream stream;
    StreamName name;
    webrtc::Unwrapper<std::uint16_t> numbers;
    std::int64_t shift = 0;  ///< to the stream's own sequence, which goes on when a page starts its sender anew
    std::uint32_t step = 960;  ///< of audio: timestamps from packet to packet
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
  };
  static void read_copies(Source& source, const webrtc::RtpHeader& header, Heard& heard);
  std::optional<StreamName> name_of(const webrtc::SourceTable::Source& named) const;
  void look_at(const Heard& heard);
  Source* source_for(std::uint32_t ssrc, const webrtc::SourceTable::Source& named);

  MemberId member_;
  webrtc::Claims claims_;
  webrtc::SourceTable table_;
  std::map<std::uint32_t, Source> sources_;  ///< by SSRC; as many as the table names
  std::map<std::uint32_t, std::int64_t> newest_;  ///< sequence, by stream
  webrtc::TransportCcReceiver arrivals_;
  std::optional<Seals> seals_;
  SealCount seal_count_;
  double loss_ = 0;
  LossMemory audio_loss_;
  AudioRedundancy redundancy_{0};
  std::uint32_t audio_copies_ = 0;
  std::uint64_t repaired_ = 0, padding_ = 0;
};

}  // namespace conclave::calls
