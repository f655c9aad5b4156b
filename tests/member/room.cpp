#include "tests/member/room.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "crypto/codec/base_n.hpp"
#include "crypto/hpke.hpp"
#include "tests/transport/webrtc/virtual_wall.hpp"

namespace conclave::member::test {

using Json = nlohmann::json;
using namespace webrtc;

std::shared_ptr<const Film> make_film(Random& random, std::size_t frames, std::size_t frame_size) {
  auto out = std::make_shared<Film>();
  out->width = 64;
  out->height = 48;
  out->fps = 10;
  for (std::size_t i = 0; i < frames; ++i) {
    Bytes frame(frame_size + random.below(frame_size));
    random.fill(frame);
    bool key = i % 10 == 0;
    frame[0] = static_cast<Byte>((frame[0] & 0xfe) | (key ? 0 : 1));
    if (key) {
      const Bytes start{0x9d, 0x01, 0x2a, 64, 0, 48, 0};
      std::ranges::copy(start, frame.begin() + 3);
    }
    out->frames.push_back({std::move(frame), key});
  }
  return out;
}

std::shared_ptr<const Song> make_song(Random& random, std::size_t packets) {
  auto out = std::make_shared<Song>();
  for (std::size_t i = 0; i < packets; ++i) {
    Bytes packet(60);
    random.fill(packet);
    packet[0] = 0xf8;  // CELT, 20 ms, one frame
    out->packets.push_back(std::move(packet));
  }
  return out;
}

/// Where one member is connected.
struct Room::Session {
  Entry* entry = nullptr;
  SessionId id;
  Claims claims;
  Parts parts;
  std::optional<calls::MemberId> member;
  std::optional<calls::CallKey> call;
  std::map<std::uint16_t, calls::MemberId> watched;
  struct Line {
    std::string mid;
    std::uint32_t source = 0;
    SendStream stream;
  };
  std::map<std::uint16_t, Line> lines;
  std::map<std::uint32_t, std::uint16_t> audio_mids;  ///< of the source's SSRC
};

struct Room::Source {
  calls::MemberId member;
  bool picture = false;
  ReceiveStream stream;
  PacketRing ring{512};
  KeyFrameRequest key_frame;
  Session* session = nullptr;
};

struct Room::Entry final : Endpoint::Listener {
  Entry(Room& of, std::size_t number)
      : room(of),
        index(number),
        at{io::IpAddress::v4(192, 0, 2, static_cast<Byte>(number + 1)), 7000},
        keys(NodeKeys::generate(of.random_)),
        identity(EndpointIdentity::make(of.random_)) {
    endpoint = *Endpoint::make(
        identity,
        [this](ByteView sealed) {
          return hpke::open(X25519Pair::of(keys), calls::ufrag_info(keys.public_key()), {}, sealed);
        },
        *this,
        [this](std::span<const Outbox::Datagram> datagrams) {
          for (auto& datagram : datagrams) outgoing.push_back({room.now, {datagram.to, copy(datagram.bytes)}});
        },
        of.random_);
  }
  bool opened(SessionId, const Claims& claims, const io::Endpoint&) override {
    const ConferenceKey of = room.conference_.public_key();
    auto shown = calls::open_proof(claims.proof, claims.page, identity.certificate.fingerprint(), {&of, 1}, room.wall);
    return shown && room.roster_.admits(shown->invite, room.wall).has_value();
  }
  void connected(SessionId id) override {
    auto session = std::make_unique<Session>();
    session->entry = this;
    session->id = id;
    session->claims = *endpoint->claims(id);
    room.sessions_[{index, id.raw()}] = std::move(session);
  }
  void rtp(SessionId id, const RtpPacket& packet, TimePoint) override { room.rtp(*find(id), packet); }
  void rtcp(SessionId id, std::span<const Rtcp> messages, TimePoint) override { room.rtcp(*find(id), messages); }
  void message(SessionId id, const Sctp::Message& message) override { room.hear(*find(id), text(message.bytes)); }
  void closed(SessionId id, Error) override {
    auto* session = find(id);
    std::erase_if(room.sources_, [&](auto& each) { return each.second->session == session; });
    room.sessions_.erase({index, id.raw()});
  }
  Session* find(SessionId id) {
    auto found = room.sessions_.find({index, id.raw()});
    return found == room.sessions_.end() ? nullptr : found->second.get();
  }

  Room& room;
  std::size_t index;
  io::Endpoint at;
  NodeKeys keys;
  EndpointIdentity identity;
  std::unique_ptr<Endpoint> endpoint;
  std::vector<std::pair<TimePoint, std::pair<io::Endpoint, Bytes>>> outgoing;
  bool dead = false;
};

Room::Room(std::size_t entries, std::uint64_t seed)
    : conference_([&] { SeededRandom r(seed, 1); return ConferenceKeys::generate(r); }()),
      invite_([&] { SeededRandom r(seed, 2); return SigningKeys::generate(r); }()),
      random_(seed),
      roster_(conference_.public_key()) {
  conclave::test::virtual_wall = now;
  for (std::size_t i = 0; i < entries; ++i) entries_.push_back(std::make_unique<Entry>(*this, i));
  say(calls::Invite{invite_.public_key(), wall + std::chrono::hours(48), 200, calls::Invite::no_admission});
}
Room::~Room() { conclave::test::virtual_wall.reset(); }

calls::ConferenceLink Room::link() const {
  calls::ConferenceLink out{conference_.public_key(), invite_.seed(), {}};
  for (auto& entry : entries_) {
    calls::EntryNode node{entry->at, entry->identity.ice_pwd, {}, entry->keys.public_key()};
    node.fingerprint.bytes = entry->identity.certificate.fingerprint().bytes;
    out.entries.push_back(std::move(node));
  }
  return out;
}

Room::Guest& Room::join(const std::string& name, Programme programme, std::size_t slots) {
  guests.push_back(std::make_unique<Guest>());
  auto& guest = *guests.back();
  guest.name = name;
  guest.home = {io::IpAddress::v4(198, 51, 100, static_cast<Byte>(guests.size())), 4000};
  AttendanceOptions options{name, slots, 720};
  guest.attendance = std::make_unique<Attendance>(
      link(), std::move(programme), options, random_,
      [this, &guest](const io::Endpoint& to, ByteView bytes) {
        for (auto& entry : entries_) {
          if (entry->at == to && !entry->dead && !lost()) guest.outgoing.emplace_back(now, copy(bytes));
        }
      },
      [&guest](const Frame& frame, TimePoint) { guest.seen[{frame.from, frame.kind}].push_back(frame.bytes); }, wall,
      now);
  return guest;
}

void Room::tell(Session& session, const std::string& json) {
  for (auto& part : cut(json)) (void)session.entry->endpoint->send_message(session.id, 0, view(part), true);
}

void Room::say(calls::Saying saying) {
  auto statement = calls::issue(conference_, conference_.public_key(), wall, std::move(saying));
  (void)roster_.add(statement);
  for (auto& [key, session] : sessions_)
    if (session->member) tell(*session, statements_json({statement.bytes}));
}

void Room::remove(const Guest& guest) {
  auto& own = std::get<calls::Member>(guest.attendance->circle().own().saying);
  say(calls::Remove{own.call, std::nullopt});
}

void Room::kill(std::size_t entry) {
  entries_[entry]->dead = true;
  std::erase_if(sources_, [&](auto& each) { return each.second->session->entry->index == entry; });
  std::erase_if(sessions_, [&](auto& each) { return each.first.first == entry; });
}

bool Room::serves(const Session& session) {
  return session.call && (forwards_to_removed || roster_.members(wall).contains(*session.call));
}

Room::Session* Room::by_member(const calls::MemberId& id) {
  for (auto& [key, session] : sessions_)
    if (session->member == id) return session.get();
  return nullptr;
}

void Room::add_statements(const Json& list, Session& from) {
  std::vector<Bytes> fresh;
  for (auto& each : list) {
    auto bytes = *codec::from_base64url(each.get<std::string>());
    auto statement = calls::open_statement(bytes, conference_.public_key(), wall);
    if (!statement) continue;
    if (auto* member = std::get_if<calls::Member>(&statement->saying); member && !from.member) {
      from.member = calls::member_id(member->call);
      from.call = member->call;
    }
    if (roster_.add(std::move(*statement)).value_or(false)) fresh.push_back(bytes);
  }
  if (fresh.empty()) return;
  for (auto& [key, session] : sessions_)
    if (session.get() != &from && session->member) tell(*session, statements_json(fresh));
}

void Room::hear(Session& session, std::string_view message) {
  auto whole = session.parts.take(message);
  if (!whole || !*whole) return;
  auto json = Json::parse(**whole);
  auto type = json["t"].get<std::string>();
  if (type == "hello") {
    // Who comes back by another entry leaves the old one.
    add_statements(json["statements"], session);
    Json statements = Json::array();
    for (auto& each : roster_.all()) statements.push_back(codec::base64url(each));
    tell(session, Json{{"t", "welcome"}, {"statements", statements}, {"you", hex(*session.member)}}.dump());
  } else if (type == "statements") {
    add_statements(json["statements"], session);
  } else if (type == "to" && serves(session)) {
    auto to = calls::MemberId::from(*from_hex(json["member"].get<std::string>()));
    if (auto* other = by_member(*to))
      tell(*other, Json{{"t", "to"}, {"from", hex(*session.member)}, {"d", json["d"]}}.dump());
  } else if (type == "watch") {
    session.watched.clear();
    for (auto& slot : json["slots"]) {
      auto mid = slot["mid"].get<std::string>();
      std::uint16_t number = 0;
      std::from_chars(mid.data(), mid.data() + mid.size(), number);
      session.watched[number] = *calls::MemberId::from(*from_hex(slot["member"].get<std::string>()));
    }
  }
}

void Room::rtp(Session& from, const RtpPacket& packet) {
  if (!from.member || !serves(from)) return;
  auto header = packet.header;
  auto payload = packet.payload;
  auto& types = from.claims.payload_types;
  bool rtx = header.payload_type == types.vp8_rtx;
  if (rtx) {
    auto original = unwrap_rtx(payload);
    if (!original) return;
    header = {header.marker, types.vp8, original->sequence, header.timestamp, header.ssrc ^ 1};
    payload = original->payload;
    ++repaired;
  }
  bool picture = header.payload_type == types.vp8;
  auto& slot = sources_[header.ssrc];
  if (!slot) {
    slot = std::make_unique<Source>(
        Source{*from.member, picture, ReceiveStream(header.ssrc, picture ? 90000 : 48000, picture), PacketRing(512), {},
               &from});
  }
  auto& source = *slot;
  if (source.stream.hear(header, packet.size, now, rtx) == ReceiveStream::Verdict::duplicate) return;
  if (source.stream.take_broken()) source.key_frame.want();
  source.ring.keep(header, payload, now);
  forward(from, source, header, payload);
}

void Room::forward(Session& from, Source& source, const RtpHeader& header, ByteView payload) {
  auto descriptor = source.picture ? decode_vp8(payload) : fail(Errc::not_found);
  if (descriptor && descriptor->key_frame) source.key_frame.satisfied();
  for (auto& [key, to] : sessions_) {
    if (to.get() == &from || !serves(*to)) continue;
    std::optional<std::uint16_t> mid;
    if (source.picture) {
      for (auto& [slot, member] : to->watched)
        if (member == source.member) mid = slot;
    } else {
      auto next = static_cast<std::uint16_t>(3 + 2 * to->audio_mids.size());
      mid = to->audio_mids.try_emplace(header.ssrc, next).first->second;
    }
    if (!mid) continue;
    auto& types = to->claims.payload_types;
    auto ssrc = Receiver::ssrc_base + 2U * *mid;
    SendStreamConfig config{ssrc, source.picture ? ssrc + 1 : 0, source.picture ? types.vp8 : types.opus,
                            source.picture ? types.vp8_rtx : Byte{0}, source.picture ? 90000U : 48000U};
    auto& line = to->lines
                     .try_emplace(*mid, Session::Line{std::to_string(*mid), 0,
                                                      SendStream(config, Rewriter(config.clock_rate, 1, 1, {1, 1}))})
                     .first->second;
    Rewriter::Picture picture;
    if (descriptor) picture = {descriptor->picture_id.value_or(0), descriptor->tl0_index.value_or(0)};
    if (line.source != header.ssrc) {
      if (source.picture && (!descriptor || !descriptor->key_frame)) {
        source.key_frame.want();
        continue;
      }
      line.stream.rewriter().switch_source(header, picture, source.stream.mapping(), now);
      line.source = header.ssrc;
    }
    auto place = line.stream.rewriter().place(header, picture, now);
    if (!place) continue;
    RtpExtensions extensions;
    extensions.mid = line.mid;
    Bytes rewritten = copy(payload);
    if (descriptor) rewrite_vp8(rewritten, *descriptor, place->picture.id, place->picture.tl0);
    ++forwarded;
    (void)to->entry->endpoint->send_rtp(to->id, line.stream.send(*place, header, header.ssrc, payload.size(), now),
                                        extensions, {}, rewritten);
  }
}

void Room::send_again(Session& to, const Nack& nack) {
  for (auto& [mid, line] : to.lines) {
    if (line.stream.config().ssrc != nack.media) continue;
    for (auto sequence : nack.lost) {
      auto again = line.stream.lost(sequence, now, Duration(20'000));
      auto source = again ? sources_.find(again->source) : sources_.end();
      if (source == sources_.end()) continue;
      auto stored = source->second->ring.find(again->source_sequence, now);
      auto descriptor = stored ? decode_vp8(stored->payload) : fail(Errc::not_found);
      if (!descriptor) continue;
      auto [header, original] = line.stream.retransmission(*again);
      Bytes payload = copy(stored->payload);
      rewrite_vp8(payload, *descriptor, again->place.picture.id, again->place.picture.tl0);
      (void)to.entry->endpoint->send_rtp(to.id, header, {}, original, payload);
    }
  }
}

void Room::rtcp(Session& from, std::span<const Rtcp> messages) {
  for (auto& message : messages) {
    if (auto* nack = std::get_if<Nack>(&message)) send_again(from, *nack);
    auto* loss = std::get_if<PictureLoss>(&message);
    if (!loss) continue;
    for (auto& [mid, line] : from.lines) {
      if (line.stream.config().ssrc != loss->media) continue;
      if (auto source = sources_.find(line.source); source != sources_.end()) source->second->key_frame.want();
    }
  }
}

void Room::tick() {
  for (auto& [ssrc, source] : sources_) {
    std::vector<Rtcp> out;
    auto missing = source->stream.nack(now, Duration(20'000));
    if (!missing.empty()) out.emplace_back(Nack{1, ssrc, std::move(missing)});
    if (source->picture && source->key_frame.take(now)) out.emplace_back(PictureLoss{1, ssrc});
    if (!out.empty()) (void)source->session->entry->endpoint->send_rtcp(source->session->id, out);
  }
}

void Room::run(Duration span) {
  for (auto end = now + span; now < end; now += step, wall = wall + std::chrono::milliseconds(5)) {
    conclave::test::virtual_wall = now;
    for (auto& guest : guests) {
      std::erase_if(guest->outgoing, [&](auto& each) {
        if (now - each.first < delay) return false;
        auto to = guest->attendance->entry();
        for (auto& entry : entries_) {
          // Before it is in, a guest may race several: all hear it, one understands.
          if (entry->dead || (to && *to != entry->at)) continue;
          io::Packet packet{guest->home, entry->at.ip, each.second};
          entry->endpoint->receive({&packet, 1}, now);
        }
        return true;
      });
    }
    if (now - ticked_ >= Duration(20'000)) {
      ticked_ = now;
      tick();
    }
    for (auto& entry : entries_) {
      if (entry->dead) continue;
      if (entry->endpoint->deadline() <= now) entry->endpoint->advance(now);
      entry->endpoint->flush();
      auto due = std::exchange(entry->outgoing, {});
      for (auto& [at, datagram] : due) {
        if (now - at < delay) {
          entry->outgoing.push_back({at, std::move(datagram)});
          continue;
        }
        for (auto& guest : guests)
          if (guest->home == datagram.first && !lost())
            guest->attendance->receive(entry->at, datagram.second, wall, now);
      }
    }
    for (auto& guest : guests)
      if (guest->attendance->deadline() <= now) guest->attendance->advance(wall, now);
  }
}

}  // namespace conclave::member::test
