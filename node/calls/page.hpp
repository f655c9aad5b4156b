#pragma once
/// One page of ours in a conference, as the packet plane sees it: what it sends (Publisher), the slots in which it
/// receives, and the one controller of the way to it.
#include <deque>
#include <functional>
#include <set>
#include <span>

#include "node/calls/layer_allocator.hpp"
#include "node/calls/page_slot.hpp"
#include "node/calls/publisher.hpp"
#include "node/calls/view.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/endpoint.hpp"
#include "transport/webrtc/pacer.hpp"
#include "transport/webrtc/prober.hpp"

namespace conclave::calls {

class Page {
 public:
  static constexpr std::size_t slots_max = 128;
  /// Above the estimate, so that a key frame does not take half a second; the allocator keeps the average below.
  static constexpr double pace = 2;
  /// Of the estimate, saved up while nothing is sent: a whole frame leaves at once, as it came, where frames fit.
  static constexpr Duration burst{40'000};

  Page(webrtc::SessionId session, const MemberId& member, const webrtc::Claims& claims, webrtc::Endpoint& endpoint,
       Feeds& feeds, Random& random, const webrtc::BandwidthLimits& limits, TimePoint now);

  /// What it shows now. Lines with a mid that is taken by the other kind, or beyond `slots_max`, are ignored.
  void watch(std::span<const Watched> lines);
  /// Loudest members go into the audio slots; who is there stays where he is.
  void listen(std::span<const MemberId> audible);
  /// Chooses layers under the estimate; `first` is who speaks.
  void allocate(const std::optional<MemberId>& first, TimePoint now);
  /// Slots that were assigned anew since the last call.
  std::vector<SlotAssigned> take_assigned() { return std::exchange(assigned_, {}); }

  /// A unit of a feed that a slot of ours watches.
  void take(PageSlot& slot, Feed& feed, const MediaUnit& unit, const std::optional<webrtc::Vp8Descriptor>& picture,
            TimePoint now);
  /// From the feed's key frame on, for a slot that shows nothing yet. True if there was one that the page can open: a
  /// member has no keys of what was sent before it came, and takes a frame that comes twice for an attacker's copy.
  bool catch_up(PageSlot& slot, Feed& feed, TimePoint now);
  /// What the page says of what it receives. Streams of which it needs a key frame.
  std::vector<std::uint32_t> hear(std::span<const webrtc::Rtcp> messages, TimePoint now, UnixTime wall);

  /// Sends what may leave now.
  void drain(TimePoint now);
  void probe(TimePoint now);
  std::vector<webrtc::Rtcp> reports(TimePoint now, UnixTime wall);
  void send(std::span<const webrtc::Rtcp> messages);
  TimePoint deadline() const;

  Quality quality() const;
  /// Streams that it gets or waits for.
  void needs(std::set<std::uint32_t>& out) const;
  /// Largest height in which it watches this member's camera.
  std::uint16_t height_of(const MemberId& member) const;

  webrtc::SessionId session() const { return session_; }
  const MemberId& member() const { return member_; }
  Publisher& publisher() { return publisher_; }
  const Publisher& publisher() const { return publisher_; }
  std::map<std::uint16_t, PageSlot>& slots() { return slots_; }
  const std::map<std::uint16_t, PageSlot>& slots() const { return slots_; }
  Duration rtt() const { return rtt_; }

  bool may_send = true;
  Quality told;  ///< the last that it was told
  std::uint64_t sent = 0, resent = 0, cache_joins = 0;
  std::uint64_t repeated = 0;  ///< audio, unasked
  std::uint64_t dropped() const { return pacer_.dropped(); }

 private:
  struct Item {
    PageSlot* slot;
    PageSlot::Departure departure;
  };
  /// Which packet of which slot left under a transport-wide number, and after how many others of the same.
  struct Copy {
    std::uint16_t mid, sequence;
    std::uint32_t number;
    static Copy of(const PageSlot& slot, const PageSlot::Departure& departure);
    std::uint64_t pack() const { return std::uint64_t{number} << 32 | std::uint32_t{mid} << 16 | sequence; }
    static Copy unpack(std::uint64_t tag) {
      return {static_cast<std::uint16_t>(tag >> 16), static_cast<std::uint16_t>(tag), static_cast<std::uint32_t>(tag >> 32)};
    }
  };
  struct Picture {
    std::uint16_t mid;
    LayerChoice choice;
  };
  /// How far it has got a stream, in whatever slot.
  struct Got {
    std::uint32_t generation = 0, newest = 0;
  };
  void assign(PageSlot& slot, const std::optional<MemberId>& member, MediaKind kind);
  void send(const Item& item, TimePoint now);
  /// What was sent before, in case it was lost.
  void send_again(PageSlot& slot, TimePoint now);
  void push_again(PageSlot& slot, const std::optional<PageSlot::Departure>& departure, TimePoint now);
  void repeat_tails(TimePoint now);
  void repeat_lost(std::span<const webrtc::PacketResult> results, TimePoint now);
  void repeat_lost(const Copy& copy, TimePoint now);
  static bool can_probe(const PageSlot& slot);
  std::size_t fill(PageSlot& slot, std::uint32_t cluster, TimePoint now);
  void hear(const webrtc::TransportFeedback& feedback, TimePoint now);
  void hear(const webrtc::ReportBlock& block, UnixTime wall);
  PageSlot* slot_of(std::uint32_t ssrc, bool retransmission);

  webrtc::SessionId session_;
  MemberId member_;
  webrtc::Claims claims_;
  TimePoint came_;
  webrtc::Endpoint& endpoint_;
  Feeds& feeds_;
  Random& random_;
  Publisher publisher_;
  std::map<std::uint16_t, PageSlot> slots_;
  std::vector<SlotAssigned> assigned_;
  std::vector<Picture> pictures_;
  std::unordered_map<std::uint32_t, Got> got_;  ///< by stream; only what a feed may still have kept
  webrtc::TransportCcSender departures_;
  webrtc::BandwidthEstimator estimator_;
  webrtc::Pacer<Item> pacer_;
  webrtc::Prober prober_;
  LossMemory loss_;
  struct Tail {
    TimePoint at;
    PageSlot* slot;
    std::uint16_t sequence;
  };
  std::deque<Tail> tails_;  ///< of frames, to go once more
  AudioRedundancy redundancy_{0};
  std::uint32_t audio_copies_ = 0;
  double useful_ = 0;
  Duration rtt_{100'000};
};

/// What is to be had of a member's camera or screen.
std::vector<LayerOffer> offers_of(const Feeds& feeds, const MemberId& member, MediaKind kind, TimePoint now);

}  // namespace conclave::calls
