#pragma once
/// One conference on one node, as far as control goes: the roster, who is connected, who sends what, the plan and the
/// routes. Sans-IO: messages and time in, messages and instructions for the packet plane out. docs/calls.md.
#include <deque>
#include <map>
#include <set>

#include "node/calls/message.hpp"
#include "node/calls/roster.hpp"
#include "node/calls/routes.hpp"
#include "node/calls/signal.hpp"
#include "node/calls/steering.hpp"

namespace conclave::calls {

/// A page that is connected to this node.
using PageId = webrtc::SessionId;

/// What a room asks its owner to do.
class RoomOutputs {
 public:
  virtual ~RoomOutputs() = default;
  virtual void to_node(const NodeKey& node, const Message& message) = 0;
  virtual void to_page(PageId page, const std::string& json) = 0;
  /// The page may send and receive media from now on.
  virtual void admit_page(PageId page, const MemberId& member) = 0;
  /// Out: removed, left, or never let in. The page has been told.
  virtual void dismiss_page(PageId page) = 0;
  /// Who gets the packets of this tree besides our own pages.
  virtual void children(TreeId tree, Byte parts, const std::vector<NodeKey>& nodes) = 0;
  /// In how many parts a stream of another node comes.
  virtual void parts(std::uint32_t stream, Byte parts) = 0;
  /// Packets behind `after` go to a node that comes over from a dead parent.
  virtual void resend(TreeId tree, Byte parts, const NodeKey& node, std::uint32_t after) = 0;
  virtual void key_frame(std::uint32_t stream) = 0;
  /// What everyone here and elsewhere publishes, for choosing layers.
  virtual void published_elsewhere(std::span<const Published> streams) = 0;
  /// Nodes that should be connected: those who serve members.
  virtual void want_nodes(const std::set<NodeKey>& nodes) = 0;
  virtual void roster_changed() = 0;
};

class Room {
 public:
  /// A page's or a node's statements that are kept while nobody vouches for them.
  static constexpr std::size_t parcels_remembered = 4096;

  Room(const ConferenceKey& conference, const NodeKey& self, RoomOutputs& outputs);

  const ConferenceKey& conference() const { return roster_.conference(); }
  const Roster& roster() const { return roster_; }

  /// Statements of our own making, or kept from before.
  void learn(const Statement& statement, UnixTime wall, TimePoint now);

  // --- pages ---
  void page_came(PageId page);
  /// Fails with Errc of decoding; the page is to be closed when it does.
  Result<> page_says(PageId page, const FromPage& message, UnixTime wall, TimePoint now);
  void page_went(PageId page, TimePoint now);
  /// The member that the page is, once it has said so and is let in.
  std::optional<MemberId> member_of(PageId page) const;
  std::size_t pages() const { return pages_.size(); }

  // --- nodes ---
  /// A control stream to the node is open: it hears hello from us.
  void node_came(const NodeKey& node, std::uint32_t link, const Doors& doors, UnixTime wall,
                 TimePoint now);
  void node_went(const NodeKey& node, TimePoint now);
  Result<> node_says(const NodeKey& node, const Message& message, UnixTime wall, TimePoint now);
  std::vector<NodeKey> connected() const;
  /// Media reach a connected node by another link than before.
  void links_changed();

  // --- the packet plane ---
  /// What our pages publish changed; and what they need from elsewhere.
  void publish(std::vector<Published> streams, TimePoint now);
  void need(std::set<std::uint32_t> streams, TimePoint now);
  /// A media packet or heartbeat of that node.
  void heard(const NodeKey& node, TimePoint now);
  void packet(TreeId tree, std::uint32_t sequence, const NodeKey& from, TimePoint now);
  /// A page lacks a key frame of a stream that comes from elsewhere.
  void ask_key_frame(std::uint32_t stream);
  void set_rtts(std::map<NodeKey, Duration> rtts) { rtts_ = std::move(rtts); }
  void set_uplink(std::uint64_t bps) { uplink_bps_ = bps; }

  void advance(UnixTime wall, TimePoint now);
  TimePoint deadline() const;

 private:
  struct Page {
    std::optional<CallKey> call;
    MemberId member;
    bool admitted = false;
  };
  struct Peer {
    bool greeted = false;
    std::vector<Published> streams;
    Demand demand;
  };
  void share(const std::vector<Bytes>& statements, const std::optional<NodeKey>& except_node,
             const std::optional<PageId>& except_page);
  std::vector<Bytes> take(const std::vector<Bytes>& statements, UnixTime wall, TimePoint now);
  void after_roster(UnixTime wall, TimePoint now);
  void greet(PageId id, Page& page, UnixTime wall);
  void deliver(const MemberId& from, const MemberId& to, const Bytes& parcel);
  void spread(const MemberId& from, std::uint64_t number, const Bytes& parcel, const std::optional<NodeKey>& except);
  Result<> on_plan(const PlanMessage& message, TimePoint now);
  void make_and_publish(std::uint64_t version, const std::vector<NodeKey>& alive, TimePoint now);
  PlanInput plan_input(const std::vector<NodeKey>& nodes) const;
  Plan in_our_numbers(const PlanMessage& message);
  void follow_routes(TimePoint now);
  void children_changed(TreeId tree);
  void tell_demand();
  NodeIndex number_of(const NodeKey& node);
  Byte parts_of(std::uint32_t stream) const;
  void tell_elsewhere();
  bool serves(const NodeKey& node, UnixTime wall) const;

  NodeKey self_;
  RoomOutputs& outputs_;
  Roster roster_;
  Steering steering_;
  Routes routes_;
  std::map<PageId, Page> pages_;
  std::map<NodeKey, Peer> peers_;
  /// Our numbers for nodes; they stay while the room lives.
  std::map<NodeKey, NodeIndex> numbers_;
  std::vector<NodeKey> nodes_;
  std::vector<Published> own_streams_;
  std::set<std::uint32_t> needed_;
  std::map<NodeKey, Duration> rtts_;
  std::uint64_t uplink_bps_ = 20'000'000;
  std::map<std::uint32_t, Byte> parts_;  ///< of each stream in the plan in force
  std::uint64_t plan_version_ = 0;
  std::optional<PlanInput> planned_;  ///< what the plan in force was made from, if we made it
  TimePoint planned_at_{};
  std::uint64_t parcel_number_ = 0;
  std::set<std::pair<MemberId, std::uint64_t>> parcels_;
  std::deque<std::pair<MemberId, std::uint64_t>> parcels_order_;
  std::set<NodeKey> wanted_nodes_;
  TimePoint swept_{};
};

}  // namespace conclave::calls
