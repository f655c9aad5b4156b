#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/noise/handshake.hpp"
#include "tests/crypto/scripted_random.hpp"
#include "tests/crypto/vectors.hpp"

using namespace conclave;

namespace {

noise::KeyPair key_pair(const Bytes& secret) {
  return noise::KeyPair::from_secret(*Secret<32>::from(secret));
}

struct Party {
  noise::Handshake handshake;
  std::optional<noise::Handshake::Transport> transport;
  ScriptedRandom random;

  Bytes send(ByteView payload) {
    if (!handshake.done()) return *handshake.write(payload, random);
    if (!transport) transport = handshake.split();
    return transport->send.encrypt({}, payload);
  }
  Result<Bytes> receive(ByteView message) {
    if (!handshake.done()) return handshake.read(message);
    if (!transport) transport = handshake.split();
    return transport->receive.decrypt({}, message);
  }
};

struct Named {
  noise::Pattern pattern;
  noise::Cipher cipher;
};
std::optional<Named> ours(const std::string& protocol) {
  if (protocol == "Noise_IK_25519_ChaChaPoly_SHA256")
    return Named{noise::Pattern::ik, noise::Cipher::chacha_poly};
  if (protocol == "Noise_IK_25519_AESGCM_SHA256") return Named{noise::Pattern::ik, noise::Cipher::aes_gcm};
  if (protocol == "Noise_XX_25519_ChaChaPoly_SHA256")
    return Named{noise::Pattern::xx, noise::Cipher::chacha_poly};
  if (protocol == "Noise_XX_25519_AESGCM_SHA256") return Named{noise::Pattern::xx, noise::Cipher::aes_gcm};
  return std::nullopt;
}

void check(const nlohmann::json& vector, Named named) {
  SCOPED_TRACE(vector["protocol_name"].get<std::string>());
  auto party = [&](const std::string& who, noise::Role role) {
    Bytes prologue = vectors::bytes(vector[who + "_prologue"]);
    noise::HandshakeSettings settings{
        named.pattern, named.cipher, role, key_pair(vectors::bytes(vector[who + "_static"])), {}, prologue};
    if (vector.contains(who + "_remote_static"))
      settings.theirs = *X25519Key::from(vectors::bytes(vector[who + "_remote_static"]));
    return Party{noise::Handshake(settings), {}, ScriptedRandom(vectors::bytes(vector[who + "_ephemeral"]))};
  };
  Party initiator = party("init", noise::Role::initiator);
  Party responder = party("resp", noise::Role::responder);
  Party* sender = &initiator;
  Party* receiver = &responder;
  for (const auto& message : vector["messages"]) {
    Bytes payload = vectors::bytes(message["payload"]);
    Bytes sent = sender->send(payload);
    EXPECT_EQ(hex(sent), message["ciphertext"].get<std::string>());
    auto received = receiver->receive(sent);
    ASSERT_TRUE(received) << received.error().message();
    EXPECT_EQ(*received, payload);
    std::swap(sender, receiver);
  }
  EXPECT_EQ(initiator.handshake.handshake_hash(), responder.handshake.handshake_hash());
  if (vector.contains("handshake_hash")) {
    EXPECT_EQ(hex(initiator.handshake.handshake_hash()), vector["handshake_hash"].get<std::string>());
  }
}

std::size_t check_all(const nlohmann::json& file) {
  std::size_t count = 0;
  for (const auto& vector : file["vectors"]) {
    if (!vector.contains("protocol_name")) continue;
    auto named = ours(vector["protocol_name"].get<std::string>());
    if (!named) continue;
    check(vector, *named);
    ++count;
  }
  return count;
}

TEST(Noise, vectors_of_cacophony) {
  VECTORS(auto file, "noise/cacophony.txt");
  auto count = check_all(file);
  EXPECT_EQ(count, 4u);
  vectors::figure("Noise IK and XX, cacophony", count);
}

TEST(Noise, vectors_of_snow) {
  VECTORS(auto file, "noise/snow.txt");
  auto count = check_all(file);
  EXPECT_GE(count, 4u);
  vectors::figure("Noise IK and XX, snow", count);
}

struct Pair {
  noise::Handshake initiator, responder;
};
Pair pair(std::uint64_t seed, noise::Pattern pattern, noise::Cipher cipher) {
  SeededRandom random(seed);
  auto a = noise::KeyPair::of(NodeKeys::generate(random));
  auto b = noise::KeyPair::of(NodeKeys::generate(random));
  noise::HandshakeSettings settings{pattern, cipher, noise::Role::initiator, a, {}, view("prologue")};
  if (pattern == noise::Pattern::ik) settings.theirs = b.public_key;
  noise::Handshake initiator(settings);
  settings.role = noise::Role::responder;
  settings.ours = b;
  settings.theirs.reset();
  return {initiator, noise::Handshake(settings)};
}

RC_GTEST_PROP(Noise, both_sides_end_with_the_same_keys_and_know_each_other, (std::uint64_t seed)) {
  auto pattern = *rc::gen::element(noise::Pattern::ik, noise::Pattern::xx);
  auto cipher = *rc::gen::element(noise::Cipher::chacha_poly, noise::Cipher::aes_gcm);
  auto [a, b] = pair(seed, pattern, cipher);
  SeededRandom random(seed, 1);
  while (!a.done()) {
    auto& sender = a.our_turn() ? a : b;
    auto& receiver = a.our_turn() ? b : a;
    Bytes payload(random.below(100));
    random.fill(payload);
    auto read = receiver.read(*sender.write(payload, random));
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == payload);
  }
  RC_ASSERT(b.done());
  RC_ASSERT(a.handshake_hash() == b.handshake_hash());
  RC_ASSERT(a.chaining_key() == b.chaining_key());
  RC_ASSERT(a.split_keys().initiator_to_responder == b.split_keys().initiator_to_responder);
  auto up = a.split();
  auto down = b.split();
  for (int i = 0; i < 3; ++i) {
    RC_ASSERT(*down.receive.decrypt(view("ad"), up.send.encrypt(view("ad"), view("text"))) ==
              copy(view("text")));
    up.send.rekey();
    down.receive.rekey();
  }
}

// A forged answer must not kill a dial: the true one is still taken afterwards.
TEST(Noise, a_bit_flipped_anywhere_is_noticed_and_leaves_the_handshake_as_it_was) {
  std::size_t flipped = 0;
  for (auto pattern : {noise::Pattern::ik, noise::Pattern::xx}) {
    auto [a, b] = pair(7, pattern, noise::Cipher::chacha_poly);
    SeededRandom random(8);
    while (!a.done()) {
      auto& sender = a.our_turn() ? a : b;
      auto& receiver = a.our_turn() ? b : a;
      const bool in_clear = pattern == noise::Pattern::xx && &sender == &a && !a.their_static();
      Bytes message = *sender.write(view("hello"), random);
      for (std::size_t bit = 0; bit < 8 * message.size() && !in_clear; ++bit) {
        message[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
        EXPECT_FALSE(receiver.read(message)) << bit;
        message[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
        ++flipped;
      }
      ASSERT_TRUE(receiver.read(message));
    }
  }
  std::printf("figure Noise bits flipped, all noticed: %zu\n", flipped);
}

TEST(Noise, another_prologue_is_another_conversation) {
  auto [a, b] = pair(1, noise::Pattern::ik, noise::Cipher::chacha_poly);
  SeededRandom random(2);
  auto keys = noise::KeyPair::of(NodeKeys::generate(random));
  noise::HandshakeSettings settings{
      noise::Pattern::ik, noise::Cipher::chacha_poly, noise::Role::responder, keys, {}, view("another")};
  EXPECT_EQ(noise::Handshake(settings).read(*a.write({}, random)).error(), Errc::undecryptable);
}

TEST(Noise, a_small_order_ephemeral_is_refused) {
  auto [a, b] = pair(1, noise::Pattern::ik, noise::Cipher::chacha_poly);
  SeededRandom random(2);
  Bytes message = *a.write({}, random);
  std::fill_n(message.begin(), 32, Byte{0});
  EXPECT_EQ(b.read(message).error(), Errc::bad_key);
}

}  // namespace
