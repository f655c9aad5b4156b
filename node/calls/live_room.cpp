#include "node/calls/live_room.hpp"

namespace conclave::calls {
namespace {

/// Of a page's data channel.
constexpr std::uint16_t signalling_channel = 0;

}  // namespace

LiveRoom::LiveRoom(const ConferenceKey& conference, const NodeKey& self, LiveRoomOwner& owner, webrtc::Endpoint& endpoint,
                   io::Clock& clock, Random& random)
    : owner_(owner),
      endpoint_(endpoint),
      clock_(clock),
      room_(conference, self, *this),
      forwarder_(*this, endpoint, clock, random) {}

void LiveRoom::later(std::function<void()> work) {
  later_.push_back(std::move(work));
  owner_.poke();
}

void LiveRoom::settle() {
  if (settling_) return;
  settling_ = true;
  while (!later_.empty()) {
    auto work = std::exchange(later_, {});
    for (auto& each : work) each();
  }
  settling_ = false;
  owner_.poke();
}

// --- pages ---

void LiveRoom::page_came(PageId page, const webrtc::Claims& claims) {
  claims_[page] = claims;
  room_.page_came(page);
}

void LiveRoom::page_message(PageId page, std::string_view text) {
  auto refuse = [&] { endpoint_.close(page); };
  auto whole = parts_of_pages_[page].take(text);
  if (!whole) return refuse();
  if (!*whole) return;
  auto message = decode_signal(**whole);
  // A page of another version may say what we do not know; what we cannot parse at all ends it.
  if (!message) return message.error() == Errc::unsupported ? void() : refuse();
  if (auto* watch = std::get_if<PageWatch>(&*message)) {
    if (room_.member_of(page)) forwarder_.watch(page, watch->slots, clock_.now());
  } else if (std::holds_alternative<PageBye>(*message)) {
    return refuse();
  } else if (!room_.page_says(page, *message, clock_.unix_now(), clock_.now())) {
    return refuse();
  }
  settle();
}

void LiveRoom::page_went(PageId page) {
  claims_.erase(page);
  parts_of_pages_.erase(page);
  room_.page_went(page, clock_.now());
  forwarder_.remove_page(page, clock_.now());
  settle();
}

void LiveRoom::on_rtp(PageId page, const webrtc::RtpPacket& packet, TimePoint arrival) {
  forwarder_.on_rtp(page, packet, arrival);
  if (!later_.empty()) settle();
}

void LiveRoom::on_rtcp(PageId page, std::span<const webrtc::Rtcp> messages, TimePoint arrival) {
  forwarder_.on_rtcp(page, messages, arrival);
  if (!later_.empty()) settle();
}

void LiveRoom::to_page(PageId page, const std::string& json) {
  for (const auto& part : cut_signal(json)) (void)endpoint_.send_message(page, signalling_channel, view(part), true);
  owner_.poke();
}

void LiveRoom::admit_page(PageId page, const MemberId& member) {
  auto claims = claims_.find(page);
  if (claims == claims_.end()) return;
  later([this, page, member, about = claims->second] {
    if (!forwarder_.add_page(page, member, about, /*may_send=*/true, clock_.now())) {
      to_page(page, refused_json("full"));
      endpoint_.close(page);
      return;
    }
    for (const auto& [call, entry] : room_.roster().members(clock_.unix_now()))
      if (entry.id == member) forwarder_.expect_sealed(page, Seals(call));
  });
}

void LiveRoom::dismiss_page(PageId page) {
  later([this, page] {
    forwarder_.remove_page(page, clock_.now());
    endpoint_.close(page);
  });
}

// --- nodes ---

/// Of several the newest that carries media: the older ones' connections are being replaced.
std::optional<std::uint32_t> LiveRoom::stream_to(const NodeKey& node) const {
  std::optional<std::pair<bool, std::uint32_t>> best;
  for (const auto& [number, stream] : streams_)
    if (stream.node == node && !stream.connection->closed())
      best = std::max(best, std::optional(std::pair(stream.linked, number)));
  if (!best) return std::nullopt;
  return best->second;
}

bool LiveRoom::connected(const NodeKey& node) const { return stream_to(node).has_value(); }

void LiveRoom::stream_came(std::uint32_t number, std::shared_ptr<io::Connection> connection,
                           const Doors& doors) {
  auto node = connection->peer();
  const bool media = connection->kind() == io::Connection::Kind::nquic;
  streams_.emplace(number, Stream{node, std::move(connection), {}, false});
  room_.node_came(node, media ? number : 0, doors, clock_.unix_now(), clock_.now());
  settle();
}

Result<> LiveRoom::stream_says(std::uint32_t number, const Message& message) {
  auto found = streams_.find(number);
  if (found == streams_.end()) return fail(Errc::not_found);
  auto& stream = found->second;
  if (auto* hello = std::get_if<Hello>(&message)) {
    stream.doors = {hello->entries, hello->proven};
    auto secret = stream.connection->export_secret("conclave/media/1");
    if (hello->link != 0 && secret && !stream.linked) {
      MediaKeys keys{crypto::AeadAlgorithm::aes_256_gcm, *secret, stream.connection->dialled_by_us()};
      CHECK(forwarder_.add_link(LinkId(number), hello->link, keys, clock_.now()));
      stream.linked = true;
      room_.links_changed();
    }
  }
  auto node = stream.node;
  auto result = room_.node_says(node, message, clock_.unix_now(), clock_.now());
  settle();
  return result;
}

void LiveRoom::stream_went(std::uint32_t number) {
  auto found = streams_.find(number);
  if (found == streams_.end()) return;
  auto node = found->second.node;
  if (found->second.linked) forwarder_.remove_link(LinkId(number));
  streams_.erase(found);
  if (connected(node)) {
    room_.links_changed();
  } else {
    room_.node_went(node, clock_.now());
  }
  settle();
}

void LiveRoom::link_datagram(std::uint32_t number, MutableBytes datagram, Duration waited) {
  // Forged and late datagrams are counted by the forwarder; there is nobody to tell.
  (void)forwarder_.on_link_datagram(LinkId(number), datagram, clock_.now(), waited);
  settle();
}

std::vector<Doors> LiveRoom::other_doors() const {
  std::map<NodeKey, Doors> one_each;
  for (const auto& [number, stream] : streams_)
    if (!stream.doors.entries.empty()) one_each.emplace(stream.node, stream.doors);
  std::vector<Doors> out;
  for (auto& [node, doors] : one_each) out.push_back(doors);
  return out;
}

void LiveRoom::to_node(const NodeKey& node, const Message& message) {
  if (auto stream = stream_to(node)) owner_.write_to(*stream, message);
}

// --- the plan's consequences ---

void LiveRoom::children(TreeId tree, Byte parts, const std::vector<NodeKey>& nodes) {
  std::vector<LinkId> links;
  for (const auto& node : nodes)
    if (auto stream = stream_to(node); stream && streams_.at(*stream).linked) links.push_back(LinkId(*stream));
  later([this, tree, parts, links] { forwarder_.set_children(tree, parts, links); });
}

void LiveRoom::parts(std::uint32_t stream, Byte parts) {
  later([this, stream, parts] { forwarder_.set_parts(stream, parts); });
}

void LiveRoom::resend(TreeId tree, Byte parts, const NodeKey& node, std::uint32_t after) {
  auto stream = stream_to(node);
  if (!stream) return;
  later([this, tree, parts, link = LinkId(*stream), after] { forwarder_.resend(tree, parts, link, after, clock_.now()); });
}

void LiveRoom::key_frame(std::uint32_t stream) {
  later([this, stream] { forwarder_.on_key_frame_request(stream, clock_.now()); });
}

void LiveRoom::published_elsewhere(std::span<const Published> streams) {
  later([this, all = std::vector<Published>(streams.begin(), streams.end())] {
    forwarder_.set_elsewhere(all, clock_.now());
  });
}

void LiveRoom::want_nodes(const std::set<NodeKey>& nodes) { owner_.want_nodes(room_.conference(), nodes); }

void LiveRoom::roster_changed() {
  // Whoever left or was removed is not forwarded from this moment on, whatever the keys.
  std::set<MemberId> members;
  for (const auto& [call, entry] : room_.roster().members(clock_.unix_now())) members.insert(entry.id);
  for (const auto& member : members_)
    if (!members.contains(member)) later([this, member] { forwarder_.forget_member(member, clock_.now()); });
  members_ = std::move(members);
  owner_.roster_changed(room_.conference());
}

// --- what the forwarder asks for ---

void LiveRoom::to_link(LinkId link, ByteView datagram) {
  auto found = streams_.find(link.raw());
  if (found != streams_.end()) owner_.send_datagram(found->second.connection->remote(), datagram);
}

void LiveRoom::slots_changed(SessionId page, std::span<const SlotAssigned> slots) { to_page(page, slots_json(slots)); }

void LiveRoom::speakers(std::span<const MemberId> loudest) {
  auto json = speakers_json(loudest);
  for (const auto& [page, claims] : claims_)
    if (room_.member_of(page)) to_page(page, json);
}

void LiveRoom::quality(SessionId page, const Quality& quality) {
  if (auto member = room_.member_of(page)) to_page(page, quality_json(quality, *member));
}

void LiveRoom::published(std::vector<Published> streams) {
  later([this, streams = std::move(streams)] { room_.publish(streams, clock_.now()); });
}

void LiveRoom::wanted(const std::set<std::uint32_t>& streams) {
  later([this, streams] { room_.need(streams, clock_.now()); });
}

void LiveRoom::ask_key_frame(std::uint32_t stream) {
  later([this, stream] { room_.ask_key_frame(stream); });
}

void LiveRoom::heard(LinkId link, TimePoint now) {
  auto found = streams_.find(link.raw());
  if (found != streams_.end()) room_.heard(found->second.node, now);
}

void LiveRoom::packet(TreeId tree, std::uint32_t sequence, LinkId from, TimePoint now) {
  auto found = streams_.find(from.raw());
  if (found != streams_.end()) room_.packet(tree, sequence, found->second.node, now);
}

void LiveRoom::advance() {
  std::map<NodeKey, Duration> rtts;
  for (const auto& [number, stream] : streams_) rtts[stream.node] = stream.connection->smoothed_rtt();
  room_.set_rtts(std::move(rtts));
  forwarder_.advance(clock_.now());
  room_.advance(clock_.unix_now(), clock_.now());
  settle();
}

TimePoint LiveRoom::deadline() const { return std::min(room_.deadline(), forwarder_.deadline()); }

}  // namespace conclave::calls
