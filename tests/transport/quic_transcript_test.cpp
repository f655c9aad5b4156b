// A second implementation of the handshake, written from docs/nquic.md with libsodium alone: its own HKDF,
// Noise IK, packet protection and frames. It dials a real endpoint; what both derive must be the same, or
// nothing opens.
#include "tests/transport/quic_wire.hpp"
#include "transport/quic/initial.hpp"

#include <cstdio>

#include <sodium.h>

using namespace conclave;
using namespace conclave::quic;
using namespace conclave::quic::test;

namespace {

using Key = std::array<Byte, 32>;

Bytes join(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (auto& part : parts) append(out, part);
  return out;
}
Key hash(ByteView in) {
  Key out;
  crypto_hash_sha256(out.data(), in.data(), in.size());
  return out;
}
Key hmac(ByteView key, ByteView in) {
  Key out;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, in.data(), in.size());
  crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}
Bytes expand_label(ByteView secret, std::string_view label, std::size_t size) {
  std::string full = "tls13 " + std::string(label);
  Bytes info{0, static_cast<Byte>(size), static_cast<Byte>(full.size())};
  append(info, view(full));
  info.push_back(0);
  info.push_back(1);
  auto block = hmac(secret, info);
  return {block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size)};
}
Key multiply(ByteView secret, ByteView point) {
  Key out;
  EXPECT_EQ(crypto_scalarmult(out.data(), secret.data(), point.data()), 0);
  return out;
}
Bytes chacha_seal(ByteView key, ByteView nonce, ByteView associated, ByteView plain) {
  Bytes out(plain.size() + 16);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                            associated.data(), associated.size(), nullptr, nonce.data(),
                                            key.data());
  return out;
}
std::optional<Bytes> chacha_open(ByteView key, ByteView nonce, ByteView associated, ByteView sealed) {
  if (sealed.size() < 16) return std::nullopt;
  Bytes out(sealed.size() - 16);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                associated.data(), associated.size(), nonce.data(),
                                                key.data()) != 0)
    return std::nullopt;
  return out;
}

/// Noise_IK, as far as an initiator needs it. Every key is used once, with nonce 0.
struct Noise {
  Key ck, h;
  std::optional<Key> k;
  explicit Noise(ByteView prologue) {
    auto name = view("Noise_IK_25519_ChaChaPoly_SHA256");
    std::copy(name.begin(), name.end(), h.begin());
    ck = h;
    mix_hash(prologue);
  }
  void mix_hash(ByteView data) { h = hash(join({h, data})); }
  void mix_key(ByteView input) {
    auto extracted = hmac(ck, input);
    ck = hmac(extracted, Bytes{1});
    k = hmac(extracted, join({ck, Bytes{2}}));
  }
  Bytes seal(ByteView plain) {
    auto out = chacha_seal(*k, Bytes(12), h, plain);
    mix_hash(out);
    return out;
  }
  bool open_empty(ByteView sealed) {
    auto out = chacha_open(*k, Bytes(12), h, sealed);
    mix_hash(sealed);
    return out && out->empty();
  }
};

struct Protection {
  Bytes key, iv, hp;
  explicit Protection(ByteView secret)
      : key(expand_label(secret, "quic key", 32)),
        iv(expand_label(secret, "quic iv", 12)),
        hp(expand_label(secret, "quic hp", 32)) {}
  Bytes nonce(std::uint64_t number) const {
    auto out = iv;
    for (std::size_t i = 0; i < 8; ++i) out[11 - i] ^= static_cast<Byte>(number >> 8 * i);
    return out;
  }
  std::array<Byte, 5> mask(ByteView sample) const {
    std::array<Byte, 5> out{};
    std::uint32_t counter;
    std::memcpy(&counter, sample.data(), 4);
    crypto_stream_chacha20_ietf_xor_ic(out.data(), out.data(), 5, sample.data() + 4, counter, hp.data());
    return out;
  }
  /// `header` ends with a packet number of four bytes.
  Bytes seal(const Bytes& header, std::uint64_t number, ByteView payload) const {
    auto out = join({header, chacha_seal(key, nonce(number), header, payload)});
    auto bits = mask(ByteView(out).subspan(header.size(), 16));
    out[0] ^= bits[0] & (header[0] & 0x80 ? 0x0f : 0x1f);
    for (std::size_t i = 0; i < 4; ++i) out[header.size() - 4 + i] ^= bits[1 + i];
    return out;
  }
  std::optional<Bytes> open(ByteView packet, std::size_t number_at) const {
    Bytes header = copy(packet.first(number_at));
    auto bits = mask(packet.subspan(number_at + 4, 16));
    header[0] ^= bits[0] & (header[0] & 0x80 ? 0x0f : 0x1f);
    std::size_t size = (header[0] & 3) + 1u;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
      header.push_back(packet[number_at + i] ^ bits[1 + i]);
      number = number << 8 | header.back();
    }
    return chacha_open(key, nonce(number), header, packet.subspan(number_at + size));
  }
};

Bytes long_header(Byte type, ByteView destination, ByteView source, bool token, std::size_t payload,
                  Byte number) {
  Bytes out{static_cast<Byte>(0xc3 | type << 4), 0, 0, 0, 1, static_cast<Byte>(destination.size())};
  append(out, destination);
  out.push_back(static_cast<Byte>(source.size()));
  append(out, source);
  if (token) out.push_back(0);
  auto length = 4 + payload + 16;
  append(out, Bytes{static_cast<Byte>(0x40 | length >> 8), static_cast<Byte>(length), 0, 0, 0, number});
  return out;
}
Bytes crypto_frame(ByteView bytes) {
  return join(
      {Bytes{6, 0, static_cast<Byte>(0x40 | bytes.size() >> 8), static_cast<Byte>(bytes.size())}, bytes});
}

/// Payload of the first CRYPTO frame; frames before it may be ACKs without ranges beyond the first.
Bytes crypto_of(ByteView payload) {
  std::size_t at = 0;
  auto varint = [&] {
    std::uint64_t value = payload[at] & 0x3f;
    auto more = (1u << (payload[at++] >> 6)) - 1;
    for (; more > 0; --more) value = value << 8 | payload[at++];
    return value;
  };
  while (at < payload.size()) {
    auto type = varint();
    if (type == 2) {
      for (int i = 0; i < 4; ++i) varint();
    } else if (type == 6) {
      EXPECT_EQ(varint(), 0u);
      auto size = static_cast<std::size_t>(varint());
      return copy(payload.subspan(at, size));
    } else if (type != 0) {
      ADD_FAILURE() << "frame " << type;
      return {};
    }
  }
  return {};
}

TEST(QuicTranscript, a_second_implementation_from_the_document_is_accepted) {
  Settings chacha;
  chacha.suites = {Suite::chacha20_poly1305};
  chacha.certificate = copy(view("shown to whoever dials"));
  Bench b({}, chacha);
  auto node = b.alice_keys.public_key();
  Key s, s_public, rs, e, e_public;
  // libsodium's secret keys are seed and public key together.
  Bytes signing = join({b.alice_keys.seed().view(), node.view()});
  ASSERT_EQ(crypto_sign_ed25519_sk_to_curve25519(s.data(), signing.data()), 0);
  crypto_scalarmult_base(s_public.data(), s.data());
  ASSERT_EQ(crypto_sign_ed25519_pk_to_curve25519(rs.data(), b.bob_keys.public_key().bytes.data()), 0);
  e.fill(0x42);
  crypto_scalarmult_base(e_public.data(), e.data());

  Bytes destination(8, 0xd1), source(8, 0x51);
  auto initial = hmac(view("conclave/nquic initial"), join({destination, rs}));
  Protection ours(expand_label(initial, "client in", 32)), theirs(expand_label(initial, "server in", 32));

  Noise noise(join({view("conclave/nquic"), Bytes{0, 0, 0, 1}, b.bob_keys.public_key().view()}));
  noise.mix_hash(rs);
  noise.mix_hash(e_public);
  noise.mix_key(multiply(e, rs));
  auto sealed_s = noise.seal(s_public);
  noise.mix_key(multiply(s, rs));
  // initial_source_connection_id, initial_max_data, initial_max_streams_bidi
  Bytes parameters = join({Bytes{0x0f, 8}, source, Bytes{0x04, 4, 0x80, 0x10, 0, 0}, Bytes{0x08, 1, 16}});
  auto payload = noise.seal(join({Bytes{1}, node.view(), Bytes{1, 1}, parameters}));
  auto frames = crypto_frame(join({e_public, sealed_s, payload}));
  frames.resize(1200);
  b.bob_wire.feed(alice_at,
                  ours.seal(long_header(0, destination, source, true, frames.size(), 0), 0, frames));
  b.settle();
  auto answer = b.bob_wire.take();
  ASSERT_FALSE(answer.empty());

  // Initial with message 2, then Handshake with the hello.
  ByteView packet = answer[0].bytes;
  auto first = *decode_long_header(packet);
  ASSERT_EQ(first.type, LongHeader::Type::initial);
  auto opened = theirs.open(packet.first(first.size), first.number_at);
  ASSERT_TRUE(opened);
  auto message2 = crypto_of(*opened);
  ASSERT_EQ(message2.size(), 48u);
  auto re = ByteView(message2).first(32);
  noise.mix_hash(re);
  noise.mix_key(multiply(e, re));
  noise.mix_key(multiply(s, re));
  ASSERT_TRUE(noise.open_empty(ByteView(message2).subspan(32)));

  Protection their_handshake(hmac(noise.ck, join({view("nquic hs r2i"), noise.h})));
  Protection our_handshake(hmac(noise.ck, join({view("nquic hs i2r"), noise.h})));
  packet = packet.subspan(first.size);
  auto second = *decode_long_header(packet);
  ASSERT_EQ(second.type, LongHeader::Type::handshake);
  opened = their_handshake.open(packet.first(second.size), second.number_at);
  ASSERT_TRUE(opened);
  auto hello = crypto_of(*opened);
  ASSERT_GT(hello.size(), 5u);
  EXPECT_EQ(std::size_t{hello[0]} * 256 + hello[1], hello.size() - 2);
  EXPECT_EQ(hello[2], 1) << "ChaCha20-Poly1305 is all that was offered";
  std::size_t parameters_size = std::size_t{hello[3]} * 256 + hello[4];
  EXPECT_EQ(text(ByteView(hello).subspan(5 + parameters_size)), "shown to whoever dials");
  auto h = hash(join({noise.h, hello}));

  auto finished = hmac(noise.ck, join({view("nquic finished i2r"), h}));
  Bytes last = crypto_frame(finished);
  last.resize(1000);
  auto responder_id = second.source.view();
  EXPECT_TRUE(b.accepted.empty());
  b.bob_wire.feed(alice_at,
                  our_handshake.seal(long_header(2, responder_id, source, false, last.size(), 0), 0, last));
  b.settle();
  ASSERT_EQ(b.accepted.size(), 1u);
  EXPECT_EQ(b.accepted[0]->peer(), node);

  // Split() and the 1-RTT keys: HANDSHAKE_DONE (0x1e) must be among what comes back.
  auto extracted = hmac(noise.ck, {});
  auto k1 = hmac(extracted, Bytes{1}), k2 = hmac(extracted, join({k1, Bytes{2}}));
  Protection their_data(hmac(k2, join({view("nquic ap r2i"), h}))),
      our_data(hmac(k1, join({view("nquic ap i2r"), h})));
  int readable = 0;
  bool done = false;
  for (auto& datagram : b.bob_wire.take()) {
    if (datagram.bytes[0] & 0x80) continue;
    auto words = their_data.open(datagram.bytes, 1 + source.size());
    ASSERT_TRUE(words);
    ++readable;
    done = done || std::find(words->begin(), words->end(), 0x1e) != words->end();
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(*b.accepted[0]->export_secret("x"),
            *Secret<32>::from(hmac(hmac(noise.ck, join({view("nquic exporter"), h})), view("x"))));

  // A stream by hand: id 0, offset 0, length, the name, some words, fin.
  Bytes stream = join({Bytes{0x0b, 0, 9}, Bytes{4}, view("/t/1"), view("word")});
  stream.resize(100);
  Bytes header = join({Bytes{0x43}, responder_id, Bytes{0, 0, 0, 0}});
  b.bob_wire.feed(alice_at, our_data.seal(header, 0, stream));
  std::string heard;
  asio::co_spawn(
      b.world.context(),
      [](std::shared_ptr<Connection> connection, std::string& out) -> asio::awaitable<void> {
        auto next = co_await connection->accept();
        auto words = co_await read_to_end(std::shared_ptr<io::Stream>(std::move(next->stream)));
        out = next->protocol + " " + std::string(text(*words));
      }(b.accepted[0], heard),
      asio::detached);
  b.settle();
  EXPECT_EQ(heard, "/t/1 word");
  std::printf("figure nquic packets of ours that the second implementation opened: %d\n", readable + 2);
}

}  // namespace
