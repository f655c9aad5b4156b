#pragma once
#include <map>

#include "transport/webrtc/attachment.hpp"

namespace conclave::test {

class Room final : public webrtc::Endpoint::Listener {
 public:
  explicit Room(io::Clock& clock) : clock_(clock) {}
  void start(webrtc::Endpoint& endpoint, webrtc::Attachment& attachment) { endpoint_ = &endpoint; attachment_ = &attachment; }
  void report() const { auto& c = endpoint_->counters(); std::printf("counters %lu %lu %lu\n", c.refused, c.unknown, c.undecryptable);  (void)clock_.now(); (void)attachment_; }

  bool opened(webrtc::SessionId, const webrtc::Claims&, const io::Endpoint&) override { std::printf("opened\n"); std::fflush(stdout); return true; }
  void connected(webrtc::SessionId session) override { members_.emplace(session.raw(), Member{}); }
  void rtp(webrtc::SessionId from, const webrtc::RtpPacket& packet, TimePoint) override {
    auto& types = endpoint_->claims(from)->payload_types;
    bool audio = packet.header.payload_type == types.opus;
    if (!audio && packet.header.payload_type != types.vp8) return;
    auto& source = members_[from.raw()];
    if (!audio && source.ssrc != packet.header.ssrc) {
      if (packet.payload.empty()) return;
      if (source.ssrc == 0) source.ssrc = packet.header.ssrc;
      else return;
    }
    for (auto& [id, member] : members_) {
      if (id == from.raw()) continue;
      webrtc::SessionId to(id);
      auto& theirs = endpoint_->claims(to)->payload_types;
      auto header = packet.header;
      header.payload_type = audio ? theirs.opus : theirs.vp8;
      header.ssrc = 0x10000 + 2 * (audio ? 2 : 3);
      webrtc::RtpExtensions extensions;
      extensions.mid = audio ? "2" : "3";
      (void)endpoint_->send_rtp(to, header, extensions, {}, packet.payload);
    }
    if (!audio && ++source.count % 50 == 1) {
      const std::array<webrtc::Rtcp, 2> pli{webrtc::ReceiverReport{1, {}}, webrtc::PictureLoss{1, source.ssrc}};
      (void)endpoint_->send_rtcp(from, pli);
    }
  }
  void rtcp(webrtc::SessionId, std::span<const webrtc::Rtcp>, TimePoint) override {}
  void message(webrtc::SessionId session, const webrtc::Sctp::Message& message) override {
    (void)endpoint_->send_message(session, message.channel, message.bytes, message.text);
  }
  void closed(webrtc::SessionId session, Error why) override { std::printf("closed %s\n", why.message().c_str()); std::fflush(stdout); members_.erase(session.raw()); }

 private:
  struct Member { std::uint32_t ssrc = 0; int count = 0; };
  io::Clock& clock_;
  webrtc::Endpoint* endpoint_ = nullptr;
  webrtc::Attachment* attachment_ = nullptr;
  std::map<std::uint32_t, Member> members_;
};

}  // namespace conclave::test
