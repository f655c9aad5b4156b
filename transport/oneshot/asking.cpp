// The half of the core that asks.
#include "crypto/ensure.hpp"
#include "transport/oneshot/core.hpp"

namespace conclave::oneshot {
namespace {

/// For a peer of which we know nothing: twice what 97 % of paths need.
constexpr Duration patience_with_strangers = std::chrono::milliseconds(500);

}  // namespace

Core::ExchangeId Core::request(const NodeKey& to, const io::Endpoint& at, Service service, ByteView body,
                               TimePoint deadline, Moment moment) {
  auto id = ++last_;
  auto refuse = [&](Errc why) {
    finished_.push_back({id, fail(why)});
    return id;
  };
  if (body.size() > body_max) return refuse(Errc::too_long);
  if (to == us_) return refuse(Errc::refused);
  if (exchanges_.size() >= limits_.exchanges_max) return refuse(Errc::limit_reached);
  auto& exchange =
      exchanges_.emplace(id, Exchange{id, to, at, service, copy(body), deadline, {}, false, {}, {}}).first->second;
  auto rtt = peers_.rtt(to);
  auto repeat = moment.now + (rtt ? rtt->patience() : patience_with_strangers);
  exchange.due = std::min(repeat, deadline);
  agenda_.emplace(exchange.due, id);
  send(exchange, moment);
  return id;
}

void Core::tick(Moment moment) {
  while (!agenda_.empty() && agenda_.begin()->first <= moment.now) {
    auto& exchange = exchanges_.at(agenda_.begin()->second);
    if (exchange.repeated || moment.now >= exchange.deadline) {
      finish(exchange.id, fail(Errc::timed_out));
      continue;
    }
    exchange.repeated = true;
    schedule(exchange, exchange.deadline);
    // A session that does not answer may be one that the peer has forgotten.
    if (!exchange.rides.empty()) {
      if (auto* session = sessions_.find(exchange.rides.back().session, moment.now)) sessions_.give_up(*session);
    }
    send(exchange, moment);
  }
}

void Core::send(Exchange& exchange, Moment moment) {
  auto* session = sessions_.to(exchange.to, moment.now);
  if (session && exchange.rides.size() < rides_max) {
    send_in_session(exchange, *session, moment.now);
  } else if (exchange.firsts.size() >= firsts_max) {
    finish(exchange.id, fail(Errc::refused));
  } else if (auto sent = send_first(exchange, moment); !sent) {
    finish(exchange.id, fail(sent.error()));
  }
}

Result<> Core::send_first(Exchange& exchange, Moment moment) {
  auto checked = peers_.known_x25519(exchange.to);
  TRY(auto theirs, checked ? Result<X25519Key>(*checked) : crypto::to_x25519_unchecked(exchange.to));
  if (!checked && unchecked_.size() < limits_.exchanges_max) unchecked_.push_back(exchange.id);
  Header header{Type::first, fresh_index()};
  noise::Handshake handshake({noise::Pattern::ik, noise::Cipher::chacha_poly, noise::Role::initiator, static_, theirs,
                              prologue(header, exchange.to), take_ephemeral()});
  bool hello = exchange.body.size() > first_body_max;
  Question question{us_, moment.unix_now, hello ? Service::hello : exchange.service,
                    hello ? ByteView() : ByteView(exchange.body)};
  auto payload = question.encode(first_message_min - header_size - message1_overhead - 2 * mac_size);
  TRY(auto message, handshake.write(payload, random_));

  auto front = header.encode();
  Bytes datagram(front.begin(), front.end());
  append(datagram, message);
  datagram.resize(datagram.size() + 2 * mac_size);
  stamp(datagram, MacKeys(exchange.to), std::nullopt);
  outgoing_.push_back({exchange.at, datagram, std::nullopt});
  by_index_.emplace(header.index, exchange.id);
  exchange.firsts.push_back({header.index, std::move(handshake), std::move(datagram), moment.now, hello});
  return {};
}

void Core::send_in_session(Exchange& exchange, Session& session, TimePoint now) {
  auto counter = session.sent;
  outgoing_.push_back(
      {exchange.at, session.seal(Type::request, SessionRequest{exchange.service, exchange.body}.encode()),
       std::nullopt});
  by_counter_.emplace(std::pair(session.ours, counter), exchange.id);
  exchange.rides.push_back({session.ours, counter, now});
}

std::pair<Core::Exchange*, Core::First*> Core::waiting_first(Index index, const io::Endpoint& from) {
  auto known = by_index_.find(index);
  if (known == by_index_.end()) return {};
  auto& exchange = exchanges_.at(known->second);
  if (exchange.at != from) return {};
  for (auto& first : exchange.firsts)
    if (first.index == index) return {&exchange, &first};
  return {};
}

void Core::on_answer(const io::Packet& packet, Index index, Moment moment) {
  auto [exchange, first] = waiting_first(index, packet.from);
  if (!exchange || first->handshake.done() || first->forgeries >= forgeries_max) {
    ++figures_.dropped_unasked;
    return;
  }
  auto payload = first->handshake.read(packet.bytes.subspan(header_size));
  if (!payload) {
    ++first->forgeries;
    ++figures_.dropped_forged;
    return;
  }
  // From here on the peer has spoken: what is wrong now is its own doing.
  if (auto key = peers_.x25519(exchange->to); !key) return finish(exchange->id, fail(key.error()));
  auto answer = FirstAnswer::decode(*payload);
  if (!answer) return finish(exchange->id, fail(answer.error()));
  auto keys = first->handshake.split_keys();
  using enum crypto::AeadAlgorithm;
  sessions_.add(Session{exchange->to, index, answer->index,
                        crypto::Aead(chacha20_poly1305, keys.initiator_to_responder.view()),
                        crypto::Aead(chacha20_poly1305, keys.responder_to_initiator.view()), moment.now, packet.from,
                        /*confirmed=*/true, /*identity_checked=*/true},
                moment.now);
  peers_.measured(exchange->to, moment.now - first->sent);
  observed_.push_back({exchange->to, packet.from, answer->observed});
  if (first->hello && answer->status == Status::ok) answer->status = Status::in_session;
  if (answer->status != Status::in_session) return conclude(*exchange, answer->status, answer->body);
  send(*exchange, moment);
}

void Core::on_cookie(const io::Packet& packet, Index index) {
  auto [exchange, first] = waiting_first(index, packet.from);
  if (!exchange || first->cookies >= cookies_max || first->handshake.done()) {
    ++figures_.dropped_unasked;
    return;
  }
  MacKeys keys(exchange->to);
  Mac mac1;
  std::ranges::copy(mac1_in(first->datagram), mac1.begin());
  auto cookie = open_cookie(keys, packet.bytes, mac1);
  if (!cookie) {
    ++figures_.dropped_forged;
    return;
  }
  ++first->cookies;
  stamp(first->datagram, keys, *cookie);
  outgoing_.push_back({exchange->at, first->datagram, std::nullopt});
}

void Core::on_reply(const io::Packet& packet, Index session_index, ByteView plain, Moment moment) {
  auto reply = SessionReply::decode(plain);
  if (!reply) return;
  auto known = by_counter_.find({session_index, reply->counter});
  if (known == by_counter_.end()) {
    ++figures_.dropped_unasked;
    return;
  }
  auto& exchange = exchanges_.at(known->second);
  if (exchange.at != packet.from) {
    ++figures_.dropped_unasked;
    return;
  }
  for (auto& ride : exchange.rides) {
    if (ride.session == session_index && ride.counter == reply->counter)
      peers_.measured(exchange.to, moment.now - ride.sent);
  }
  if (reply->status != Status::in_session) return conclude(exchange, reply->status, reply->body);
  // Our address has changed under the session: prove it anew.
  if (auto* session = sessions_.find(session_index, moment.now)) sessions_.give_up(*session);
  send(exchange, moment);
}

void Core::conclude(Exchange& exchange, Status status, ByteView body) {
  switch (status) {
    case Status::ok: return finish(exchange.id, copy(body));
    case Status::too_long: return finish(exchange.id, fail(Errc::too_long));
    case Status::refused:
    case Status::in_session: return finish(exchange.id, fail(Errc::refused));
  }
}

void Core::finish(ExchangeId id, Result<Bytes> answer) {
  auto found = exchanges_.find(id);
  ensure(found != exchanges_.end(), "an exchange ends once");
  auto& exchange = found->second;
  agenda_.erase({exchange.due, id});
  for (auto& first : exchange.firsts) by_index_.erase(first.index);
  for (auto& ride : exchange.rides) by_counter_.erase({ride.session, ride.counter});
  exchanges_.erase(found);
  finished_.push_back({id, std::move(answer)});
}

void Core::schedule(Exchange& exchange, TimePoint when) {
  agenda_.erase({exchange.due, exchange.id});
  exchange.due = when;
  agenda_.emplace(when, exchange.id);
}

Index Core::fresh_index() {
  for (;;) {
    auto index = static_cast<Index>(random_.next());
    if (!by_index_.contains(index) && !sessions_.taken(index)) return index;
  }
}

}  // namespace conclave::oneshot
