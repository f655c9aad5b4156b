#include "crypto/sender_keys.hpp"

#include "crypto/aead.hpp"
#include "crypto/codec/msgpack.hpp"
#include "crypto/hkdf.hpp"
#include "crypto/hpke.hpp"

namespace conclave::e2ee {
namespace {

constexpr std::uint8_t version = 1;
enum class MessageKind : std::uint8_t { first = 1, next = 2, please = 3 };
constexpr Domain first_domain{"conclave/sender-key/1"};
constexpr Domain please_domain{"conclave/please/1"};
constexpr auto please_every = std::chrono::seconds(2);

// On the wire: [version, kind, sender, recipient, …]. The orders are the protocol.
using FirstWire = std::tuple<std::uint8_t, std::uint8_t, SigningPublicKey, SigningPublicKey, X25519Key, Bytes, Signature>;
using NextWire = std::tuple<std::uint8_t, std::uint8_t, SigningPublicKey, SigningPublicKey, std::uint64_t, Bytes>;
using PleaseWire = std::tuple<std::uint8_t, std::uint8_t, SigningPublicKey, SigningPublicKey, Signature>;
using PlainWire = std::tuple<std::uint16_t, crypto::Digest, std::vector<std::tuple<std::uint8_t, Bytes>>>;

constexpr std::array<Byte, 12> zero_nonce{};

Bytes together(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (auto part : parts) append(out, part);
  return out;
}

Bytes number_bytes(std::uint64_t number) {
  Bytes out(8);
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<Byte>(number >> (56 - 8 * i));
  return out;
}

Result<BaseKeys> read_plaintext(ByteView plain) {
  TRY(auto wire, codec::unpack<PlainWire>(plain));
  auto& [generation, roster, pairs] = wire;
  if (pairs.size() > 8) return fail(Errc::too_long);
  BaseKeys out{generation, {}};
  for (auto& [kind, key] : pairs) {
    if (key.size() != 16 && key.size() != 32) return fail(Errc::wrong_length);
    out.keys[static_cast<Kind>(kind)] = std::move(key);
  }
  return out;
}

}  // namespace

Secret<16> SenderKeys::Chain::step() {
  auto key = crypto::hkdf_expand<16>(secret.view(), view("conclave/chain message/1"));
  secret = crypto::hkdf_expand<32>(secret.view(), view("conclave/chain next/1"));
  ++number;
  return key;
}

SenderKeys::SenderKeys(const ConferenceKey& conference, SigningKeys call, const Secret<32>& call_x25519, Random& random)
    : conference_(conference), call_(std::move(call)), call_x25519_(call_x25519), random_(random) {
  renew();
}

void SenderKeys::renew() {
  ++own_.generation;
  for (Kind kind : kinds) {
    Bytes key(sframe::base_key_size);
    random_.fill(key);
    own_.keys[kind] = std::move(key);
  }
}

void SenderKeys::forward() {
  ++own_.generation;
  for (auto& [kind, key] : own_.keys) key = copy(sframe::ratchet(key).view());
}

void SenderKeys::forget(const SigningPublicKey& call) {
  outgoing_.erase(call);
  incoming_.erase(call);
  pleased_.erase(call);
}

Bytes SenderKeys::info(const SigningPublicKey& sender, const SigningPublicKey& recipient) const {
  return together({view("conclave/sender-key/1"), conference_, sender, recipient});
}

Bytes SenderKeys::plaintext(const crypto::Digest& roster) const {
  PlainWire wire{own_.generation, roster, {}};
  for (const auto& [kind, key] : own_.keys) std::get<2>(wire).emplace_back(static_cast<std::uint8_t>(kind), key);
  return codec::pack(wire);
}

Result<Bytes> SenderKeys::message_for(const Peer& peer, const crypto::Digest& roster) {
  auto found = outgoing_.find(peer.call);
  if (found == outgoing_.end()) return first_for(peer, roster);
  auto key = found->second.step();
  auto number = found->second.number;
  auto associated = together({call_.public_key(), peer.call, number_bytes(number)});
  auto sealed = crypto::Aead(crypto::AeadAlgorithm::aes_128_gcm, key.view()).seal(zero_nonce, associated, plaintext(roster));
  return codec::pack(NextWire(version, static_cast<std::uint8_t>(MessageKind::next), call_.public_key(), peer.call,
                              number, std::move(sealed)));
}

Result<Bytes> SenderKeys::first_for(const Peer& peer, const crypto::Digest& roster) {
  TRY(auto sender, hpke::setup_sender(hpke::Cipher::aes_128_gcm, peer.call_x25519,
                                      info(call_.public_key(), peer.call), random_));
  auto sealed = sender.context.seal({}, plaintext(roster));
  auto signature = call_.sign(first_domain, together({conference_, call_.public_key(), peer.call, sender.encapsulated,
                                                      crypto::sha256(sealed)}));
  outgoing_[peer.call] = {*Secret<32>::from(sender.context.export_secret(view("conclave/chain/1"), 32)), 0};
  return codec::pack(FirstWire(version, static_cast<std::uint8_t>(MessageKind::first), call_.public_key(), peer.call,
                               sender.encapsulated, std::move(sealed), signature));
}

std::optional<Bytes> SenderKeys::please(const Peer& peer, TimePoint now) {
  auto [at, fresh] = pleased_.try_emplace(peer.call, now);
  if (!fresh && now - at->second < please_every) return std::nullopt;
  at->second = now;
  auto signature = call_.sign(please_domain, together({conference_, call_.public_key(), peer.call}));
  return codec::pack(PleaseWire(version, static_cast<std::uint8_t>(MessageKind::please), call_.public_key(), peer.call,
                                signature));
}

Result<SenderKeys::Received> SenderKeys::receive(ByteView message,
                                                 const std::function<bool(const SigningPublicKey&)>& is_member) {
  if (message.size() > message_max) return fail(Errc::too_long);
  TRY(auto parsed, codec::Parsed::from(message));
  TRY(auto count, parsed.root().array());
  if (count < 5) return fail(Errc::wrong_length);
  std::uint8_t its_version = 0;
  std::uint8_t kind = 0;
  SigningPublicKey from;
  SigningPublicKey to;
  CHECK(codec::read(parsed.root().at(0), its_version));
  CHECK(codec::read(parsed.root().at(1), kind));
  CHECK(codec::read(parsed.root().at(2), from));
  CHECK(codec::read(parsed.root().at(3), to));
  if (its_version != version) return fail(Errc::unsupported);
  if (to != call_.public_key() || !is_member(from)) return fail(Errc::refused);
  switch (static_cast<MessageKind>(kind)) {
    case MessageKind::first: {
      TRY(auto base, open_first(from, message));
      return Keys{from, std::move(base)};
    }
    case MessageKind::next: {
      TRY(auto base, open_next(from, message));
      return Keys{from, std::move(base)};
    }
    case MessageKind::please: {
      TRY(auto wire, codec::unpack<PleaseWire>(message));
      CHECK(crypto::verify(from, please_domain, together({conference_, from, call_.public_key()}), std::get<4>(wire)));
      outgoing_.erase(from);  // whoever asks anew may have lost our chain with everything else
      return Please{from};
    }
  }
  return fail(Errc::unsupported);
}

Result<BaseKeys> SenderKeys::open_first(const SigningPublicKey& from, ByteView message) {
  TRY(auto wire, codec::unpack<FirstWire>(message));
  auto& [its_version, kind, sender, recipient, encapsulated, sealed, signature] = wire;
  // A replay would set the chain back.
  if (firsts_.contains(encapsulated) || firsts_.size() >= firsts_max) return fail(Errc::refused);
  CHECK(crypto::verify(from, first_domain,
                       together({conference_, from, call_.public_key(), encapsulated, crypto::sha256(sealed)}), signature));
  auto ours = X25519Pair::from_secret(call_x25519_);
  TRY(auto context, hpke::setup_recipient(hpke::Cipher::aes_128_gcm, encapsulated, ours, info(from, call_.public_key())));
  TRY(auto plain, context.open({}, sealed));
  TRY(auto base, read_plaintext(plain));
  firsts_.insert(encapsulated);
  incoming_[from] = {*Secret<32>::from(context.export_secret(view("conclave/chain/1"), 32)), 0};
  return base;
}

Result<BaseKeys> SenderKeys::open_next(const SigningPublicKey& from, ByteView message) {
  TRY(auto wire, codec::unpack<NextWire>(message));
  auto& [its_version, kind, sender, recipient, number, sealed] = wire;
  auto found = incoming_.find(from);
  if (found == incoming_.end()) return fail(Errc::not_found);
  if (number <= found->second.number || number - found->second.number > skip_max) return fail(Errc::refused);
  Chain chain = found->second;  // kept aside until the message has authenticated
  Secret<16> key;
  while (chain.number < number) key = chain.step();
  auto associated = together({from, call_.public_key(), number_bytes(number)});
  TRY(auto plain, crypto::Aead(crypto::AeadAlgorithm::aes_128_gcm, key.view()).open(zero_nonce, associated, sealed));
  TRY(auto base, read_plaintext(plain));
  found->second = chain;
  return base;
}

}  // namespace conclave::e2ee
