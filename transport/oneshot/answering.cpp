// The half of the core that answers. Whoever sends may be anybody, from anywhere: checks go from cheap to dear,
// and nothing is remembered before the sender has proven something.
#include "transport/oneshot/core.hpp"

namespace conclave::oneshot {
namespace {

std::optional<io::IpAddress> answering_address(const io::Packet& packet) {
  if (packet.to.unspecified()) return std::nullopt;
  return packet.to;
}

}  // namespace

bool Core::admit(const io::Packet& packet, TimePoint now) {
  // Over this budget the packet is not even looked at: an attacker who can send that much cannot be told from
  // others for less than it costs.
  if (!checks_.take(limits_.check_price, now)) {
    ++figures_.dropped_unread;
    return false;
  }
  if (!mac1_holds(our_mac_keys_, packet.bytes)) {
    ++figures_.dropped_mac;
    return false;
  }
  if (seen_.seen(packet.bytes.subspan(header_size, 32))) {
    ++figures_.dropped_replay;
    return false;
  }
  if (!has_mac2(packet.bytes)) {
    if (unproven_.take(limits_.first_message_price, now)) return true;
  } else if (jar_.proves(packet.from, packet.bytes, now)) {
    if (rates_.take(packet.from.ip, now) && proven_.take(limits_.first_message_price, now)) return true;
    ++figures_.dropped_unread;
    return false;
  }
  if (checks_.take(limits_.cookie_price, now)) {
    ++figures_.cookies_sent;
    outgoing_.push_back({packet.from, jar_.packet(packet.from, packet.bytes, now), answering_address(packet)});
  } else {
    ++figures_.dropped_unread;
  }
  return false;
}

void Core::on_first(const io::Packet& packet, Index index, Moment moment) {
  if (packet.bytes.size() < first_message_min || !admit(packet, moment.now)) return;
  auto ephemeral = take_ephemeral();
  noise::Handshake handshake({noise::Pattern::ik, noise::Cipher::chacha_poly, noise::Role::responder, static_,
                              std::nullopt, prologue(Header{Type::first, index}, us_), ephemeral});
  auto message = packet.bytes.subspan(header_size, packet.bytes.size() - header_size - 2 * mac_size);
  auto forged = [&] {
    ++figures_.dropped_forged;
    ephemeral_ = ephemeral;  // nobody has seen it
  };
  auto payload = handshake.read(message);
  if (!payload) return forged();
  auto question = Question::decode(*payload);
  if (!question || question->asker == us_) return forged();
  // Two Ed25519 keys share an X25519 key, and the key inside is only a claim: it must convert to the one that
  // Noise has authenticated, which is not of small order. Whether it is a point of the main subgroup takes longer
  // than everything else and only keeps an owner from using eight names: it is looked at when the answer is on
  // its way, and before anything of the session.
  if (!crypto::maps_to_x25519(question->asker, *handshake.their_static())) return forged();

  auto tolerance = limits_.clock_tolerance;
  bool timely = question->sent >= started_ && question->sent >= moment.unix_now - tolerance &&
                question->sent <= moment.unix_now + tolerance;
  bool fresh = timely && seen_.add(packet.bytes.subspan(header_size, 32), moment.now) == SeenKeys::Verdict::fresh;
  answer_first(packet, index, handshake, *question, fresh, moment.now);
}

void Core::answer_first(const io::Packet& packet, Index index, noise::Handshake& handshake,
                        const Question& question, bool fresh, TimePoint now) {
  FirstAnswer answer{Status::in_session, fresh_index(), packet.from, {}};
  std::optional<Bytes> body;
  if (question.service == Service::hello) {
    answer.status = Status::ok;
  } else if (fresh) {
    body = answerer_(question.service, question.asker, packet.from, question.body);
    answer.status = body ? Status::ok : Status::refused;
  }
  if (body && body->size() > body_max) answer.status = Status::too_long;
  if (body && answer.status == Status::ok) {
    auto size = header_size + message2_overhead + FirstAnswer::overhead(packet.from) + body->size();
    if (size <= std::min(datagram_max, amplification_max * packet.bytes.size())) {
      answer.body = *body;
    } else {
      answer.status = Status::in_session;
    }
  }
  auto message = handshake.write(answer.encode(), random_);
  if (!message) {
    ++figures_.dropped_forged;
    return;
  }
  auto front = Header{Type::answer, index}.encode();
  Bytes datagram(front.begin(), front.end());
  append(datagram, *message);
  outgoing_.push_back({packet.from, std::move(datagram), answering_address(packet)});
  ++figures_.firsts_answered;

  auto keys = handshake.split_keys();
  using enum crypto::AeadAlgorithm;
  sessions_.add(Session{question.asker, answer.index, index,
                        crypto::Aead(chacha20_poly1305, keys.responder_to_initiator.view()),
                        crypto::Aead(chacha20_poly1305, keys.initiator_to_responder.view()), now, packet.from,
                        /*confirmed=*/false, /*identity_checked=*/false},
                now);
  if (unchecked_sessions_.size() < limits_.unproven_sessions_max) unchecked_sessions_.push_back(answer.index);
}

bool Core::identity_holds(Session& session) {
  if (session.identity_checked) return true;
  session.identity_checked = crypto::to_x25519(session.peer).has_value();
  if (session.identity_checked) return true;
  ++figures_.dropped_forged;
  sessions_.end(session.ours);
  return false;
}

void Core::on_session_packet(const io::Packet& packet, Moment moment) {
  auto header = SessionHeader::decode(packet.bytes);
  auto* session = header ? sessions_.find(header->index, moment.now) : nullptr;
  if (!session) {
    ++figures_.dropped_unasked;
    return;
  }
  auto plain = session->open(*header, packet.bytes);
  if (!plain) {
    ++(plain.error() == Errc::refused ? figures_.dropped_replay : figures_.dropped_forged);
    return;
  }
  if (!identity_holds(*session)) return;
  sessions_.confirm(*session);
  if (header->type == Type::reply) return on_reply(packet, header->index, *plain, moment);
  on_request(packet, *header, *plain, moment.now);
}

void Core::on_request(const io::Packet& packet, const SessionHeader& header, ByteView plain, TimePoint now) {
  auto request = SessionRequest::decode(plain);
  if (!request) return;
  auto peer = sessions_.find(header.index, now)->peer;
  std::optional<Bytes> answer = Bytes();
  if (request->service != Service::hello) answer = answerer_(request->service, peer, packet.from, request->body);
  // The answerer may have asked somebody, and that may have moved or ended sessions.
  if (auto* session = sessions_.find(header.index, now)) answer_in_session(packet, *session, header.counter, answer);
}

void Core::answer_in_session(const io::Packet& packet, Session& session, std::uint32_t counter,
                             const std::optional<Bytes>& answer) {
  SessionReply reply{Status::ok, counter, {}};
  if (!answer) {
    reply.status = Status::refused;
  } else if (answer->size() > body_max) {
    reply.status = Status::too_long;
  } else {
    auto size = session_header_size + tag_size + SessionReply::overhead + answer->size();
    bool proven = packet.from == session.at;
    if (proven || size <= amplification_max * packet.bytes.size()) {
      reply.body = *answer;
    } else {
      reply.status = Status::in_session;
    }
  }
  outgoing_.push_back({packet.from, session.seal(Type::reply, reply.encode()), answering_address(packet)});
  ++figures_.sessions_answered;
}

}  // namespace conclave::oneshot
