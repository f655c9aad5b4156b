#include "node/member/attendance.hpp"

#include "crypto/ensure.hpp"
#include "crypto/hpke.hpp"

namespace conclave::member {
namespace {

constexpr std::array retries{Duration(200'000), Duration(500'000), Duration(1'000'000), Duration(2'000'000),
                             Duration(4'000'000)};

/// Ours to choose; the same as Chromium's, which nodes see most.
constexpr webrtc::PayloadTypes payload_types{111, 96, 97, 0, 0};
constexpr webrtc::ExtensionIds extension_ids{4, 10, 11, 1, 2, 3};

Bytes proof_of(const SigningKeys& invite, const webrtc::Fingerprint& page, const calls::EntryNode& entry,
               const ConferenceKey& conference, UnixTime wall) {
  auto said = calls::ufrag_statement(page, entry.fingerprint, conference, wall.ms / 60'000);
  Bytes out = copy(invite.public_key());
  append(out, invite.sign(calls::ufrag_domain, said));
  return out;
}

}  // namespace

/// One attempt at one entry, or the connection that came of it.
struct Attendance::Way final : webrtc::Page::Listener {
  Way(Attendance& of, calls::EntryNode to, webrtc::PageConfig config)
      : owner(of),
        entry(std::move(to)),
        page(std::move(config), *of.dtls_, *this, [this](ByteView bytes) { owner.sink_(entry.at, bytes); }, of.random_,
             of.now_) {}

  void connected() override { owner.won(*this); }
  void rtp(const webrtc::RtpPacket& packet, TimePoint arrival) override {
    if (owner.way_ == this) owner.receiver_.hear(packet, page.claims(), arrival);
  }
  void rtcp(std::span<const webrtc::Rtcp> messages, TimePoint arrival) override {
    if (owner.way_ != this) return;
    for (auto& message : messages) {
      if (auto* report = std::get_if<webrtc::SenderReport>(&message)) owner.receiver_.hear(*report, arrival);
    }
    owner.publisher_.hear(messages, arrival);
  }
  void message(const webrtc::Sctp::Message& message) override {
    if (owner.way_ == this && message.channel == 0) owner.hear(text(message.bytes));
  }
  void closed(Error) override { owner.lost(*this); }

  Attendance& owner;
  calls::EntryNode entry;
  webrtc::Page page;
};

Attendance::Attendance(calls::ConferenceLink link, Programme programme, AttendanceOptions options, Random& random,
                       Sink sink, Receiver::Sink frames, UnixTime wall, TimePoint now)
    : link_(std::move(link)),
      invite_(link_.invite ? std::optional(SigningKeys::from_seed(*link_.invite)) : std::nullopt),
      options_(std::move(options)),
      has_film_(programme.film != nullptr),
      has_song_(programme.song != nullptr),
      random_(random),
      sink_(std::move(sink)),
      certificate_(webrtc::Certificate::make()),
      circle_(link_.conference, Self::make(link_.conference, invite_, options_.name, random, wall), random),
      receiver_(circle_,
                [this, frames = std::move(frames)](const Frame& frame, TimePoint at) {
                  auto& first = frame.kind == e2ee::Kind::audio ? counters_.first_sound_after
                                                                : counters_.first_frame_after;
                  if (!first) first = at - begun_;
                  frames(frame, at);
                }),
      publisher_(circle_, std::move(programme), random),
      wall_(wall),
      now_(now),
      begun_(now),
      service_at_(now) {
  auto context = webrtc::DtlsContext::make(certificate_);
  ensure(context.has_value(), "a fresh certificate is usable");
  dtls_ = std::move(*context);
  options_.slots = std::min(options_.slots, slots_max);
  race(now);
}
Attendance::~Attendance() = default;

std::optional<io::Endpoint> Attendance::entry() const {
  return way_ ? std::optional(way_->entry.at) : std::nullopt;
}

/// All entries in a random order, one after the other without waiting for failures.
void Attendance::race(TimePoint now) {
  auto order = link_.entries;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
  to_try_.clear();
  for (auto& entry : order) {
    to_try_.emplace_back(now, std::move(entry));
    now += race_delay;
  }
}

void Attendance::open(const calls::EntryNode& entry, UnixTime wall, TimePoint now) {
  now_ = now;
  webrtc::Claims claims{.page = certificate_.fingerprint(),
                        .payload_types = payload_types,
                        .extensions = extension_ids,
                        .proof = {}};
  if (invite_) claims.proof = proof_of(*invite_, claims.page, entry, link_.conference, wall);
  auto recipient = crypto::to_x25519(entry.node);
  if (!recipient) return;  // no key: the link is bent
  auto sealed = hpke::seal(*recipient, calls::ufrag_info(entry.node), {}, webrtc::encode(claims), random_);
  if (!sealed) return;
  webrtc::Fingerprint node;
  node.bytes = entry.fingerprint.bytes;
  webrtc::PageConfig config{entry.ice_pwd, node, webrtc::to_ice_chars(*sealed), std::move(claims)};
  ways_.push_back(std::make_unique<Way>(*this, entry, std::move(config)));
  ways_.back()->page.advance(now);
}

std::uint8_t Attendance::flags() const {
  return static_cast<std::uint8_t>((has_song_ ? 0 : calls::State::muted) | (has_film_ ? 0 : calls::State::camera_off) |
                                   (invite_ ? 0 : calls::State::knocking));
}

void Attendance::won(Way& way) {
  if (way_ || leave_at_) return way.page.close();
  way_ = &way;
  to_try_.clear();
  attempts_ = 0;
  for (auto& other : ways_)
    if (other.get() != &way) other->page.close();
  ++counters_.connects;
  if (!counters_.connected_after) counters_.connected_after = now_ - begun_;
  parts_ = {};
  watched_.clear();
  told_ = false;
  receiver_.reset();
  publisher_.attach(&way.page, now_);
  auto state = circle_.state(flags(), way.entry.node, wall_);
  say(hello_json(link_.conference, {circle_.own().bytes, state.bytes}));
  state_ = State::connected;
}

void Attendance::lost(Way& way) {
  if (way_ != &way) return;
  way_ = nullptr;
  publisher_.attach(nullptr, now_);
  ++counters_.lost;
  lost_at_ = now_;
  if (state_ == State::refused || leave_at_) return;
  state_ = State::reconnecting;
  race(now_);
}

/// Ways that have ended go here, never inside their own calls. Without any left, all are tried again later.
void Attendance::sweep(TimePoint now) {
  std::erase_if(ways_, [](auto& way) { return way->page.state() == webrtc::Page::State::closed; });
  if (way_ || !ways_.empty() || !to_try_.empty() || state_ == State::refused || leave_at_) return;
  race(now + retries[std::min(attempts_++, retries.size() - 1)]);
}

void Attendance::receive(const io::Endpoint& from, ByteView datagram, UnixTime wall, TimePoint now) {
  wall_ = wall;
  now_ = now;
  for (auto& way : ways_) {
    if (way->entry.at != from) continue;
    way->page.receive(datagram, now);
    break;
  }
  send_parcels();
}

void Attendance::hear(std::string_view message) {
  auto whole = parts_.take(message);
  if (!whole) {
    ++counters_.signals_refused;
    return;
  }
  if (!*whole) return;
  auto heard = decode_from_node(**whole);
  if (!heard) {
    ++counters_.signals_refused;
  } else if (auto* news = std::get_if<NewStatements>(&*heard)) {
    hear_statements(*news);
  } else if (auto* parcel = std::get_if<FromMember>(&*heard)) {
    circle_.hear_parcel(parcel->parcel, wall_, now_);
  } else if (auto* refusal = std::get_if<Refusal>(&*heard); refusal && !leave_at_) {
    // Who has said goodbye is out, and is told so: that is no refusal.
    refusal_ = refusal->why;
    state_ = refusal->why == "knock" ? State::waiting : State::refused;
  }
}

void Attendance::hear_statements(const NewStatements& news) {
  for (auto& bytes : news.statements) {
    if (!circle_.hear_statement(bytes, wall_, now_)) ++counters_.signals_refused;
  }
  if (!circle_.admitted(wall_)) return;
  if (state_ == State::waiting) state_ = State::connected;
  if (!counters_.admitted_after) counters_.admitted_after = now_ - begun_;
  if (lost_at_) {
    counters_.longest_gap = std::max(counters_.longest_gap, now_ - *lost_at_);
    lost_at_.reset();
  }
  watch();
}

void Attendance::say(const std::string& json) {
  if (!way_) return;
  for (auto& part : cut(json)) {
    if (!way_->page.send_message(part)) ++counters_.signals_dropped;
  }
}

void Attendance::send_parcels() {
  for (auto& parcel : circle_.take_parcels()) say(to_json(parcel.to, parcel.bytes));
}

/// Pictures stay in the slots where they are: one that stays does not blink.
void Attendance::watch() {
  auto& members = circle_.members(wall_);
  std::map<calls::MemberId, bool> wanted;
  for (auto& [call, entry] : members) {
    if (entry.id != circle_.id() && (entry.state.flags & calls::State::camera_off) == 0) wanted[entry.id] = false;
  }
  auto before = watched_;
  std::erase_if(watched_, [&](auto& each) { return !wanted.contains(each.second); });
  for (auto& [mid, member] : watched_) wanted[member] = true;
  std::uint16_t mid = Receiver::mid_first + 1;
  for (auto& [member, shown] : wanted) {
    if (shown || watched_.size() >= options_.slots) continue;
    while (watched_.contains(mid)) mid = static_cast<std::uint16_t>(mid + 2);
    watched_[mid] = member;
  }
  if (watched_ == before && told_) return;
  told_ = true;
  std::vector<Watch> slots;
  // Of a sound slot only its number counts: the node chooses who is heard.
  for (std::size_t i = 0; i < sound_slots; ++i) {
    auto slot = static_cast<std::uint16_t>(Receiver::mid_first + 2 * i);
    slots.push_back({slot, circle_.id(), calls::MediaKind::audio, 0});
  }
  for (auto& [slot, member] : watched_) slots.push_back({slot, member, calls::MediaKind::video, options_.height});
  say(watch_json(slots));
}

void Attendance::service() {
  if (!way_) return;
  auto feedback = receiver_.advance(now_, way_->page.rtt(), publisher_.ssrc());
  if (!feedback.empty()) (void)way_->page.send_rtcp(feedback);
}

void Attendance::advance(UnixTime wall, TimePoint now) {
  wall_ = wall;
  now_ = now;
  if (state_ == State::left) return;
  while (!to_try_.empty() && now >= to_try_.front().first) {
    auto entry = std::move(to_try_.front().second);
    to_try_.pop_front();
    open(entry, wall, now);
  }
  // By number: a way that wins closes the others, none is added or taken meanwhile.
  for (std::size_t i = 0; i < ways_.size(); ++i) {
    if (ways_[i]->page.deadline() <= now) ways_[i]->page.advance(now);
  }
  circle_.advance(wall, now);
  send_parcels();
  if (now >= service_at_) {
    service();
    service_at_ = now + service_every;
  }
  if (publisher_.deadline() <= now && !leave_at_) publisher_.advance(wall, now);
  send_parcels();
  if (leave_at_ && now >= *leave_at_) {
    publisher_.attach(nullptr, now);
    for (auto& way : ways_) way->page.close();
    way_ = nullptr;
    state_ = State::left;
  }
  sweep(now);
}

TimePoint Attendance::deadline() const {
  if (state_ == State::left) return TimePoint::max();
  auto out = std::min(circle_.deadline(), service_at_);
  if (!leave_at_) out = std::min(out, publisher_.deadline());
  else out = std::min(out, *leave_at_);
  if (!to_try_.empty()) out = std::min(out, to_try_.front().first);
  for (auto& way : ways_) out = std::min(out, way->page.deadline());
  return out;
}

void Attendance::leave(UnixTime wall, TimePoint now) {
  if (leave_at_ || state_ == State::left) return;
  wall_ = wall;
  now_ = now;
  say(statements_json({circle_.leave(wall).bytes}));
  say(bye_json());
  leave_at_ = now + (way_ ? farewell : Duration(0));
}

}  // namespace conclave::member
