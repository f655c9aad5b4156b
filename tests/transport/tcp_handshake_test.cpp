#include "transport/tcp/handshake.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/key_text.hpp"
#include "transport/wire/protobuf.hpp"

using namespace conclave;
using tcp::Handshake;
using Role = Handshake::Role;

namespace {

struct Ends {
  explicit Ends(std::uint64_t seed = 1) : random(seed) {
    crypto::init();
    for (auto* keys : {&ours, &theirs}) *keys = NodeKeys::generate(random);
  }
  Handshake dialler(std::optional<NodeKey> expected = std::nullopt, bool early = true) {
    return Handshake({Role::dialler, ours, our_static, expected, random, early});
  }
  Handshake listener(bool early = true) {
    return Handshake({Role::listener, theirs, their_static, std::nullopt, random, early});
  }

  SeededRandom random;
  NodeKeys ours = NodeKeys::generate(random);
  NodeKeys theirs = NodeKeys::generate(random);
  noise::KeyPair our_static = noise::KeyPair::of(NodeKeys::generate(random));
  noise::KeyPair their_static = noise::KeyPair::of(NodeKeys::generate(random));
};

/// Lets both talk until neither has anything to say; the first error there is.
template <class Move>
Error talk(Handshake& a, Handshake& b, Move move) {
  for (;;) {
    auto from_a = a.take_output();
    auto from_b = b.take_output();
    if (from_a.empty() && from_b.empty()) return {};
    if (auto heard = move(b, std::move(from_a), true); !heard) return heard.error();
    if (auto heard = move(a, std::move(from_b), false); !heard) return heard.error();
  }
}
Result<> whole(Handshake& to, Bytes bytes, bool) { return bytes.empty() ? Result<>() : to.receive(bytes); }

void expect_agreed(Handshake& a, Handshake& b, const Ends& ends, bool early) {
  ASSERT_TRUE(a.done() && b.done());
  auto ours = a.take_outcome();
  auto theirs = b.take_outcome();
  EXPECT_EQ(ours.peer, ends.theirs.public_key());
  EXPECT_EQ(theirs.peer, ends.ours.public_key());
  EXPECT_EQ(ours.early_muxer, early);
  EXPECT_EQ(theirs.early_muxer, early);
  Bytes record(2 + 5 + 16);
  std::copy_n("hello", 5, record.begin() + 2);
  ASSERT_EQ(ours.send.seal(record.data(), 5), record.size());
  auto plain = theirs.receive.open(*tcp::next_record(record));
  ASSERT_TRUE(plain);
  EXPECT_EQ(text(*plain), "hello");
}

TEST(TcpHandshake, both_learn_who_the_other_is) {
  Ends ends;
  auto a = ends.dialler(ends.theirs.public_key());
  auto b = ends.listener();
  EXPECT_FALSE(talk(a, b, whole));
  expect_agreed(a, b, ends, true);
}

TEST(TcpHandshake, without_the_extension_on_either_side_the_muxer_gets_a_round_of_its_own) {
  for (auto [dialler_early, listener_early] : {std::pair(false, true), {true, false}, {false, false}}) {
    Ends ends;
    auto a = ends.dialler(std::nullopt, dialler_early);
    auto b = ends.listener(listener_early);
    EXPECT_FALSE(talk(a, b, whole));
    expect_agreed(a, b, ends, false);
  }
}

TEST(TcpHandshake, the_first_bytes_are_those_that_js_libp2p_sends) {
  Ends ends;
  EXPECT_EQ(text(ends.dialler().take_output()), "\x13/multistream/1.0.0\n\x07/noise\n");
}

TEST(TcpHandshake, another_peer_than_the_expected_is_refused) {
  Ends ends;
  auto a = ends.dialler(ends.ours.public_key());
  auto b = ends.listener();
  EXPECT_EQ(talk(a, b, whole), Errc::bad_key);
  EXPECT_FALSE(a.done() || b.done());
}

TEST(TcpHandshake, a_listener_without_noise_is_refused) {
  Ends ends;
  auto a = ends.dialler();
  auto answer = tcp::encode_multistream("/multistream/1.0.0");
  append(answer, tcp::encode_multistream("na"));
  EXPECT_EQ(a.receive(answer).error(), Errc::unsupported);
}

TEST(TcpHandshake, an_endless_message_is_refused_before_it_is_gathered) {
  Ends ends;
  auto b = ends.listener();
  auto opening = tcp::Proposal("/noise").opening();
  append(opening, Bytes{0xff, 0xff});
  EXPECT_EQ(b.receive(opening).error(), Errc::too_long);
}

// A handshake with one bit changed anywhere never ends in an agreement of both, and nobody crashes.
TEST(TcpHandshake, no_flipped_bit_is_accepted) {
  std::size_t forth = 0;
  std::size_t back = 0;
  {
    Ends ends;
    auto a = ends.dialler();
    auto b = ends.listener();
    talk(a, b, [&](Handshake& to, Bytes bytes, bool to_listener) {
      (to_listener ? forth : back) += bytes.size();
      return whole(to, bytes, to_listener);
    });
  }
  std::size_t tried = 0;
  for (bool flip_forth : {true, false}) {
    for (std::size_t position = 0; position < (flip_forth ? forth : back); ++position) {
      Ends ends;
      auto a = ends.dialler();
      auto b = ends.listener();
      std::size_t seen = 0;
      talk(a, b, [&](Handshake& to, Bytes bytes, bool to_listener) {
        if (to_listener == flip_forth) {
          if (position >= seen && position < seen + bytes.size()) {
            bytes[position - seen] ^= static_cast<Byte>(1 << (position % 8));
          }
          seen += bytes.size();
        }
        return whole(to, bytes, to_listener);
      });
      ASSERT_FALSE(a.done() && b.done()) << (flip_forth ? "to the listener, " : "to the dialler, ") << position;
      ++tried;
    }
  }
  std::printf("figure %zu flipped bits refused (libp2p handshake)\n", tried);
}

RC_GTEST_PROP(TcpHandshake, does_not_depend_on_how_the_bytes_arrive, (bool dialler_early, bool listener_early)) {
  Ends ends;
  auto a = ends.dialler(std::nullopt, dialler_early);
  auto b = ends.listener(listener_early);
  auto piece = *rc::gen::inRange<std::size_t>(1, 80);
  auto error = talk(a, b, [&](Handshake& to, Bytes bytes, bool) {
    for (ByteView rest = bytes; !rest.empty();) {
      auto part = rest.first(std::min(piece, rest.size()));
      if (auto heard = to.receive(part); !heard) return heard;
      rest = rest.subspan(part.size());
    }
    return Result<>();
  });
  RC_ASSERT(!error);
  RC_ASSERT(a.done() && b.done());
}

// ---- The payload.

const X25519Key some_static{{1, 2, 3}};

Bytes payload_with_key(ByteView public_key_protobuf, const NodeKeys& signer) {
  Bytes statement = copy(view("noise-libp2p-static-key:"));
  append(statement, some_static);
  wire::ProtobufWriter out;
  out.bytes(1, public_key_protobuf);
  out.bytes(2, signer.sign_bare(statement));
  return out.take();
}

TEST(NoisePayload, comes_back_as_it_went) {
  Ends ends;
  std::vector<std::string> muxers{"/yamux/1.0.0", "/mplex/6.7.0"};
  auto read = tcp::verify_noise_payload(tcp::encode_noise_payload(ends.ours, some_static, muxers), some_static);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (tcp::NoisePayload{ends.ours.public_key(), muxers}));
}

TEST(NoisePayload, is_only_good_for_the_static_key_that_was_signed) {
  Ends ends;
  auto payload = tcp::encode_noise_payload(ends.ours, some_static, {});
  EXPECT_EQ(tcp::verify_noise_payload(payload, X25519Key{{9}}).error(), Errc::bad_signature);
  auto stolen = payload_with_key(codec::public_key_protobuf(ends.theirs.public_key()), ends.ours);
  EXPECT_EQ(tcp::verify_noise_payload(stolen, some_static).error(), Errc::bad_signature);
}

// libp2p/specs, peer-ids.md, "Test vectors": ECDSA and secp256k1; an RSA key's type alone is enough.
TEST(NoisePayload, keys_that_are_not_ed25519_are_refused_by_name) {
  Ends ends;
  for (auto digits :
       {"0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4b"
        "c901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62",
        "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99", "0800120430010203"}) {
    auto payload = payload_with_key(*from_hex(digits), ends.ours);
    EXPECT_EQ(tcp::verify_noise_payload(payload, some_static).error(), Errc::unsupported) << digits;
  }
}

TEST(NoisePayload, small_order_identities_and_wrong_lengths_are_refused) {
  Ends ends;
  Bytes small_order(36);
  auto good = codec::public_key_protobuf(ends.ours.public_key());
  std::copy_n(good.begin(), 4, small_order.begin());
  EXPECT_FALSE(tcp::verify_noise_payload(payload_with_key(small_order, ends.ours), some_static));
  auto short_key = ByteView(good).first(35);
  EXPECT_FALSE(tcp::verify_noise_payload(payload_with_key(short_key, ends.ours), some_static));
  EXPECT_EQ(tcp::verify_noise_payload(Bytes(5000), some_static).error(), Errc::too_long);
}

RC_GTEST_PROP(NoisePayload, damage_is_noticed, ()) {
  Ends ends;
  auto payload = tcp::encode_noise_payload(ends.ours, some_static, {});
  auto position = *rc::gen::inRange<std::size_t>(0, payload.size());
  payload[position] ^= static_cast<Byte>(1 << *rc::gen::inRange(0, 8));
  auto read = tcp::verify_noise_payload(payload, some_static);
  RC_ASSERT((!read || read->identity == ends.ours.public_key()));
}

TEST(NoisePayload, the_initiators_first_muxer_that_the_responder_has_is_taken) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(*tcp::early_muxer(Names{"/a", "/b"}, Names{"/b", "/a"}), "/a");
  EXPECT_EQ(*tcp::early_muxer(Names{"/a", "/b"}, Names{"/b"}), "/b");
  EXPECT_EQ(*tcp::early_muxer(Names{}, Names{"/b"}), std::nullopt);
  EXPECT_EQ(tcp::early_muxer(Names{"/a"}, Names{"/b"}).error(), Errc::unsupported);
}

TEST(Record, opens_what_noise_sealed_and_nothing_else) {
  Secret<32> key;
  key.data()[5] = 7;
  noise::CipherState reference(noise::Cipher::chacha_poly, key);
  tcp::RecordCipher seal(key), open(key);
  for (std::size_t size : {0u, 1u, 1000u, 65'519u}) {
    Bytes plain(size, 'p');
    auto expected = reference.encrypt({}, plain);
    Bytes record(tcp::record_prefix);
    append(record, plain);
    record.resize(record.size() + tcp::record_tag);
    EXPECT_EQ(seal.seal(record.data(), size), record.size());
    auto body = tcp::next_record(record);
    ASSERT_TRUE(body);
    EXPECT_TRUE(copy(*body) == expected) << "OpenSSL and libsodium agree";
    auto read = open.open(*body);
    ASSERT_TRUE(read);
    EXPECT_TRUE(copy(*read) == plain);
  }
  Bytes forged(20);
  EXPECT_EQ(open.open(forged).error(), Errc::undecryptable);
  EXPECT_EQ(open.open(MutableBytes(forged).first(15)).error(), Errc::malformed);
  EXPECT_FALSE(tcp::next_record(MutableBytes(forged).first(1)));
}

}  // namespace
