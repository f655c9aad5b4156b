#pragma once
/// Nodes with a forwarder each, pages on them and media links between them, in virtual time: pages publish VP8 in three
/// layers as browsers do, and what arrives at others is looked at packet by packet.
#include <deque>

#include "node/calls/forwarder.hpp"
#include "simulations/world.hpp"
#include "tests/transport/webrtc/native_page.hpp"

namespace conclave::calls::test {

using webrtc::test::NativePage;

/// Lets time pass even where nothing is due.
inline void pass(sim::World& world, Duration span) {
  world.at(world.now() + span, [] {});
  world.run_for(span);
}

struct Frame {
  bool key = false;
  Byte temporal = 0;
  bool sync = false;
  std::size_t size = 1000;
};

/// One simulcast encoding of a page: numbers of its own, as a browser's.
class Encoding {
 public:
  Encoding(std::uint32_t ssrc, std::string mid, std::string rid, std::uint16_t width, std::uint16_t height,
           std::uint32_t seed)
      : ssrc_(ssrc), mid_(std::move(mid)), rid_(std::move(rid)), width_(width), height_(height),
        sequence_(static_cast<std::uint16_t>(seed * 7919)), picture_(static_cast<std::uint16_t>(seed * 31 & 0x7fff)),
        tl0_(static_cast<Byte>(seed * 5)), timestamp_(seed * 1'000'003) {}

  /// Packets of one frame; `lost(i)` packets are numbered and not sent.
  void send(NativePage& page, const Frame& frame, Duration since_last, std::uint16_t& transport,
            const std::function<bool(std::size_t)>& lost = [](std::size_t) { return false; });
  webrtc::SenderReport report(TimePoint now, UnixTime wall, TimePoint frame_at) const;
  std::uint32_t ssrc() const { return ssrc_; }
  std::uint16_t sequence() const { return sequence_; }
  /// Sends a packet of the last second again, as RTX.
  void send_again(NativePage& page, std::uint16_t sequence, std::uint16_t& transport);
  void restart(std::uint32_t ssrc) {
    ssrc_ = ssrc;
    sequence_ = static_cast<std::uint16_t>(sequence_ * 31 + 5);
    timestamp_ += 123'456'789;
  }

 private:
  std::uint32_t ssrc_;
  std::string mid_, rid_;
  std::uint16_t width_, height_;
  std::uint16_t sequence_;
  std::uint16_t picture_;
  Byte tl0_;
  std::uint32_t timestamp_;
  std::uint16_t rtx_ = 1;
  std::uint32_t serial_ = 0;
  std::map<std::uint16_t, std::pair<webrtc::RtpHeader, Bytes>> sent_;
};

/// A packet as a page received it.
struct Seen {
  webrtc::RtpHeader header;
  std::string mid;
  std::optional<webrtc::Vp8Descriptor> picture;
  Bytes payload;
  TimePoint at;
  std::optional<std::uint16_t> transport_cc{};
};

class Site;

class TestPage {
 public:
  TestPage(Site& site, Byte number);
  void publish_video(TimePoint now, const std::set<int>& layers = {0, 1, 2}, bool key = false, Byte temporal = 0,
                     bool sync = false);
  void publish_audio(TimePoint now, Byte level);
  void report(TimePoint now);
  /// Notes what has come since the last look.
  void look();
  std::vector<Seen> take_seen() { return std::exchange(seen_, {}); }
  /// Layers for which the node has asked a key frame, once.
  std::set<int> asked_key_frames();
  std::vector<webrtc::Rtcp> take_reports() { return std::exchange(native->reports, {}); }

  Site& site;
  MemberId id;
  std::unique_ptr<NativePage> native;
  webrtc::SessionId session;
  std::array<Encoding, 3> video;
  Encoding audio;
  std::uint16_t transport = 0, audio_sequence = 100;
  std::function<bool(std::size_t)> lost = [](std::size_t) { return false; };
  TimePoint video_at{}, audio_at{};
  std::array<std::size_t, 3> frame_sizes{700, 2000, 5000};

 private:
  std::size_t read_ = 0;
  std::vector<Seen> seen_;
};

/// A node: an endpoint and a forwarder, and what the forwarder said.
class Site final : public webrtc::Endpoint::Listener, public Forwarder::Outputs {
 public:
  Site(sim::World& world, Byte number, ForwarderLimits limits = {});

  TestPage& add_page();
  /// Moves what waits between pages and the endpoint, and lets time-driven work happen.
  void pump();

  bool opened(webrtc::SessionId, const webrtc::Claims&, const io::Endpoint&) override { return true; }
  void connected(webrtc::SessionId session) override { last_connected = session; }
  void rtp(webrtc::SessionId session, const webrtc::RtpPacket& packet, TimePoint arrival) override {
    forwarder->on_rtp(session, packet, arrival);
  }
  void rtcp(webrtc::SessionId session, std::span<const webrtc::Rtcp> messages, TimePoint arrival) override {
    forwarder->on_rtcp(session, messages, arrival);
  }
  void message(webrtc::SessionId, const webrtc::Sctp::Message&) override {}
  void closed(webrtc::SessionId, Error) override {}

  void to_link(LinkId link, ByteView bytes) override { on_link(link, bytes); }
  void slots_changed(webrtc::SessionId page, std::span<const SlotAssigned> slots) override {
    for (auto& slot : slots) assigned[{page.raw(), slot.mid}] = slot;
  }
  void speakers(std::span<const MemberId> loudest) override { speaking.assign(loudest.begin(), loudest.end()); }
  void quality(webrtc::SessionId page, const Quality& words) override { qualities[page.raw()] = words; }
  void published(std::vector<Published> streams) override { publishing = std::move(streams); }
  void wanted(const std::set<std::uint32_t>& streams) override { wanting = streams; }
  void ask_key_frame(std::uint32_t stream) override { key_frames.push_back(stream); }
  void heard(LinkId, TimePoint) override { ++datagrams; }
  void packet(TreeId, std::uint32_t, LinkId, TimePoint) override { ++units; }

  sim::World& world;
  SeededRandom random;
  webrtc::EndpointIdentity identity;
  std::unique_ptr<webrtc::Endpoint> endpoint;
  std::unique_ptr<Forwarder> forwarder;
  std::vector<std::unique_ptr<TestPage>> pages;
  std::function<bool()> drop = [] { return false; };  ///< a datagram on its way to a page
  /// True: somebody else carries it to that page.
  std::function<bool(TestPage& to, ByteView datagram)> carry = [](TestPage&, ByteView) { return false; };
  std::function<void(LinkId, ByteView)> on_link = [](LinkId, ByteView) {};
  webrtc::SessionId last_connected;
  std::map<std::pair<std::uint32_t, std::uint16_t>, SlotAssigned> assigned;
  std::vector<MemberId> speaking;
  std::map<std::uint32_t, Quality> qualities;
  std::vector<Published> publishing;
  std::set<std::uint32_t> wanting;
  std::vector<std::uint32_t> key_frames;
  std::size_t datagrams = 0, units = 0;

 private:
  std::vector<std::pair<io::Endpoint, Bytes>> outgoing_;
  Byte number_;
};

/// What the control side does between two nodes: tells streams, subscribes, passes key frame requests on.
class Wire {
 public:
  Wire(Site& a, Site& b, std::function<bool()> lost = [] { return false; });
  void pump();
  bool up = true;

 private:
  void serve(Site& from, Site& to, std::set<std::uint32_t>& served);
  Site &a_, &b_;
  std::function<bool()> lost_;
  std::set<std::uint32_t> served_a_, served_b_;
  std::deque<std::pair<Site*, Bytes>> air_;
};

inline const LinkId the_link{7};

/// The frame that comes at a place of the L1T3 pattern browsers use.
inline Frame pattern(std::size_t index) {
  switch (index % 4) {
    case 0: return {false, 0, false};
    case 1: return {false, 2, true};
    case 2: return {false, 1, true};
    default: return {false, 2, false};
  }
}

/// Checks that what came for one slot is one stream to a decoder: numbers without gap, times and pictures forward.
/// Counts frames; empty text if all is well.
struct Continuity {
  std::size_t packets = 0, frames = 0, key_frames = 0;
  std::string broken;
};
Continuity check_continuity(std::span<const Seen> seen, std::uint32_t ssrc);

}  // namespace conclave::calls::test
