#pragma once
/// The smallest forwarder that real browsers are content with, made of the pieces of transport/webrtc: each member
/// sees and hears the last other one that came. Also the example of how the pieces go together.
#include <map>

#include "transport/webrtc/attachment.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/key_frame_request.hpp"
#include "transport/webrtc/packet_ring.hpp"
#include "transport/webrtc/prober.hpp"
#include "transport/webrtc/receive_stream.hpp"
#include "transport/webrtc/send_stream.hpp"
#include "transport/webrtc/source_table.hpp"
#include "transport/webrtc/transport_cc.hpp"
#include "transport/webrtc/vp8.hpp"

namespace conclave::test {

class Room final : public webrtc::Endpoint::Listener {
 public:
  /// `loss` of the media packets in each direction are thrown away.
  Room(io::Clock& clock, Random& random, double loss) : clock_(clock), random_(random), loss_(loss) {}
  void start(webrtc::Endpoint& endpoint, webrtc::Attachment& attachment);
  void report() const;

  bool opened(webrtc::SessionId, const webrtc::Claims&, const io::Endpoint&) override { return true; }
  void connected(webrtc::SessionId session) override;
  void rtp(webrtc::SessionId from, const webrtc::RtpPacket& packet, TimePoint arrival) override;
  void rtcp(webrtc::SessionId from, std::span<const webrtc::Rtcp> messages, TimePoint arrival) override;
  void message(webrtc::SessionId session, const webrtc::Sctp::Message& message) override;
  void closed(webrtc::SessionId session, Error why) override;

 private:
  /// One SSRC that a page sends.
  struct Source {
    webrtc::ReceiveStream stream;
    webrtc::PacketRing ring;
    webrtc::KeyFrameRequest key_frame;
    std::string rid;
    std::uint64_t bitrate = 0;
    bool video = false;
  };
  struct Member {
    webrtc::SessionId id;
    webrtc::SourceTable table;
    std::map<std::uint32_t, Source> sources;
    webrtc::TransportCcReceiver arrivals;
    webrtc::TransportCcSender departures;
    webrtc::BandwidthEstimator estimator;
    webrtc::Prober prober;
    webrtc::SendStream audio, video;
    std::uint32_t audio_source = 0, video_source = 0;  ///< SSRCs that the slot shows now
  };
  void tick();
  void service(Member& member, TimePoint now);
  void probe(Member& member, TimePoint now);
  Member* other(const Member& member);
  Source* source_for(Member& member, const webrtc::RtpPacket& packet, const webrtc::SourceTable::Source& named);
  void forward(Member& from, Source& source, const webrtc::RtpHeader& header, ByteView payload, TimePoint now);
  void forward_video(Member& to, Member& from, Source& source, const webrtc::RtpHeader& header, ByteView payload,
                     TimePoint now);
  Source* wanted(Member& to, Member& from, TimePoint now);
  std::size_t send_again(Member& member, const webrtc::SendStream::Again& again, std::uint32_t probe, TimePoint now);
  void answer_nack(Member& member, const webrtc::Nack& nack, TimePoint now);
  void send(Member& to, const webrtc::RtpHeader& header, std::string_view mid, ByteView head, ByteView payload,
            std::uint32_t probe = 0);

  io::Clock& clock_;
  Random& random_;
  double loss_;
  webrtc::Endpoint* endpoint_ = nullptr;
  webrtc::Attachment* attachment_ = nullptr;
  std::map<std::uint32_t, Member> members_;
  TimePoint reported_{};
  std::uint64_t forwarded_ = 0, padding_ = 0, asked_ = 0, resent_ = 0, repaired_ = 0, key_frames_asked_ = 0,
                switches_ = 0;
};

}  // namespace conclave::test
