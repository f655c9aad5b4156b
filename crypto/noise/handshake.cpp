#include "crypto/noise/handshake.hpp"

#include "crypto/ensure.hpp"

namespace conclave::noise {
namespace {

std::string protocol_name(Pattern pattern, Cipher cipher) {
  std::string name = "Noise_";
  name += pattern == Pattern::ik ? "IK" : "XX";
  name += "_25519_";
  name += cipher == Cipher::aes_gcm ? "AESGCM" : "ChaChaPoly";
  return name + "_SHA256";
}

Result<Bytes> take(ByteView& from, std::size_t size) {
  if (from.size() < size) return fail(Errc::malformed);
  Bytes out = copy(from.first(size));
  from = from.subspan(size);
  return out;
}

}  // namespace

std::span<const Handshake::Token> Handshake::tokens(Pattern pattern, std::size_t message) {
  using enum Token;
  static constexpr std::array ik_1{e, es, s, ss};
  static constexpr std::array ik_2{e, ee, se};
  static constexpr std::array xx_1{e};
  static constexpr std::array xx_2{e, ee, s, es};
  static constexpr std::array xx_3{s, se};
  if (pattern == Pattern::ik) return message == 0 ? std::span<const Token>(ik_1) : ik_2;
  return message == 0 ? std::span<const Token>(xx_1) : message == 1 ? std::span<const Token>(xx_2) : xx_3;
}

Handshake::Handshake(const HandshakeSettings& settings)
    : pattern_(settings.pattern),
      cipher_(settings.cipher),
      role_(settings.role),
      ours_(settings.ours),
      messages_(settings.pattern == Pattern::ik ? 2 : 3),
      state_{SymmetricState(protocol_name(settings.pattern, settings.cipher), settings.cipher), settings.ephemeral, {},
             {}} {
  state_.symmetric.mix_hash(settings.prologue);
  bool known = pattern_ == Pattern::ik && role_ == Role::initiator;
  ensure(known == settings.theirs.has_value(),
         "their key is known beforehand to an IK initiator, and only there");
  if (known) state_.their_static = settings.theirs;
  if (pattern_ == Pattern::ik) state_.symmetric.mix_hash(known ? *settings.theirs : ours_.public_key);
}

bool Handshake::our_turn() const { return !done() && (next_ % 2 == 0) == (role_ == Role::initiator); }

Result<Bytes> Handshake::write(ByteView payload, Random& random) {
  ensure(our_turn(), "it is our turn");
  State trial = state_;
  TRY(auto out, write_tokens(trial, payload, random));
  ensure(out.size() <= message_max, "a Noise message has at most 65535 bytes");
  state_ = std::move(trial);
  ++next_;
  return out;
}

Result<Bytes> Handshake::read(ByteView message) {
  ensure(!our_turn() && !done(), "it is their turn");
  if (message.size() > message_max) return fail(Errc::too_long);
  State trial = state_;
  TRY(auto out, read_tokens(trial, message));
  state_ = std::move(trial);
  ++next_;
  return out;
}

Result<> Handshake::mix_shared(State& state, Token token) const {
  // The first letter names the initiator's key, the second the responder's.
  bool we_initiate = role_ == Role::initiator;
  bool ours_is_ephemeral = token == Token::ee || token == (we_initiate ? Token::es : Token::se);
  bool theirs_is_ephemeral = token == Token::ee || token == (we_initiate ? Token::se : Token::es);
  const auto& secret = ours_is_ephemeral ? state.our_ephemeral->secret : ours_.secret;
  const auto& theirs = theirs_is_ephemeral ? *state.their_ephemeral : *state.their_static;
  TRY(auto shared, crypto::x25519_shared(secret, theirs));
  state.symmetric.mix_key(shared.view());
  return {};
}

Result<Bytes> Handshake::write_tokens(State& state, ByteView payload, Random& random) const {
  Bytes out;
  for (Token token : tokens(pattern_, next_)) {
    if (token == Token::e) {
      if (!state.our_ephemeral) state.our_ephemeral = KeyPair::generate(random);
      append(out, state.our_ephemeral->public_key);
      state.symmetric.mix_hash(state.our_ephemeral->public_key);
    } else if (token == Token::s) {
      append(out, state.symmetric.encrypt_and_hash(ours_.public_key));
    } else {
      CHECK(mix_shared(state, token));
    }
  }
  append(out, state.symmetric.encrypt_and_hash(payload));
  return out;
}

Result<Bytes> Handshake::read_tokens(State& state, ByteView message) const {
  for (Token token : tokens(pattern_, next_)) {
    if (token == Token::e) {
      TRY(auto key, take(message, X25519Key::size));
      TRY(state.their_ephemeral, X25519Key::from(key));
      state.symmetric.mix_hash(key);
    } else if (token == Token::s) {
      std::size_t size = X25519Key::size + (state.symmetric.has_key() ? crypto::Aead::tag_size : 0);
      TRY(auto sealed, take(message, size));
      TRY(auto key, state.symmetric.decrypt_and_hash(sealed));
      TRY(state.their_static, X25519Key::from(key));
    } else {
      CHECK(mix_shared(state, token));
    }
  }
  return state.symmetric.decrypt_and_hash(message);
}

Handshake::Keys Handshake::split_keys() const {
  ensure(done(), "the handshake is over");
  auto [first, second] = state_.symmetric.split();
  return {first, second};
}

Handshake::Transport Handshake::split() const {
  auto keys = split_keys();
  CipherState up(cipher_, keys.initiator_to_responder);
  CipherState down(cipher_, keys.responder_to_initiator);
  if (role_ == Role::initiator) return {std::move(up), std::move(down)};
  return {std::move(down), std::move(up)};
}

}  // namespace conclave::noise
