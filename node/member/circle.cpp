#include "node/member/circle.hpp"

namespace conclave::member {
namespace {

constexpr auto member_for = std::chrono::hours(24);

std::uint64_t prefix_of(std::uint64_t key_id) { return key_id >> 16; }

}  // namespace

Self Self::make(const ConferenceKey& conference, const std::optional<SigningKeys>& invite, std::string_view name,
                Random& random, UnixTime now) {
  auto call = SigningKeys::generate(random);
  auto call_x25519 = X25519Pair::generate(random);
  auto saying = calls::introduce(call, call_x25519.public_key, conference, name, now + member_for,
                                invite ? std::optional(invite->public_key()) : std::nullopt);
  auto statement = calls::issue(invite ? *invite : call, conference, now, saying);
  return {std::move(call), call_x25519, std::move(statement)};
}

Circle::Circle(const ConferenceKey& conference, Self self, Random& random)
    : conference_(conference),
      self_(std::move(self)),
      id_(calls::member_id(self_.call.public_key())),
      roster_(conference),
      keys_(conference, self_.call, self_.call_x25519.secret, random) {
  for (auto kind : e2ee::kinds) sealers_.emplace(kind, e2ee::FrameSealer(self_.call.public_key(), kind));
  (void)roster_.add(self_.statement);
}

calls::Statement Circle::state(std::uint8_t flags, const std::optional<NodeKey>& entry, UnixTime now) {
  sequence_ = std::max(sequence_ + 1, static_cast<std::uint64_t>(now.ms));
  auto out = calls::issue(self_.call, conference_, now, calls::State{sequence_, entry, flags});
  (void)roster_.add(out);
  return out;
}

calls::Statement Circle::leave(UnixTime now) { return calls::issue(self_.call, conference_, now, calls::Leave{}); }

Result<> Circle::hear_statement(ByteView bytes, UnixTime wall, TimePoint now) {
  TRY(auto statement, calls::open_statement(bytes, conference_, wall));
  TRY(auto fresh, roster_.add(std::move(statement)));
  if (!fresh) return {};
  wall_ = wall;
  // Several changes are one; but a stream of them must not put the change of keys off for ever.
  if (!settle_at_) settle_at_ = now + settle;
  retry_early(wall, now);
  return {};
}

void Circle::advance(UnixTime wall, TimePoint now) {
  wall_ = wall;
  if (!settle_at_ || now < *settle_at_) return;
  settle_at_.reset();
  follow_roster(wall, now);
}

TimePoint Circle::deadline() const { return settle_at_.value_or(TimePoint::max()); }

bool Circle::admitted(UnixTime wall) const { return roster_.members(wall).contains(self_.call.public_key()); }

/// Forward for those who came, anew for those who left.
void Circle::follow_roster(UnixTime wall, TimePoint now) {
  auto& members = roster_.members(wall);
  in_ = admitted(wall);
  std::vector<Entry> came, stay;
  for (auto& [call, entry] : members) {
    if (call == self_.call.public_key()) continue;
    stay.push_back(entry);
    if (!known_.contains(call)) came.push_back(entry);
  }
  std::vector<calls::CallKey> gone;
  for (auto& [call, entry] : known_)
    if (!members.contains(call)) gone.push_back(call);
  const bool first = known_.empty();
  known_ = members;
  for (auto& entry : came) openers_of(entry, now);
  if (!in_ || (came.empty() && gone.empty())) return;
  counters_.joins += came.size();
  counters_.leaves += gone.size();
  for (auto& call : gone) {
    keys_.forget(call);
    openers_.erase(call);
    std::erase_if(by_prefix_, [&](auto& each) { return each.second.first == call; });
  }
  if (!gone.empty()) keys_.renew();
  else if (!first) keys_.forward();
  if (!gone.empty() || !first) ++counters_.keys_changed;
  use_own_keys();
  // Those who stay derive a ratcheted key by themselves.
  send_keys(gone.empty() ? came : stay, wall);
}

void Circle::use_own_keys() {
  auto& current = keys_.current();
  for (auto& [kind, key] : current.keys) {
    if (auto sealer = sealers_.find(kind); sealer != sealers_.end()) sealer->second.use(current.generation, key);
  }
}

void Circle::send_keys(const std::vector<Entry>& to, UnixTime wall) {
  auto hash = roster_.hash(wall);
  for (auto& entry : to) {
    auto message = keys_.message_for({entry.member.call, entry.member.call_x25519}, hash);
    if (!message) continue;  // its X25519 key is none
    parcels_.push_back({entry.id, std::move(*message)});
    ++counters_.keys_sent;
  }
}

Circle::Openers& Circle::openers_of(const Entry& entry, TimePoint now) {
  auto [at, fresh] = openers_.try_emplace(entry.member.call);
  if (!fresh) return at->second;
  auto& out = at->second;
  out = {entry.member.call, entry.id, now, std::nullopt, {}};
  for (auto kind : e2ee::kinds) {
    out.of.emplace(kind, e2ee::FrameOpener(entry.member.call, kind));
    by_prefix_[prefix_of(e2ee::key_id(entry.member.call, kind, 0))] = {entry.member.call, kind};
  }
  return out;
}

bool Circle::try_parcel(ByteView bytes, UnixTime wall, TimePoint now) {
  auto& members = roster_.members(wall);
  bool stranger = false;
  auto received = keys_.receive(bytes, [&](const calls::CallKey& call) {
    stranger = !members.contains(call);
    return !stranger;
  });
  if (!received) {
    if (!stranger) ++counters_.keys_refused;
    return !stranger;
  }
  if (auto* please = std::get_if<e2ee::SenderKeys::Please>(&*received)) {
    if (in_) send_keys({members.at(please->call)}, wall);
    return true;
  }
  auto& keys = std::get<e2ee::SenderKeys::Keys>(*received);
  auto& sender = openers_of(members.at(keys.call), now);
  if (!sender.first_generation) sender.first_generation = keys.base.generation;
  for (auto& [kind, key] : keys.base.keys) {
    if (auto opener = sender.of.find(kind); opener != sender.of.end()) opener->second.use(keys.base.generation, key);
  }
  ++counters_.keys_received;
  ++revision_;
  return true;
}

void Circle::hear_parcel(ByteView bytes, UnixTime wall, TimePoint now) {
  if (bytes.size() > e2ee::SenderKeys::message_max || try_parcel(bytes, wall, now)) return;
  // The sender's statement may be on its way.
  if (early_.size() >= early_max) early_.pop_front();
  early_.push_back(copy(bytes));
}

void Circle::retry_early(UnixTime wall, TimePoint now) {
  for (auto& bytes : std::exchange(early_, {}))
    if (!try_parcel(bytes, wall, now)) early_.push_back(std::move(bytes));
}

Result<Bytes> Circle::seal(e2ee::Kind kind, ByteView frame) {
  auto sealed = in_ ? sealers_.at(kind).seal(frame) : fail(Errc::not_found);
  ++(sealed ? counters_.sealed : counters_.held);
  return sealed;
}

void Circle::ask(const Openers& sender, UnixTime wall, TimePoint now) {
  auto& members = roster_.members(wall);
  auto found = members.find(sender.call);
  if (found == members.end() || !in_) return;
  auto please = keys_.please({found->second.member.call, found->second.member.call_x25519}, now);
  if (!please) return;
  parcels_.push_back({sender.id, std::move(*please)});
  ++counters_.asked;
}

/// Why a frame without a key does not open: it may still come, or it is too late.
Error Circle::refuse_frame(const Openers* sender, std::uint64_t key_id, TimePoint arrival, TimePoint now) {
  if (!sender) {
    // Nobody who is in seals under this key. A statement about a newcomer may still be on its way.
    if (now - arrival < ask_after) return Errc::not_found;
    ++counters_.gone;
    return Errc::refused;
  }
  auto generation = static_cast<std::uint16_t>(key_id);
  bool before = sender->first_generation &&
                static_cast<std::int16_t>(generation - *sender->first_generation) < 0;
  if (before) {
    ++counters_.before;
    return Errc::refused;
  }
  if (now - arrival < ask_after) return Errc::not_found;
  ask(*sender, wall_, now);
  if (now - arrival < patience) return Errc::not_found;
  bool beginning = !sender->first_generation && now - sender->known_since < acquainted;
  ++(beginning ? counters_.before : counters_.late);
  return Errc::timed_out;
}

Result<Circle::Opened> Circle::open(bool picture, ByteView frame, TimePoint arrival, TimePoint now) {
  // Camera and screen leave the same bytes in the clear.
  auto clear = e2ee::clear_size(picture ? e2ee::Kind::video : e2ee::Kind::audio, frame);
  auto header = sframe::decode_header(frame.subspan(clear));
  if (!header) {
    ++counters_.failed;
    return fail(header.error());
  }
  auto key_id = header->header.key_id;
  auto found = by_prefix_.find(prefix_of(key_id));
  auto sender = found == by_prefix_.end() ? openers_.end() : openers_.find(found->second.first);
  if (sender == openers_.end()) return fail(refuse_frame(nullptr, key_id, arrival, now));
  // A camera's key on a microphone's line would be a node's or a member's trick.
  auto kind = found->second.second;
  if (kind == e2ee::Kind::data || picture != (kind != e2ee::Kind::audio)) {
    ++counters_.failed;
    return fail(Errc::refused);
  }
  auto opened = sender->second.of.at(kind).open(frame);
  if (opened) {
    ++counters_.opened;
    return Opened{sender->second.id, kind, std::move(*opened)};
  }
  if (opened.error() == Errc::not_found) return fail(refuse_frame(&sender->second, key_id, arrival, now));
  ++counters_.failed;
  return fail(opened.error());
}

}  // namespace conclave::member
