#include "node/calls/forwarder.hpp"

#include <algorithm>

namespace conclave::calls {

using namespace webrtc;

namespace {

constexpr Duration tick_span{20'000}, tick_least{2'000};
/// So that a second parent's copy of a subscription does not start at the beginning of time.
constexpr std::uint32_t resend_max = 1024;

}  // namespace

Forwarder::Forwarder(Outputs& outputs, Endpoint& endpoint, io::Clock& clock, Random& random, ForwarderLimits limits)
    : outputs_(outputs), endpoint_(endpoint), clock_(clock), random_(random), limits_(limits) {}

Forwarder::~Forwarder() = default;

Result<> Forwarder::add_page(SessionId session, const MemberId& member, const Claims& claims, bool may_send,
                             TimePoint now) {
  if (pages_.size() >= pages_max) return fail(Errc::limit_reached);
  auto page = std::make_unique<Page>(session, member, claims, endpoint_, feeds_, random_, limits_.page, now);
  page->may_send = may_send;
  pages_.insert_or_assign(session.raw(), std::move(page));
  return {};
}

void Forwarder::set_may_send(SessionId session, bool may_send) {
  auto found = pages_.find(session.raw());
  if (found == pages_.end()) return;
  found->second->may_send = may_send;
  join_all();
}

void Forwarder::expect_sealed(SessionId session, const Seals& seals) {
  auto found = pages_.find(session.raw());
  if (found != pages_.end()) found->second->publisher().expect(seals);
}

void Forwarder::remove_page(SessionId session, TimePoint now) {
  auto found = pages_.find(session.raw());
  if (found == pages_.end()) return;
  auto gone = std::move(found->second);
  pages_.erase(found);
  count(*gone, figures_);
  // A page that came back over a new connection goes on with its streams.
  if (!page_of(gone->member())) forget_feeds(gone->member(), /*local=*/true);
  choose(now);
}

void Forwarder::watch(SessionId session, std::span<const Watched> slots, TimePoint now) {
  auto found = pages_.find(session.raw());
  if (found == pages_.end()) return;
  found->second->watch(slots);
  choose(now);
  ask_key_frames(now);  // who looks should not wait for the next tick
}

void Forwarder::on_rtp(SessionId session, const RtpPacket& packet, TimePoint arrival) {
  auto found = pages_.find(session.raw());
  if (found == pages_.end() || !found->second->may_send) return;
  auto& page = *found->second;
  auto heard = page.publisher().hear(packet, arrival);
  if (!heard) return;
  auto now = clock_.now();
  tick_at_ = std::min(tick_at_, page.publisher().nack_deadline());
  auto* feed = feed_for(heard->name, /*local=*/true);
  if (!feed) return;
  // In order: what the packet before has lost goes first.
  for (std::size_t i = 0; i < heard->earlier_count && feed->newest(); ++i) {
    auto before = figures_.packets_in;
    pass(*feed, heard->earlier[i], {}, std::nullopt, now);
    figures_.recovered += figures_.packets_in - before;
  }
  pass(*feed, heard->unit, heard->picture, std::nullopt, now);
}

void Forwarder::on_rtcp(SessionId session, std::span<const Rtcp> messages, TimePoint arrival) {
  auto found = pages_.find(session.raw());
  if (found == pages_.end()) return;
  auto& page = *found->second;
  auto now = clock_.now();
  for (auto& message : messages) {
    auto* report = std::get_if<SenderReport>(&message);
    auto told = report ? page.publisher().hear(*report, arrival) : std::nullopt;
    auto* feed = told ? find(feeds_, told->first.number()) : nullptr;
    if (feed && feed->local()) pass_clock(*feed, told->second, std::nullopt, now);
  }
  for (auto stream : page.hear(messages, now, clock_.unix_now())) {
    if (auto* feed = find(feeds_, stream)) feed->key_frame.want();
  }
}

Page* Forwarder::page_of(const MemberId& member) {
  Page* out = nullptr;
  for (auto& [id, page] : pages_) {
    if (page->member() == member) out = page.get();
  }
  return out;
}

/// The feed of a name, made where there is none; null at the limit, or where another floor has it: a member's own
/// page beats what other nodes say of it.
Feed* Forwarder::feed_for(const StreamName& name, bool local) {
  auto number = name.number();
  auto found = feeds_.find(number);
  if (found != feeds_.end()) {
    auto& feed = *found->second;
    if (feed.local() == local) return &feed;
    if (!local) return nullptr;
    feeds_.erase(found);
  }
  if (feeds_.size() >= feeds_max) return nullptr;
  auto made = std::make_unique<Feed>(name, local, ++feeds_made_ << 12);
  auto* feed = feeds_.emplace(number, std::move(made)).first->second.get();
  auto children = children_.find(number);
  if (children != children_.end()) feed->children = children->second;
  auto parts = parts_.find(number);
  if (parts != parts_.end()) feed->set_parts(parts->second);
  join(*feed);
  return feed;
}

void Forwarder::forget_feeds(const MemberId& member, bool local) {
  std::erase_if(feeds_, [&](auto& entry) {
    return entry.second->name().member == member && (!local || entry.second->local());
  });
}

void Forwarder::forget_member(const MemberId& member, TimePoint now) {
  forget_feeds(member, /*local=*/false);
  speakers_.forget(member);
  std::erase(audible_, member);
  choose(now);
}

/// Tells a feed which slots watch it.
void Forwarder::join(Feed& feed) {
  feed.watchers.clear();
  auto number = feed.number();
  for (auto& [id, page] : pages_) {
    if (!page->may_send) continue;
    for (auto& [mid, slot] : page->slots()) {
      if (slot.target() == number || slot.stream() == number) feed.watchers.push_back({page.get(), &slot});
    }
  }
}

void Forwarder::join_all() {
  for (auto& [number, feed] : feeds_) feed->watchers.clear();
  for (auto& [id, page] : pages_) {
    if (!page->may_send) continue;
    for (auto& [mid, slot] : page->slots()) {
      auto* target = find(feeds_, slot.target());
      if (target) target->watchers.push_back({page.get(), &slot});
      auto* shown = slot.stream() == slot.target() ? nullptr : find(feeds_, slot.stream());
      if (shown) shown->watchers.push_back({page.get(), &slot});
    }
  }
}

void Forwarder::pass(Feed& feed, const MediaUnit& unit, const Picture& picture, std::optional<LinkId> from,
                     TimePoint now) {
  if (!feed.keep(unit, now)) return;
  ++figures_.packets_in;
  if (picture && picture->width && picture->height) {
    feed.width = *picture->width;
    feed.height = *picture->height;
  }
  if (feed.name().kind == MediaKind::audio) speakers_.hear(feed.name().member, unit.level, now);
  for (auto& child : feed.children) {
    if (unit.sequence % child.parts != child.part || child.link == from) continue;
    auto link = links_.find(child.link);
    if (link == links_.end()) continue;
    link->second->send(unit, child.part, /*repeated=*/false, now);
    ++figures_.to_links;
    if (!feed.local()) figures_.relayed_bytes += unit.payload.size();
  }
  for (auto& watcher : feed.watchers) {
    watcher.page->take(*watcher.slot, feed, unit, picture, now);
    watcher.page->drain(now);
  }
}

void Forwarder::pass_clock(Feed& feed, const ReceiveStream::Mapping& mapping, std::optional<LinkId> from,
                           TimePoint now) {
  if (feed.mapping && feed.mapping->ntp == mapping.ntp) return;
  feed.mapping = mapping;
  for (auto& watcher : feed.watchers) watcher.slot->hear(feed.number(), mapping);
  std::set<LinkId> told;
  for (auto& child : feed.children) {
    auto link = links_.find(child.link);
    if (link != links_.end() && child.link != from && told.insert(child.link).second)
      link->second->tell_clock(feed.number(), mapping, now);
  }
}

void Forwarder::set_elsewhere(std::span<const Published> streams, TimePoint now) {
  for (auto& [number, feed] : feeds_) feed->told = false;
  for (auto& stream : streams) {
    auto* feed = feed_for({stream.member, stream.kind, stream.layer}, /*local=*/false);
    if (!feed || feed->name().member != stream.member) continue;
    feed->told = true;
    feed->told_bps = stream.bps;
    if (stream.kind != MediaKind::audio) {
      feed->width = stream.width;
      feed->height = stream.height;
    } else if (!feed->alive(now)) {
      speakers_.hear(stream.member, stream.level, now);
    }
  }
  std::erase_if(feeds_, [&](auto& entry) {
    auto& feed = *entry.second;
    return !feed.local() && !feed.told && feed.children.empty() && !feed.alive(now);
  });
  choose(now);
}

Result<> Forwarder::add_link(LinkId link, std::uint32_t their_number, const MediaKeys& keys, TimePoint now) {
  if (links_.size() >= links_max) return fail(Errc::limit_reached);
  MediaLink::Owner& owner = *this;
  links_.insert_or_assign(link, std::make_unique<MediaLink>(link, their_number, keys, owner, limits_.link, now));
  return {};
}

void Forwarder::remove_link(LinkId link) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  figures_.dropped_late += found->second->dropped();
  links_.erase(found);
}

Result<> Forwarder::on_link_datagram(LinkId link, MutableBytes datagram, TimePoint now, Duration waited) {
  auto found = links_.find(link);
  if (found == links_.end()) return fail(Errc::not_found);
  auto done = found->second->receive(datagram, now, waited);
  if (!done) {
    figures_.undecryptable += done.error() == Errc::undecryptable || done.error() == Errc::refused;
    return done;
  }
  outputs_.heard(link, now);
  return {};
}

void Forwarder::datagram(LinkId link, ByteView bytes) { outputs_.to_link(link, bytes); }

std::optional<MediaUnit> Forwarder::stored(std::uint32_t stream, std::uint32_t sequence, TimePoint now) {
  auto* feed = find(feeds_, stream);
  return feed ? feed->find(sequence, now) : std::nullopt;
}

/// What our own pages send, nobody else can.
void Forwarder::unit(LinkId from, const MediaUnit& unit, bool copy, TimePoint now) {
  auto* feed = find(feeds_, unit.stream);
  if (!feed || feed->local()) return;
  Picture picture;
  if (feed->name().kind != MediaKind::audio && !unit.payload.empty()) {
    auto decoded = decode_vp8(unit.payload);
    if (!decoded) return;
    picture = *decoded;
  }
  feed->came_by(unit.part, from, now);
  auto before = figures_.packets_in;
  pass(*feed, unit, picture, from, now);
  if (figures_.packets_in == before) return;
  tick_at_ = std::min(tick_at_, feed->gaps_deadline());
  figures_.recovered += copy;
  outputs_.packet({unit.stream, unit.part}, unit.sequence, from, now);
}

void Forwarder::asked(LinkId from, std::uint32_t stream, Byte part, std::span<const std::uint32_t> sequences,
                      TimePoint now) {
  auto* feed = find(feeds_, stream);
  auto link = links_.find(from);
  if (!feed || link == links_.end()) return;
  // Only a child may ask: what it was not sent, it has no business with.
  if (!std::ranges::any_of(feed->children, [&](auto& child) { return child.link == from && child.part == part; }))
    return;
  for (auto sequence : sequences) {
    auto unit = feed->find(sequence, now);
    if (!unit) continue;
    link->second->send(*unit, part, /*repeated=*/true, now);
    ++figures_.resent;
  }
}

void Forwarder::clock(LinkId from, std::uint32_t stream, const ReceiveStream::Mapping& mapping) {
  auto* feed = find(feeds_, stream);
  if (feed && !feed->local()) pass_clock(*feed, mapping, from, clock_.now());
}

void Forwarder::set_children(TreeId tree, Byte parts, std::span<const LinkId> children) {
  auto& list = children_[tree.stream];
  std::erase_if(list, [&](auto& child) { return child.part == tree.part; });
  for (auto link : children) list.push_back({link, tree.part, std::max(parts, Byte{1})});
  if (auto* feed = find(feeds_, tree.stream)) feed->children = list;
  if (list.empty()) children_.erase(tree.stream);
}

void Forwarder::set_parts(std::uint32_t stream, Byte parts) {
  if (parts <= 1) parts_.erase(stream);
  else parts_[stream] = parts;
  if (auto* feed = find(feeds_, stream)) feed->set_parts(std::max(parts, Byte{1}));
}

void Forwarder::resend(TreeId tree, Byte parts, LinkId child, std::uint32_t after, TimePoint now) {
  auto* feed = find(feeds_, tree.stream);
  auto link = links_.find(child);
  if (!feed || link == links_.end() || parts == 0 || !feed->newest()) return;
  if (feed->mapping) link->second->tell_clock(tree.stream, *feed->mapping, now);
  auto newest = *feed->newest();
  auto from = after + 1;
  if (after == 0 || newest - after > resend_max) {
    // It comes new: from the newest key frame on, if all since then is here.
    auto run = feed->key_run(now);
    if (!run && feed->name().kind != MediaKind::audio) feed->key_frame.want();
    from = run ? run->first : newest + 1;
  }
  for (auto sequence = from; static_cast<std::int32_t>(newest - sequence) >= 0; ++sequence) {
    if (sequence % parts != tree.part) continue;
    if (auto unit = feed->find(sequence, now)) link->second->send(*unit, tree.part, /*repeated=*/true, now);
  }
}

void Forwarder::on_key_frame_request(std::uint32_t stream, TimePoint) {
  if (auto* feed = find(feeds_, stream)) feed->key_frame.want();
}

std::optional<std::uint32_t> Forwarder::newest(std::uint32_t stream) const {
  auto* feed = find(feeds_, stream);
  return feed ? feed->newest() : std::nullopt;
}

void Forwarder::advance(TimePoint now) {
  for (auto& [id, page] : pages_) {
    page->drain(now);
    if (page->may_send) page->probe(now);
  }
  for (auto& [id, link] : links_) link->advance(now);
  if (now >= tick_at_) {
    tick(now);
    tick_at_ = next_tick(now);
  }
}

/// Questions for what is lost do not wait for the usual time.
TimePoint Forwarder::next_tick(TimePoint now) const {
  auto out = now + tick_span;
  for (auto& [id, page] : pages_) out = std::min(out, page->publisher().nack_deadline());
  for (auto& [number, feed] : feeds_)
    if (!feed->local()) out = std::min(out, feed->gaps_deadline());
  return std::max(out, now + tick_least);
}

TimePoint Forwarder::deadline() const {
  if (pages_.empty() && links_.empty()) return TimePoint::max();
  auto out = tick_at_;
  for (auto& [id, page] : pages_) out = std::min(out, page->deadline());
  for (auto& [id, link] : links_) out = std::min(out, link->deadline());
  return out;
}

void Forwarder::count(const Page& page, Figures& into) {
  into.to_pages += page.sent;
  into.resent += page.resent;
  into.repeated += page.repeated;
  into.cache_joins += page.cache_joins;
  into.dropped_late += page.dropped();
  into.repaired += page.publisher().repaired();
  into.padding += page.publisher().padding();
  into.frames.sealed += page.publisher().seals().sealed;
  into.frames.clear += page.publisher().seals().clear;
  for (auto& [mid, slot] : page.slots()) into.layer_switches += slot.switches();
}

Forwarder::Figures Forwarder::figures() const {
  auto out = figures_;
  for (auto& [id, page] : pages_) count(*page, out);
  for (auto& [id, link] : links_) out.dropped_late += link->dropped();
  for (auto& [number, feed] : feeds_) out.repaired += feed->repaired();
  return out;
}

std::optional<LinkFigures> Forwarder::link_figures(LinkId link) const {
  auto found = links_.find(link);
  if (found == links_.end()) return std::nullopt;
  return found->second->figures();
}

}  // namespace conclave::calls
