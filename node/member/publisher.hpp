#pragma once
/// What a member sends: a film and a song, again and again, sealed before they are cut into packets. Sans-IO.
#include "node/member/circle.hpp"
#include "node/member/ogg.hpp"
#include "transport/webrtc/packet_ring.hpp"
#include "transport/webrtc/page.hpp"
#include "transport/webrtc/transport_cc.hpp"
#include "transport/webrtc/vp8_frames.hpp"

namespace conclave::member {

struct Programme {
  std::shared_ptr<const Film> film;  ///< null: camera off
  std::shared_ptr<const Song> song;  ///< null: muted
  double fps = 0;                    ///< 0: the film's
  Byte audio_level = 30;             ///< -dBov, what nodes choose speakers by
};

class Publisher {
 public:
  struct Counters {
    std::uint64_t frames = 0, packets = 0, bytes = 0, resent = 0, key_frames_on_request = 0;
    bool operator==(const Counters&) const = default;
  };

  Publisher(Circle& circle, Programme programme, Random& random);

  /// Sends over this page from now on; null: over none.
  void attach(webrtc::Page* page, TimePoint now);
  void hear(std::span<const webrtc::Rtcp> messages, TimePoint now);
  void advance(UnixTime wall, TimePoint now);
  TimePoint deadline() const;
  std::uint32_t ssrc() const { return video_.ssrc; }
  const Counters& counters() const { return counters_; }

 private:
  struct Line {
    std::string mid, rid;
    std::uint32_t ssrc = 0, rtx_ssrc = 0, clock_rate = 0, timestamp = 0, packets = 0, octets = 0;
    std::uint16_t sequence = 0, rtx_sequence = 1;
    TimePoint next_at{}, stamped_at{};  ///< when the next frame is due; what `timestamp` stands for
    std::size_t at = 0;  ///< the next frame of the file
    webrtc::PacketRing ring{512};
  };
  void play_film(TimePoint now);
  void play_song(TimePoint now);
  void send(Line& line, Byte payload_type, bool marker, std::optional<webrtc::AudioLevel> level, ByteView payload,
            TimePoint now);
  void send_again(std::uint16_t sequence, TimePoint now);
  void skip_to_key_frame();
  void report(UnixTime wall, TimePoint now);
  Duration frame_span() const;

  Circle& circle_;
  Programme programme_;
  Line audio_, video_;
  webrtc::Vp8Packetizer packetizer_;
  webrtc::TransportCcSender departures_;
  webrtc::Page* page_ = nullptr;
  bool key_frame_wanted_ = true;
  TimePoint key_frame_at_{}, report_at_{};
  Counters counters_;
};

}  // namespace conclave::member
