#pragma once
/// A conference that is going on at this node: the room's control, the forwarder's packets, the links to other nodes,
/// joined by numbers. Owned by `Host`, which has the sockets and the streams.
#include <map>
#include <memory>

#include "node/calls/forwarder.hpp"
#include "node/calls/room.hpp"
#include "transport/io/connection.hpp"

namespace conclave::calls {

/// What a live room needs from the host.
class LiveRoomOwner {
 public:
  virtual ~LiveRoomOwner() = default;
  virtual void write_to(std::uint32_t stream, const Message& message) = 0;
  virtual void send_datagram(const io::Endpoint& to, ByteView datagram) = 0;
  virtual void want_nodes(const ConferenceKey& conference, const std::set<NodeKey>& nodes) = 0;
  virtual void roster_changed(const ConferenceKey& conference) = 0;
  virtual void poke() = 0;  ///< something is to be sent or timed
};

class LiveRoom final : public RoomOutputs, public Forwarder::Outputs {
 public:
  LiveRoom(const ConferenceKey& conference, const NodeKey& self, LiveRoomOwner& owner, webrtc::Endpoint& endpoint,
           io::Clock& clock, Random& random);

  Room& room() { return room_; }
  const Room& room() const { return room_; }
  Forwarder::Figures forwarder_figures() const { return forwarder_.figures(); }

  // --- pages ---
  /// A page is connected; `claims` are what its ufrag said.
  void page_came(PageId page, const webrtc::Claims& claims);
  void page_message(PageId page, std::string_view text);
  void page_went(PageId page);
  void on_rtp(PageId page, const webrtc::RtpPacket& packet, TimePoint arrival);
  void on_rtcp(PageId page, std::span<const webrtc::Rtcp> messages, TimePoint arrival);

  // --- nodes: one control stream each, numbered by the host; its number is that of the media link too ---
  void stream_came(std::uint32_t stream, std::shared_ptr<io::Connection> connection, const Doors& doors);
  /// Fails with what the message was refused for: the stream is to be ended.
  Result<> stream_says(std::uint32_t stream, const Message& message);
  void stream_went(std::uint32_t stream);
  bool connected(const NodeKey& node) const;
  void link_datagram(std::uint32_t stream, MutableBytes datagram, Duration waited);
  /// Where pages may enter through other nodes of the conference.
  std::vector<Doors> other_doors() const;

  void advance();
  TimePoint deadline() const;
  void set_uplink(std::uint64_t bps) { room_.set_uplink(bps); }

 private:
  struct Stream {
    NodeKey node;
    std::shared_ptr<io::Connection> connection;
    Doors doors;
    bool linked = false;
  };
  std::optional<std::uint32_t> stream_to(const NodeKey& node) const;

  // RoomOutputs
  void to_node(const NodeKey& node, const Message& message) override;
  void to_page(PageId page, const std::string& json) override;
  void admit_page(PageId page, const MemberId& member) override;
  void dismiss_page(PageId page) override;
  void children(TreeId tree, Byte parts, const std::vector<NodeKey>& nodes) override;
  void parts(std::uint32_t stream, Byte parts) override;
  void resend(TreeId tree, Byte parts, const NodeKey& node, std::uint32_t after) override;
  void key_frame(std::uint32_t stream) override;
  void published_elsewhere(std::span<const Published> streams) override;
  void want_nodes(const std::set<NodeKey>& nodes) override;
  void roster_changed() override;

  // Forwarder::Outputs. What touches the forwarder again is done after its call, in `settle`.
  void to_link(LinkId link, ByteView datagram) override;
  void slots_changed(SessionId page, std::span<const SlotAssigned> slots) override;
  void speakers(std::span<const MemberId> loudest) override;
  void quality(SessionId page, const Quality& quality) override;
  void published(std::vector<Published> streams) override;
  void wanted(const std::set<std::uint32_t>& streams) override;
  void ask_key_frame(std::uint32_t stream) override;
  void heard(LinkId link, TimePoint now) override;
  void packet(TreeId tree, std::uint32_t sequence, LinkId from, TimePoint now) override;

  /// Runs what the forwarder's outputs asked for, until nothing is left.
  void settle();
  void later(std::function<void()> work);

  LiveRoomOwner& owner_;
  webrtc::Endpoint& endpoint_;
  io::Clock& clock_;
  Room room_;
  Forwarder forwarder_;
  std::map<PageId, webrtc::Claims> claims_;
  std::map<PageId, SignalParts> parts_of_pages_;
  std::map<std::uint32_t, Stream> streams_;
  std::vector<std::function<void()>> later_;
  bool settling_ = false;
  std::set<MemberId> members_;
};

}  // namespace conclave::calls
