#pragma once
/// What comes from the node, up to frames in clear: slots, loss and its repair, waiting for keys. Sans-IO.
#include <functional>

#include "node/member/circle.hpp"
#include "transport/webrtc/claims.hpp"
#include "transport/webrtc/key_frame_request.hpp"
#include "transport/webrtc/receive_stream.hpp"
#include "transport/webrtc/transport_cc.hpp"
#include "transport/webrtc/vp8_frames.hpp"

namespace conclave::member {

/// A frame as its sender captured it, named by the key under which it authenticated.
struct Frame {
  calls::MemberId from;
  e2ee::Kind kind = e2ee::Kind::audio;
  bool key_frame = false;
  Bytes bytes;
};

class Receiver {
 public:
  static constexpr std::uint32_t ssrc_base = 0x10000;  ///< slot `mid` has base + 2·mid, its repairs one more
  static constexpr std::uint32_t mid_first = 3, mid_max = 131;
  static constexpr std::size_t held_max = 64;          ///< frames of a slot that wait for a key
  /// A picture of somebody who sends and that stood still for longer than this was frozen.
  static constexpr Duration freeze{500'000};

  struct Counters {
    std::uint64_t packets = 0, repaired = 0;
    std::uint64_t audio_frames = 0, video_frames = 0;
    std::uint64_t undecodable = 0;  ///< opened, but their reference was not there
    std::uint64_t freezes = 0, key_frames_asked = 0;
    bool operator==(const Counters&) const = default;
  };
  using Sink = std::function<void(const Frame&, TimePoint)>;

  Receiver(Circle& circle, Sink sink) : circle_(circle), sink_(std::move(sink)) {}

  /// A new connection: numbers start anew, whatever waits is old.
  void reset();
  void hear(const webrtc::RtpPacket& packet, const webrtc::Claims& claims, TimePoint now);
  void hear(const webrtc::SenderReport& report, TimePoint now);
  /// Every 20 ms or so: frames that wait, and the feedback that is due.
  std::vector<webrtc::Rtcp> advance(TimePoint now, Duration rtt, std::uint32_t own_ssrc);

  const Counters& counters() const { return counters_; }

 private:
  struct Held {
    Bytes bytes;
    bool key_frame = false;
    TimePoint arrival;
  };
  struct Slot {
    Slot(std::uint32_t ssrc, bool is_picture)
        : picture(is_picture), stream(ssrc, is_picture ? 90000U : 48000U, is_picture) {}
    bool picture;
    webrtc::ReceiveStream stream;
    webrtc::Vp8Assembler assembler;
    webrtc::KeyFrameRequest key_frame;
    std::deque<Held> held;
    std::optional<std::pair<calls::MemberId, e2ee::Kind>> shows;
    bool needs_key_frame = true;
    TimePoint shown_at{};
  };
  Slot* slot_of(std::uint32_t ssrc);
  void take_frames(Slot& slot, TimePoint now);
  void open_held(Slot& slot, TimePoint now);
  void show(Slot& slot, const Held& held, Circle::Opened&& opened, TimePoint now);

  Circle& circle_;
  Sink sink_;
  std::map<std::uint32_t, Slot> slots_;
  webrtc::TransportCcReceiver arrivals_;
  TimePoint reported_{};
  Counters counters_;
};

}  // namespace conclave::member
