#pragma once
/// Conferences on a node: founds them, finds them, lets pages in, keeps control streams to the other nodes.
///
/// Runs on the node's thread. What a page or a node says is judged by the room (roster, routes); what it costs is
/// bounded by the endpoint's, the forwarder's and the swarm's limits.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "crypto/sealed_entry.hpp"
#include "node/calls/invitation.hpp"
#include "node/calls/live_room.hpp"
#include "node/store/store.hpp"
#include "transport/address/peer_address.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/scope.hpp"
#include "transport/swarm/swarm.hpp"
#include "transport/webrtc/attachment.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace conclave::calls {

struct HostParts {
  boost::asio::any_io_executor executor;
  io::Clock& clock;
  Random& random;
  const NodeKeys& keys;
  Certificate certificate;  ///< of this device, under its account
  store::Store& store;
  swarm::Swarm& swarm;
  io::Demux& demux;
  std::uint64_t uplink_bps;  ///< what this node declares it can send for conferences
  /// Our UDP addresses, best first, for links and for the conference's meeting point.
  std::function<std::vector<address::PeerAddress>()> addresses;
  /// Those of them at which strangers have got in.
  std::function<std::vector<io::Endpoint>()> proven;
  /// Whether strangers can get in from outside, in words.
  std::function<std::string()> reach_words;
  /// Entries at the conference's meeting point.
  std::function<boost::asio::awaitable<void>(MeetingPoint, std::function<void(const SealedEntry&)>)>
      read_point;
  std::function<void(const SealedEntry&)> publish;
};

class Host final : public webrtc::Endpoint::Listener, public LiveRoomOwner {
 public:
  static constexpr std::size_t rooms_max = 32;
  static constexpr std::size_t streams_max = 1024;
  static constexpr std::size_t tickets_max = 256;
  /// Rings of contacts that may still be answered.
  static constexpr std::size_t summons_max = 16;

  explicit Host(HostParts parts);
  ~Host() override;

  boost::asio::awaitable<Result<>> start();
  boost::asio::awaitable<void> close();

  struct Known {
    ConferenceKey conference;
    std::string name;
    std::size_t members = 0;
    bool founded = false;
    bool lasting = true;  ///< false: a call to a contact, forgotten at the next start
  };
  std::vector<Known> list() const;
  /// A new conference of which this account is admin.
  boost::asio::awaitable<Result<ConferenceKey>> create(std::string name, bool lasting);
  /// Errc::not_found; refused while a page of ours is in it.
  boost::asio::awaitable<Result<>> forget(ConferenceKey conference);
  /// A contact's node rang for us and gave us this invite.
  void summoned(const ConferenceKey& conference, const Secret<32>& invite, const NodeKey& from);
  /// Makes the conference live here and looks for its nodes. Whether we may certify our own page.
  boost::asio::awaitable<Result<bool>> enter(ConferenceKey conference);

  struct Opened {
    static constexpr std::size_t places_max = 4;
    std::vector<io::Endpoint> at;  ///< of this machine, best first
    std::string ice_pwd;
    webrtc::Fingerprint fingerprint;
    std::string ufrag;
  };
  /// A way in for our own page, good once, for the certificate that `claims` name. Errc::not_found (enter
  /// first).
  Result<Opened> open(const ConferenceKey& conference, webrtc::Claims claims);
  /// The member statement of our own page. Errc::refused where we are no admin, bad_signature without its
  /// consent.
  Result<Bytes> certify(const ConferenceKey& conference, Member member);
  /// Lets in who knocks. Errc::not_found, refused.
  Result<> admit(const ConferenceKey& conference, const MemberId& member);
  /// `revoke_invite`: later arrivals by the same invite knock.
  Result<> remove(const ConferenceKey& conference, const MemberId& member, bool revoke_invite);
  Result<> ask_to_mute(const ConferenceKey& conference, const MemberId& member, std::uint8_t kinds);
  struct Invitation {
    ConferenceLink link;
    std::string words;
  };
  /// A link to a conference that is entered, for programs of this machine: this node first. Who comes by it knocks,
  /// unless we were rung for. Errc::not_found.
  Result<ConferenceLink> door(const ConferenceKey& conference) const;
  boost::asio::awaitable<Result<Invitation>> invite(ConferenceKey conference, std::uint16_t members_max,
                                                    std::chrono::milliseconds life);
  /// The seed of a new invite. Errc::not_found; refused where we are no admin.
  boost::asio::awaitable<Result<Secret<32>>> invite_key(ConferenceKey conference, std::uint16_t members_max,
                                                        std::chrono::milliseconds life);
  void on_change(std::function<void(const ConferenceKey&)> changed) { changed_ = std::move(changed); }
  struct Given {
    std::uint64_t packets_to_links = 0, packets_to_pages = 0, uplink_bps = 0;
    std::uint64_t relayed_bytes = 0;  ///< media of others handed on to others
    SealCount frames;  ///< that our own pages sent
  };
  /// Since the start, in conferences that are over as well.
  Given given() const;
  void set_uplink(std::uint64_t bps);

 private:
  struct Hosted;
  struct Control;
  struct Ticket {
    ConferenceKey conference;
    webrtc::Fingerprint page;
  };
  struct Summons {
    ConferenceKey conference;
    Secret<32> invite;
    NodeKey from;
  };
  using Token = Fixed<struct TokenTag, 16>;

  Hosted* find(const ConferenceKey& conference);
  boost::asio::awaitable<Result<>> open_door();
  /// Behind the open door.
  Result<Hosted*> make_live(const ConferenceKey& conference);
  void drop(const ConferenceKey& conference);
  static void count(const Forwarder::Figures& figures, Given& into);
  Doors own_doors() const;
  Result<> say(const ConferenceKey& conference, Saying saying);
  boost::asio::awaitable<void> keep_room(ConferenceKey conference);
  boost::asio::awaitable<void> search(ConferenceKey conference);
  void publish_entry(Hosted& hosted);
  boost::asio::awaitable<void> reach(ConferenceKey conference, NodeKey node,
                                     std::vector<address::PeerAddress> at);
  boost::asio::awaitable<void> accept_stream(std::shared_ptr<io::Connection> connection,
                                             std::unique_ptr<io::Stream> stream);
  boost::asio::awaitable<void> run_stream(ConferenceKey conference,
                                          std::shared_ptr<io::Connection> connection,
                                          std::unique_ptr<io::Stream> stream, std::optional<Message> first);
  boost::asio::awaitable<void> write_loop(std::shared_ptr<Control> control);
  void hear_media(std::span<const io::Packet> packets);
  void arm();
  void advance();
  Result<Bytes> open_ufrag(ByteView sealed) const;

  // webrtc::Endpoint::Listener
  bool opened(webrtc::SessionId session, const webrtc::Claims& claims, const io::Endpoint& from) override;
  void connected(webrtc::SessionId session) override;
  void rtp(webrtc::SessionId session, const webrtc::RtpPacket& packet, TimePoint arrival) override;
  void rtcp(webrtc::SessionId session, std::span<const webrtc::Rtcp> messages, TimePoint arrival) override;
  void message(webrtc::SessionId session, const webrtc::Sctp::Message& message) override;
  void closed(webrtc::SessionId session, Error why) override;

  // LiveRoomOwner
  void write_to(std::uint32_t stream, const Message& message) override;
  void send_datagram(const io::Endpoint& to, ByteView datagram) override;
  void want_nodes(const ConferenceKey& conference, const std::set<NodeKey>& nodes) override;
  void roster_changed(const ConferenceKey& conference) override;
  void poke() override;

  HostParts parts_;
  webrtc::EndpointIdentity identity_;
  std::unique_ptr<webrtc::Endpoint> endpoint_;
  std::unique_ptr<webrtc::Attachment> attachment_;
  std::map<ConferenceKey, std::unique_ptr<Hosted>> rooms_;
  Given over_;  ///< in conferences that are no more
  std::map<webrtc::SessionId, ConferenceKey> sessions_;
  std::map<std::uint32_t, std::shared_ptr<Control>> streams_;
  std::uint32_t last_stream_ = 0;
  std::map<Token, Ticket> tickets_;
  std::deque<Summons> summons_;  ///< the latest last
  std::function<void(const ConferenceKey&)> changed_;
  std::optional<io::Clock::Alarm> alarm_;
  TimePoint armed_ = TimePoint::max();
  bool poked_ = false;
  io::Scope scope_;
};

}  // namespace conclave::calls
