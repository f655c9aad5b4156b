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
#include <memory>
#include <set>
#include <span>

#include "crypto/aead.hpp"
#include "crypto/strong.hpp"
#include "node/calls/message.hpp"
#include "node/calls/routes.hpp"
#include "transport/io/clock.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/endpoint.hpp"

namespace conclave::calls {

using webrtc::SessionId;
/// Our number of a link, which its datagrams carry in bytes 1 to 3 (`media_link_of`); the caller gives them out.
using LinkId = Strong<struct LinkIdTag, std::uint32_t>;

/// One line of a page's `watch`. For audio only `mid` counts: it says that the page has such a slot, and the node
/// chooses who is heard in it.
struct Watched {
  std::uint16_t mid = 0;
  MemberId member;
  MediaKind kind = MediaKind::video;
  std::uint16_t height = 0;  ///< in pixels, as it is shown
};

/// What is being sent into a page's slot from now on; nobody: nothing any more.
struct SlotAssigned {
  std::uint16_t mid = 0;
  std::optional<MemberId> member;
  MediaKind kind = MediaKind::video;
  std::uint32_t ssrc = 0;
  bool operator==(const SlotAssigned&) const = default;
};

/// Why a picture is as small as it is.
enum class Smaller : Byte {
  none,      ///< it is as large as asked for
  downlink,  ///< the way to this page does not take more
  theirs,    ///< its sender does not send more
  uplink,    ///< no forwarder had the uplink, or it does not come through
  hidden     ///< nobody watches it
};
struct Quality {
  struct Picture {
    MemberId member;
    MediaKind kind = MediaKind::video;
    std::uint16_t height = 0;  ///< of what is being sent
    double loss = 0;           ///< as the page reports it
    Smaller why = Smaller::none;
    bool operator==(const Picture&) const = default;
  };
  std::vector<Picture> pictures;
  double downlink_bps = 0;  ///< what we take the way to the page to be
  double uplink_loss = 0;   ///< of what the page sends us
  /// Layers of its camera (bit 0 q, 1 h, 2 f) that somebody watches: the page need not send the others.
  Byte layers_watched = 0;
};

struct MediaKeys {
  crypto::AeadAlgorithm algorithm = crypto::AeadAlgorithm::aes_256_gcm;
  Secret<32> secret;       ///< export("conclave/media/1") of the nQUIC connection
  bool initiator = false;  ///< we dialled
};

struct ForwarderLimits {
  webrtc::BandwidthLimits page, link{1'000'000, 100'000, 200'000'000};
  std::size_t audible = 5;  ///< loudest members that are passed on and subscribed to
};

struct LinkFigures {
  Duration rtt{};
  double estimate_bps = 0;   ///< what the way to the peer takes
  double delivered_bps = 0;  ///< what arrived there in the last half second
  double loss = 0;
};

class Forwarder {
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
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// A page that is connected. Without `may_send` what it sends is dropped, and nothing is sent to it either: a
  /// knocker. Fails with Errc::limit_reached.
  Result<> add_page(SessionId page, const MemberId& member, const webrtc::Claims& claims, bool may_send,
                    TimePoint now);
  void set_may_send(SessionId page, bool may_send);
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
  Result<> on_link_datagram(LinkId link, MutableBytes datagram, TimePoint now);
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
    std::uint64_t repaired = 0;           ///< lost on the way to us, got on asking
    std::uint64_t resent = 0;             ///< repeats of ours, to pages and links
    std::uint64_t recovered = 0;          ///< audio that only a redundant copy brought
    std::uint64_t padding = 0;            ///< probes of pages that ended here
    std::uint64_t key_frames_asked = 0, cache_joins = 0, layer_switches = 0;
    std::uint64_t dropped_late = 0;       ///< too old for their deadline in a queue
    std::uint64_t undecryptable = 0;      ///< link datagrams that were not the peer's, or repeats of one
  };
  Figures figures() const;
  std::optional<LinkFigures> link_figures(LinkId link) const;

  void advance(TimePoint now);
  TimePoint deadline() const;

 private:
  class Plane;
  std::unique_ptr<Plane> plane_;
};

}  // namespace conclave::calls
