#include "node/calls/host.hpp"

#include <algorithm>

#include "crypto/hpke.hpp"
#include "node/calls/host_state.hpp"

namespace conclave::calls {
namespace asio = boost::asio;

Host::Host(HostParts parts) : parts_(std::move(parts)), scope_(parts_.executor, parts_.clock) {}
Host::~Host() = default;

asio::awaitable<Result<>> Host::start() {
  parts_.demux.on(io::Demux::Kind::media, [this](std::span<const io::Packet> packets) { hear_media(packets); });
  parts_.swarm.handle(std::string(protocol), [this](auto connection, auto stream) {
    return accept_stream(std::move(connection), std::move(stream));
  });
  CO_TRY(auto kept, co_await load_conferences(parts_.store, parts_.clock.unix_now()));
  if (!kept.empty()) CO_CHECK(co_await open_door());
  for (auto& one : kept) {
    if (rooms_.size() >= rooms_max) break;
    auto live = make_live(one.key);
    if (!live) continue;
    auto& hosted = **live;
    hosted.name = one.name;
    hosted.seed = one.seed;
    hosted.invites = std::move(one.invites);
    auto now = parts_.clock.unix_now();
    for (const auto& bytes : one.statements)
      if (auto statement = open_statement(bytes, one.key, now))
        hosted.live.room().learn(*statement, now, parts_.clock.now());
  }
  arm();
  co_return Result<>();
}

/// Pages can come from here on. Not before there is a conference: the half of OpenSSL that this brings into memory is
/// a quarter of a node that only talks.
asio::awaitable<Result<>> Host::open_door() {
  if (endpoint_) co_return Result<>();
  CO_TRY(auto identity, co_await webrtc_identity(parts_.store, parts_.random));
  if (endpoint_) co_return Result<>();
  identity_ = std::move(identity);
  CO_TRY(endpoint_, webrtc::Endpoint::make(
                        identity_, [this](ByteView sealed) { return open_ufrag(sealed); }, *this,
                        webrtc::Attachment::sink(parts_.demux.socket()), parts_.random));
  attachment_ = std::make_unique<webrtc::Attachment>(parts_.demux, parts_.clock, *endpoint_);
  co_return Result<>();
}

asio::awaitable<void> Host::close() {
  parts_.swarm.handle(std::string(protocol), {});
  parts_.demux.on(io::Demux::Kind::media, {});
  if (alarm_) parts_.clock.cancel(*alarm_);
  alarm_.reset();
  for (auto& [number, control] : streams_) control->mail.close();
  co_await scope_.close();
  rooms_.clear();
  attachment_.reset();
  endpoint_.reset();
}

// --- rooms ---

Host::Hosted* Host::find(const ConferenceKey& conference) {
  auto found = rooms_.find(conference);
  return found == rooms_.end() ? nullptr : found->second.get();
}

Result<Host::Hosted*> Host::make_live(const ConferenceKey& conference) {
  if (auto* known = find(conference)) return known;
  // Calls that are over make room; conferences that were founded or entered stay.
  for (auto it = rooms_.begin(); it != rooms_.end() && rooms_.size() >= rooms_max;) {
    auto& [key, hosted] = *it++;
    if (!hosted->lasting && hosted->live.room().pages() == 0) drop(ConferenceKey(key));
  }
  if (rooms_.size() >= rooms_max) return fail(Errc::limit_reached);
  auto hosted = std::make_unique<Hosted>(conference, parts_.keys.public_key(), *this, *endpoint_,
                                         parts_.clock, parts_.random);
  hosted->live.set_uplink(parts_.uplink_bps);
  auto* out = hosted.get();
  rooms_.emplace(conference, std::move(hosted));
  return out;
}

void Host::drop(const ConferenceKey& conference) {
  for (auto& [number, control] : streams_)
    if (control->conference == conference) control->mail.close();
  if (auto* hosted = find(conference)) count(hosted->live.forwarder_figures(), over_);
  rooms_.erase(conference);
}

asio::awaitable<Result<>> Host::forget(ConferenceKey conference) {
  auto* hosted = find(conference);
  if (!hosted) co_return fail(Errc::not_found);
  if (hosted->live.room().pages() > 0) co_return fail(Errc::refused);
  drop(conference);
  co_return co_await forget_conference(parts_.store, conference);
}

void Host::summoned(const ConferenceKey& conference, const Secret<32>& invite, const NodeKey& from) {
  std::erase_if(summons_, [&](const Summons& one) { return one.conference == conference; });
  if (summons_.size() >= summons_max) summons_.pop_front();
  summons_.push_back({conference, invite, from});
}

std::vector<Host::Known> Host::list() const {
  std::vector<Known> out;
  auto now = parts_.clock.unix_now();
  for (const auto& [key, hosted] : rooms_)
    out.push_back({key, hosted->name, hosted->live.room().roster().members(now).size(), hosted->seed.has_value(),
                   hosted->lasting});
  return out;
}

Result<> Host::say(const ConferenceKey& conference, Saying saying) {
  auto* hosted = find(conference);
  if (!hosted) return fail(Errc::not_found);
  auto now = parts_.clock.unix_now();
  hosted->live.room().learn(issue(parts_.keys, conference, now, std::move(saying), parts_.certificate), now,
                            parts_.clock.now());
  hosted->live.advance();
  poke();
  return {};
}

asio::awaitable<Result<ConferenceKey>> Host::create(std::string name, bool lasting) {
  auto keys = ConferenceKeys::generate(parts_.random);
  auto conference = keys.public_key();
  CO_CHECK(co_await open_door());
  CO_TRY(auto* hosted, make_live(conference));
  auto now = parts_.clock.unix_now();
  hosted->name = name;
  hosted->seed = keys.seed();
  hosted->lasting = lasting;
  hosted->live.room().learn(issue(keys, conference, now, Admin{parts_.certificate.account}), now, parts_.clock.now());
  if (lasting) {
    CO_CHECK(co_await keep_conference(parts_.store, conference, keys.seed(), name, now));
    CO_CHECK(co_await keep_statements(parts_.store, conference, hosted->live.room().roster().all()));
  }
  CO_CHECK(co_await enter(conference));
  co_return conference;
}

asio::awaitable<Result<bool>> Host::enter(ConferenceKey conference) {
  CO_CHECK(co_await open_door());
  bool known = find(conference) != nullptr;
  CO_TRY(auto* hosted, make_live(conference));
  auto now = parts_.clock.unix_now();
  for (const auto& summons : summons_) {
    if (summons.conference != conference) continue;
    if (!known) hosted->lasting = false;
    hosted->came_by = summons.invite;
    // Who rang is connected, and need not be looked for.
    if (!hosted->live.connected(summons.from) && hosted->dialling.insert(summons.from).second)
      scope_.start(reach(conference, summons.from, {}));
  }
  if (hosted->lasting) CO_CHECK(co_await keep_conference(parts_.store, conference, hosted->seed, hosted->name, now));
  hosted = find(conference);
  if (!hosted) co_return fail(Errc::not_found);
  if (!hosted->kept) {
    hosted->kept = true;
    scope_.start(keep_room(conference));
  }
  // Nodes that we do not know yet must know us: by the time the page asks, they may be found.
  bool may = hosted->live.room().roster().is_admin(parts_.certificate.account);
  for (int wait = 0; !may && !hosted->seed && wait < 10 && hosted->live.room().connected().empty(); ++wait) {
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + std::chrono::milliseconds(100));
    hosted = find(conference);
    if (!hosted) co_return fail(Errc::not_found);
  }
  may = hosted->live.room().roster().is_admin(parts_.certificate.account);
  const bool rung = hosted->came_by.has_value();
  // An admin's node serves the conference also while nobody enters by it.
  if (may) CO_CHECK(say(conference, Serve{parts_.uplink_bps}));
  co_return may || rung;
}

Result<Bytes> Host::certify(const ConferenceKey& conference, Member member) {
  auto* hosted = find(conference);
  if (!hosted) return fail(Errc::not_found);
  if (member.name.size() > Member::name_max) return fail(Errc::too_long);
  CHECK(crypto::verify(member.call, consent_domain, consent_statement(conference, member.call_x25519, member.name),
                       member.consent));
  if (!hosted->live.room().roster().is_admin(parts_.certificate.account)) {
    if (!hosted->came_by) return fail(Errc::refused);
    auto invite = SigningKeys::from_seed(*hosted->came_by);
    member.account.reset();
    member.invite = invite.public_key();
    return issue(invite, conference, parts_.clock.unix_now(), std::move(member)).bytes;
  }
  member.account = parts_.certificate.account;
  member.invite.reset();
  return issue(parts_.keys, conference, parts_.clock.unix_now(), std::move(member), parts_.certificate).bytes;
}

Result<> Host::admit(const ConferenceKey& conference, const MemberId& id) {
  auto* hosted = find(conference);
  if (!hosted) return fail(Errc::not_found);
  for (const auto& member : hosted->live.room().roster().knockers()) {
    if (member_id(member.call) != id) continue;
    auto admitted = member;
    admitted.account.reset();
    admitted.invite.reset();
    return say(conference, std::move(admitted));
  }
  return fail(Errc::not_found);
}

Result<> Host::remove(const ConferenceKey& conference, const MemberId& id, bool revoke_invite) {
  auto* hosted = find(conference);
  if (!hosted) return fail(Errc::not_found);
  for (const auto& [call, entry] : hosted->live.room().roster().members(parts_.clock.unix_now()))
    if (entry.id == id)
      return say(conference, Remove{call, revoke_invite ? entry.member.invite : std::nullopt});
  return fail(Errc::not_found);
}

Result<> Host::ask_to_mute(const ConferenceKey& conference, const MemberId& id, std::uint8_t kinds) {
  auto* hosted = find(conference);
  if (!hosted) return fail(Errc::not_found);
  for (const auto& [call, entry] : hosted->live.room().roster().members(parts_.clock.unix_now()))
    if (entry.id == id) return say(conference, Mute{call, kinds});
  return fail(Errc::not_found);
}

asio::awaitable<Result<Secret<32>>> Host::invite_key(ConferenceKey conference, std::uint16_t members_max,
                                                     std::chrono::milliseconds life) {
  auto* hosted = find(conference);
  if (!hosted) co_return fail(Errc::not_found);
  if (!hosted->live.room().roster().is_admin(parts_.certificate.account)) co_return fail(Errc::refused);
  auto keys = SigningKeys::generate(parts_.random);
  Invite invite{keys.public_key(), parts_.clock.unix_now() + life, members_max, Invite::no_admission};
  CO_CHECK(say(conference, invite));
  if (hosted->lasting) {
    CO_CHECK(co_await keep_invite(parts_.store, conference, keys.seed()));
    hosted = find(conference);
    if (!hosted) co_return fail(Errc::not_found);
    CO_CHECK(co_await keep_statements(parts_.store, conference, hosted->live.room().roster().all()));
  }
  co_return keys.seed();
}

asio::awaitable<Result<Host::Invitation>> Host::invite(ConferenceKey conference, std::uint16_t members_max,
                                                       std::chrono::milliseconds life) {
  CO_TRY(auto seed, co_await invite_key(conference, members_max, life));
  auto* hosted = find(conference);
  if (!hosted) co_return fail(Errc::not_found);
  co_return Invitation{{conference, seed, entries_for_link(own_doors(), hosted->live.other_doors())},
                       parts_.reach_words()};
}

Result<ConferenceLink> Host::door(const ConferenceKey& conference) const {
  auto found = rooms_.find(conference);
  if (found == rooms_.end()) return fail(Errc::not_found);
  auto& hosted = *found->second;
  return ConferenceLink{conference, hosted.came_by, entries_for_link(own_doors(), hosted.live.other_doors())};
}

/// Where pages can enter through us. At most three, so that a link has room for others.
Doors Host::own_doors() const {
  Doors out;
  auto add = [&](const io::Endpoint& at) {
    EntryNode entry{at, identity_.ice_pwd, *crypto::Digest::from(identity_.certificate.fingerprint()), parts_.keys.public_key()};
    if (out.entries.size() < 3 && std::ranges::find(out.entries, entry) == out.entries.end()) out.entries.push_back(entry);
  };
  for (const auto& at : parts_.proven()) add(at);
  out.proven = out.entries.size();
  for (const auto& address : parts_.addresses())
    if (address.transport == address::PeerAddress::Transport::nquic && !address.relay) add(address.endpoint);
  // A machine without a network still has itself.
  if (out.entries.empty()) add({io::IpAddress::v4(127, 0, 0, 1), parts_.demux.socket().local_port()});
  return out;
}

void Host::count(const Forwarder::Figures& figures, Given& into) {
  into.packets_to_links += figures.to_links;
  into.packets_to_pages += figures.to_pages;
  into.relayed_bytes += figures.relayed_bytes;
  into.frames.sealed += figures.frames.sealed;
  into.frames.clear += figures.frames.clear;
}

Host::Given Host::given() const {
  auto out = over_;
  out.uplink_bps = parts_.uplink_bps;
  for (const auto& [key, hosted] : rooms_) count(hosted->live.forwarder_figures(), out);
  return out;
}

void Host::set_uplink(std::uint64_t bps) {
  parts_.uplink_bps = bps;
  for (auto& [key, hosted] : rooms_) {
    hosted->live.set_uplink(bps);
    hosted->published.reset();  // the entry at the meeting point names it
  }
  poke();
}

// --- time ---

void Host::poke() {
  if (poked_) return;
  poked_ = true;
  // In the same turn everything that belongs together is collected; then it is sent.
  parts_.clock.at(parts_.clock.now(), [this] {
    poked_ = false;
    if (!endpoint_) return;
    advance();
  });
}

void Host::advance() {
  for (auto& [key, hosted] : rooms_)
    if (hosted->live.deadline() <= parts_.clock.now()) hosted->live.advance();
  attachment_->poke();
  arm();
}

void Host::arm() {
  auto when = TimePoint::max();
  for (auto& [key, hosted] : rooms_) when = std::min(when, hosted->live.deadline());
  if (when == armed_ && alarm_) return;
  if (alarm_) parts_.clock.cancel(*alarm_);
  alarm_.reset();
  armed_ = when;
  if (when == TimePoint::max()) return;
  // Not before the next tick: a deadline that stands still must not spin.
  when = std::max(when, parts_.clock.now() + std::chrono::milliseconds(1));
  alarm_ = parts_.clock.at(when, [this] {
    alarm_.reset();
    if (endpoint_) advance();
  });
}

}  // namespace conclave::calls
