#include "transport/oneshot/core.hpp"

#include "crypto/ensure.hpp"

namespace conclave::oneshot {

namespace {

/// How much may be spent at once. Deep enough for the first contacts of a node that has just been announced,
/// shallow enough that nothing waits long behind them.
constexpr Duration unproven_depth = std::chrono::milliseconds(25);
constexpr Duration checks_depth = std::chrono::milliseconds(5);
constexpr Duration proven_depth = std::chrono::milliseconds(50);

}  // namespace

Core::Core(const NodeKeys& keys, Random& random, Limits limits, Answerer answerer, UnixTime started)
    : us_(keys.public_key()),
      static_(noise::KeyPair::of(keys)),
      random_(random),
      limits_(limits),
      answerer_(std::move(answerer)),
      peers_(limits.peers_max),
      sessions_(limits.sessions_max, limits.unproven_sessions_max, limits.session_life),
      our_mac_keys_(us_),
      jar_(our_mac_keys_, random),
      seen_(limits.seen_max, 2 * std::chrono::duration_cast<Duration>(limits.clock_tolerance)),
      unproven_(limits.unproven_share, unproven_depth),
      checks_(limits.check_share, checks_depth),
      proven_(limits.proven_share, proven_depth),
      rates_(limits.per_network_rate, limits.networks_max),
      started_(started) {}

void Core::receive(const io::Packet& packet, Moment moment) {
  if (packet.bytes.empty() || packet.bytes.size() > datagram_max) return;
  auto type = static_cast<Type>(packet.bytes[0]);
  if (type == Type::request || type == Type::reply) return on_session_packet(packet, moment);
  auto header = Header::decode(packet.bytes);
  if (!header) return;
  if (type == Type::first) on_first(packet, header->index, moment);
  if (type == Type::answer) on_answer(packet, header->index, moment);
  if (type == Type::cookie) on_cookie(packet, header->index);
}

void Core::prepare(TimePoint now) {
  if (!ephemeral_) ephemeral_ = noise::KeyPair::generate(random_);
  for (auto id : std::exchange(unchecked_, {})) {
    auto found = exchanges_.find(id);
    if (found == exchanges_.end()) continue;
    if (auto key = peers_.x25519(found->second.to); !key) finish(id, fail(key.error()));
  }
  for (auto index : std::exchange(unchecked_sessions_, {}))
    if (auto* session = sessions_.find(index, now)) (void)identity_holds(*session);
}

Bytes Core::prologue(const Header& header, const NodeKey& responder) const {
  Bytes out = copy(view("conclave oneshot 1"));
  append(out, header.encode());
  append(out, responder);
  return out;
}

Figures Core::figures() const {
  auto out = figures_;
  out.exchanges = exchanges_.size();
  out.sessions = sessions_.size();
  return out;
}

}  // namespace conclave::oneshot
