#include "transport/quic/gate.hpp"

namespace conclave::quic {
namespace {

constexpr std::size_t first_datagram_min = 1200;  ///< RFC 9000 14.1
constexpr std::size_t first_cid_min = 8;          ///< RFC 9000 7.2
/// RFC 9001 5.8. The nonce is public there; here the key is not.
constexpr std::array<Byte, 12> retry_nonce{0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63,
                                           0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb};

void append_cid(Bytes& out, const Cid& cid) {
  out.push_back(cid.length);
  append(out, cid.view());
}

/// Binds a token to who may use it: the address it was sent to and the connection id it came with.
Bytes token_binding(const io::Endpoint& from, const Cid& destination) {
  Bytes out = copy(from.ip.view());
  out.push_back(static_cast<Byte>(from.port >> 8));
  out.push_back(static_cast<Byte>(from.port));
  append_cid(out, destination);
  return out;
}

}  // namespace

double Allowance::level(TimePoint now) const {
  auto grown = left_us_ + share_ * static_cast<double>((now - at_).count());
  return std::min(grown, share_ * 1e6);
}

bool Allowance::take(Duration cost, TimePoint now) {
  left_us_ = level(now);
  at_ = now;
  if (left_us_ < static_cast<double>(cost.count())) return false;
  left_us_ -= static_cast<double>(cost.count());
  return true;
}

bool ReplayCache::seen(ByteView ephemeral) const {
  auto mark = Mark::from(ephemeral.first(Mark::size));
  return mark && (young_.contains(*mark) || old_.contains(*mark));
}

void ReplayCache::remember(ByteView ephemeral) {
  if (young_.size() >= generation_max) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_.insert(*Mark::from(ephemeral.first(Mark::size)));
}

Gate::Gate(const Identity& identity, Random& random, KeyCache& cache, GateSettings settings)
    : identity_(identity),
      random_(random),
      cache_(cache),
      settings_(settings),
      unproven_(settings.unproven_share),
      proven_all_(settings.proven_share),
      token_key_(crypto::AeadAlgorithm::xchacha20_poly1305, random.fixed<Fixed<struct TokenKeyTag, 32>>()),
      retry_key_(PacketKey::bare(quic::retry_key(identity.x25519.public_key))) {}

Gate::Verdict Gate::silence(Reason reason) {
  ++silences_[static_cast<std::size_t>(reason)];
  return Silence{reason};
}

Gate::Proof* Gate::proof_of(const io::IpAddress& address, TimePoint now) {
  auto found = proven_.find(address.network());
  return found == proven_.end() || found->second.until < now ? nullptr : &found->second;
}

bool Gate::pay(Proof* proof, Duration cost, TimePoint now) {
  if (!proof) return unproven_.take(cost, now);
  return proof->allowance.take(cost, now) && proven_all_.take(cost, now);
}

Gate::Verdict Gate::judge(const io::Endpoint& from, ByteView datagram, bool crowded, TimePoint now) {
  auto header = decode_long_header(datagram);
  if (!header || header->type != LongHeader::Type::initial || datagram.size() < first_datagram_min ||
      header->destination.length < first_cid_min)
    return silence(Reason::malformed);
  std::optional<Cid> original;
  if (!header->token.empty()) {
    // A token that is not ours, or old, is as good as none.
    original = open_token(from, *header, now);
    if (original) proven(from.ip, now);
  }
  auto* proof = proof_of(from.ip, now);
  if (!pay(proof, open_cost, now)) return silence(Reason::over_budget);

  auto initial = InitialProtection::of(header->destination, identity_.x25519.public_key, false);
  auto packet = open_initial(initial.theirs, *header, datagram.first(header->size), text_);
  if (!packet) return silence(Reason::stranger);
  auto frames = decode_initial_frames(packet->payload);
  if (!frames || !frames->crypto || frames->crypto->offset != 0 ||
      frames->crypto->bytes.size() < X25519Key::size)
    return silence(Reason::forged);
  auto message = frames->crypto->bytes;
  if (replays_.seen(message)) return silence(Reason::replayed);

  auto retry = [&]() -> Verdict {
    ++retries_;
    return Retry{write_retry(from, *header, now)};
  };
  if (!proof && unproven_.low(now)) {
    if (!pay(proof, retry_cost, now)) return silence(Reason::over_budget);
    return retry();
  }
  if (!pay(proof, noise_cost, now)) return silence(Reason::over_budget);
  auto responder = Responder::read_message1(identity_, message, cache_);
  if (!responder) return silence(Reason::forged);
  if (crowded && !original) return retry();
  return Opening{std::move(*responder),
                 copy(message),
                 header->destination,
                 header->source,
                 original.value_or(header->destination),
                 original ? copy(header->token) : Bytes(),
                 std::move(initial)};
}

void Gate::admitted(const Opening& opening) { replays_.remember(opening.message1); }

void Gate::proven(const io::IpAddress& address, TimePoint now) {
  auto network = address.network();
  auto found = proven_.find(network);
  if (found != proven_.end()) {
    found->second.until = now + proof_life;
    return;
  }
  if (proven_.size() >= proven_max) {
    std::erase_if(proven_, [now](const auto& entry) { return entry.second.until < now; });
    if (proven_.size() >= proven_max) return;  // all are fresh: this one stays among the unproven
  }
  proven_.emplace(network, Proof{now + proof_life, Allowance(settings_.network_share)});
}

// Token: nonce (24) ‖ XChaCha20-Poly1305(issued at, us (8) ‖ original connection id). Only we read it.
Bytes Gate::write_retry(const io::Endpoint& from, const LongHeader& header, TimePoint now) {
  Cid ours;
  ours.length = Cid::ours;
  random_.fill(MutableBytes(ours.bytes).first(Cid::ours));
  Bytes plain;
  auto issued = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (int shift = 56; shift >= 0; shift -= 8) plain.push_back(static_cast<Byte>(issued >> shift));
  append(plain, header.destination.view());
  Bytes token(24);
  random_.fill(token);
  append(token, token_key_.seal(ByteView(token).first(24), token_binding(from, ours), plain));

  // RFC 9000 17.2.5; the tag covers the packet behind the original connection id (RFC 9001 5.8).
  Bytes pseudo;
  append_cid(pseudo, header.destination);
  auto prefix = pseudo.size();
  append(pseudo, Bytes{0xf0, 0, 0, 0, 1});
  append_cid(pseudo, header.source);
  append_cid(pseudo, ours);
  append(pseudo, token);
  std::array<Byte, PacketKey::tag_size> tag;
  retry_key_.seal(tag.data(), retry_nonce, pseudo, {});
  Bytes out(pseudo.begin() + static_cast<std::ptrdiff_t>(prefix), pseudo.end());
  append(out, tag);
  return out;
}

std::optional<Cid> Gate::open_token(const io::Endpoint& from, const LongHeader& header, TimePoint now) {
  if (header.token.size() < 24 + 8 + PacketKey::tag_size) return std::nullopt;
  auto plain = token_key_.open(header.token.first(24), token_binding(from, header.destination),
                               header.token.subspan(24));
  if (!plain) return std::nullopt;
  std::uint64_t issued = 0;
  for (std::size_t i = 0; i < 8; ++i) issued = issued << 8 | (*plain)[i];
  if (now - TimePoint(Duration(issued)) > token_life) return std::nullopt;
  auto original = Cid::from(ByteView(*plain).subspan(8));
  if (!original) return std::nullopt;
  return *original;
}

}  // namespace conclave::quic
