#pragma once
/// The packet plane of one conference on one node: what its own pages send goes to the other pages here and, over
/// media links, to other nodes; what comes over links goes on to children and to the pages that watch it. Blind:
/// payloads pass untouched but for the VP8 descriptor's running numbers. docs/calls.md, sections 4, 5 and 7.
///
/// Sans-IO. RTP and RTCP to pages go out through the WebRTC endpoint, which the caller flushes (inside
/// `Endpoint::receive` and `advance` that happens by itself); link datagrams and everything the control side has to
/// know go out through `Outputs`. Nothing in `Outputs` may call back into the forwarder from inside, except
/// `figures`: keep it and do it after.
///
/// What pages and peers can make grow is bounded: streams by the roster's members, rings by one second, slots by
/// `slots_max`. What a peer node may send is not checked against a plan: it can waste what it is subscribed for.
#include <map>
#include <memory>
#include <set>
#include <span>

#include "node/calls/active_speaker.hpp"
#include "node/calls/media_link.hpp"
#include "node/calls/page.hpp"
#include "node/calls/routes.hpp"
#include "node/calls/view.hpp"
#include "transport/io/clock.hpp"
#include "transport/webrtc/endpoint.hpp"

namespace conclave::calls {

using webrtc::SessionId;
struct ForwarderLimits {
  webrtc::BandwidthLimits page, link{1'000'000, 100'000, 200'000'000};
  std::size_t audible = 5;  ///< loudest members that are passed on and subscribed to
};

class Forwarder : private MediaLink::Owner {
 public:
  static constexpr std::size_t slots_max = 128;    ///< of one page
  static constexpr std::size_t pages_max = 256;
  static constexpr std::size_t links_max = 256;
  static constexpr std::size_t feeds_max = 1024;   ///< as streams in a plan

  class Outputs {
   public:
    virtual ~Outputs() = default;
    /// One datagram of the media link, to the peer's address.
    virtual void to_link(LinkId link, ByteView datagram) = 0;
    /// Only slots that have changed. Before the first packet of it.
    virtual void slots_changed(SessionId page, std::span<const SlotAssigned> slots) = 0;
    /// Loudest first; to be told to all our pages. When the order changes.
    virtual void speakers(std::span<const MemberId> loudest) = 0;
    /// Once a second where something has changed.
    virtual void quality(SessionId page, const Quality& quality) = 0;
    /// Everything that our own pages send, whole, when something of it has changed enough to matter.
    virtual void published(std::vector<Published> streams) = 0;
    /// Streams of other nodes that our pages need now, whole: to be demanded and subscribed through Routes.
    virtual void wanted(const std::set<std::uint32_t>& streams) = 0;
    /// Somebody here needs a key frame of a stream that comes from another node. At most one in 300 ms per stream.
    virtual void ask_key_frame(std::uint32_t stream) = 0;
    /// An authentic datagram came: for `Routes::on_heard`, `Steering::on_heard`.
    virtual void heard(LinkId link, TimePoint now) = 0;
    /// A media packet came: for `Routes::on_packet`, which must know the newest. Copies of known ones do not show.
    virtual void packet(TreeId tree, std::uint32_t sequence, LinkId from, TimePoint now) = 0;
  };

  /// All four must outlive this.
  Forwarder(Outputs& outputs, webrtc::Endpoint& endpoint, io::Clock& clock, Random& random,
            ForwarderLimits limits = {});
  ~Forwarder() override;
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// A page that is connected. Without `may_send` what it sends is dropped, and nothing is sent to it either: a
  /// knocker. Fails with Errc::limit_reached.
  Result<> add_page(SessionId page, const MemberId& member, const webrtc::Claims& claims, bool may_send,
                    TimePoint now);
  void set_may_send(SessionId page, bool may_send);
  /// The page's frames are looked at for these seals, and counted.
  void expect_sealed(SessionId page, const Seals& seals);
  void remove_page(SessionId page, TimePoint now);
  void watch(SessionId page, std::span<const Watched> slots, TimePoint now);
  void on_rtp(SessionId page, const webrtc::RtpPacket& packet, TimePoint arrival);
  void on_rtcp(SessionId page, std::span<const webrtc::Rtcp> messages, TimePoint arrival);

  /// What all other nodes' members publish (their `streams` messages together), whole.
  void set_elsewhere(std::span<const Published> streams, TimePoint now);
  /// Forgets a member at once, wherever it is: it has left or was removed.
  void forget_member(const MemberId& member, TimePoint now);

  /// `their_number` is the peer's number of the link, for our datagrams to it. Fails with Errc::limit_reached.
  Result<> add_link(LinkId link, std::uint32_t their_number, const MediaKeys& keys, TimePoint now);
  void remove_link(LinkId link);
  /// Decrypts in place. Fails as MediaOpener::open does, with Errc::not_found for an unknown link, Errc::malformed
  /// for units that do not parse.
  /// `waited`: as in io::Packet.
  Result<> on_link_datagram(LinkId link, MutableBytes datagram, TimePoint now, Duration waited = {});
  /// Who gets the packets with sequence % parts == tree.part; replaces the earlier list. From Routes::children.
  void set_children(TreeId tree, Byte parts, std::span<const LinkId> children);
  /// In how many parts a stream of another node comes to us: 1 unless told, and gaps are judged by it.
  void set_parts(std::uint32_t stream, Byte parts);
  /// The last second of a tree behind `after`, for a child that has come anew.
  void resend(TreeId tree, Byte parts, LinkId child, std::uint32_t after, TimePoint now);
  /// Another node asks for a key frame of a stream that one of our pages publishes, or that we pass on.
  void on_key_frame_request(std::uint32_t stream, TimePoint now);
  /// Newest sequence that we have of a stream, for `Subscribe::after`; nothing while there is none.
  std::optional<std::uint32_t> newest(std::uint32_t stream) const;

  struct Figures {
    std::uint64_t packets_in = 0;         ///< media from pages and links, copies not counted
    std::uint64_t to_pages = 0, to_links = 0;
    std::uint64_t relayed_bytes = 0;      ///< media of others' pages that we have handed on to other nodes
    std::uint64_t repaired = 0;           ///< lost on the way to us, got on asking
    std::uint64_t resent = 0;             ///< repeats of ours, to pages and links
    std::uint64_t recovered = 0;          ///< audio that only a redundant copy brought
    std::uint64_t repeated = 0;           ///< audio sent to pages once more, unasked
    std::uint64_t padding = 0;            ///< probes of pages that ended here
    std::uint64_t key_frames_asked = 0, cache_joins = 0, layer_switches = 0;
    std::uint64_t dropped_late = 0;       ///< too old for their deadline in a queue
    SealCount frames;                     ///< of our own pages: with their member's seal, and without
    std::uint64_t undecryptable = 0;      ///< link datagrams that were not the peer's, or repeats of one
  };
  Figures figures() const;
  std::optional<LinkFigures> link_figures(LinkId link) const;

  void advance(TimePoint now);
  TimePoint deadline() const;

 private:
  void datagram(LinkId link, ByteView bytes) override;
  std::optional<MediaUnit> stored(std::uint32_t stream, std::uint32_t sequence, TimePoint now) override;
  void unit(LinkId from, const MediaUnit& unit, bool copy, TimePoint now) override;
  void asked(LinkId from, std::uint32_t stream, Byte part, std::span<const std::uint32_t> sequences,
             TimePoint now) override;
  void clock(LinkId from, std::uint32_t stream, const webrtc::ReceiveStream::Mapping& mapping) override;

  using Picture = std::optional<webrtc::Vp8Descriptor>;
  void pass(Feed& feed, const MediaUnit& unit, const Picture& picture, std::optional<LinkId> from, TimePoint now);
  void pass_clock(Feed& feed, const webrtc::ReceiveStream::Mapping& mapping, std::optional<LinkId> from, TimePoint now);
  Feed* feed_for(const StreamName& name, bool local);
  void forget_feeds(const MemberId& member, bool local);
  Page* page_of(const MemberId& member);
  void join(Feed& feed);
  void join_all();

  void tick(TimePoint now);
  TimePoint next_tick(TimePoint now) const;
  void service_pages(TimePoint now);
  void ask_key_frames(TimePoint now);
  void ask_gaps(TimePoint now);
  /// Who is heard and which layers go where.
  void choose(TimePoint now);
  std::vector<MemberId> audible(TimePoint now);
  void tell_slots(Page& page);
  void tell_wanted(TimePoint now);
  void tell_published(TimePoint now);
  void tell_quality(TimePoint now);
  Byte layers_watched(const MemberId& member) const;
  static void count(const Page& page, Figures& into);

  Outputs& outputs_;
  webrtc::Endpoint& endpoint_;
  io::Clock& clock_;
  Random& random_;
  ForwarderLimits limits_;
  Feeds feeds_;
  std::uint32_t feeds_made_ = 0;
  std::map<std::uint32_t, std::unique_ptr<Page>> pages_;
  std::map<LinkId, std::unique_ptr<MediaLink>> links_;
  std::map<std::uint32_t, std::vector<Feed::Child>> children_;  ///< also of streams that have not come yet
  std::map<std::uint32_t, Byte> parts_;
  ActiveSpeaker speakers_;
  std::vector<MemberId> audible_, told_speakers_;
  std::set<std::uint32_t> wanted_;
  std::vector<Published> published_;
  TimePoint tick_at_{}, choose_at_{}, report_at_{}, published_at_{};
  Figures figures_;  ///< of pages that have gone, and what pages do not count
};

}  // namespace conclave::calls
