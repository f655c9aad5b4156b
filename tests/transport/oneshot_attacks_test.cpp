// What strangers, people on the path and thieves of packets can do to one-shot requests.
#include <gtest/gtest.h>

#include <malloc.h>
#include <sodium.h>
#include <time.h>

#include "tests/transport/oneshot_pair.hpp"

using namespace conclave;
using namespace conclave::oneshot;
using namespace std::chrono_literals;
using conclave::oneshot::test::Pair;
using conclave::oneshot::test::place;

namespace {

Bytes first_of(Pair& pair, std::string_view body) {
  pair.ask(view(body));
  return pair.a.core.take_outgoing().at(0).bytes;
}

/// Makes mac1 right again: everybody who knows the responder's key can.
void restamp(Bytes& first, const NodeKey& responder) { stamp(first, MacKeys(responder), std::nullopt); }

TEST(OneshotAttacks, a_replayed_first_message_is_never_executed_again) {
  Pair pair;
  auto first = first_of(pair, "put");
  pair.give(pair.b, pair.a.at, first);
  EXPECT_EQ(pair.b.core.take_outgoing().size(), 1u);
  for (int i = 0; i < 500; ++i) pair.give(pair.b, place(static_cast<Byte>(i)), first);
  EXPECT_EQ(pair.b.core.take_outgoing().size(), 0u) << "not even answered";
  EXPECT_EQ(pair.b.core.figures().dropped_replay, 500u);

  // Minutes later the cache has forgotten it, but its time is over.
  for (int minute = 0; minute < 30; ++minute) {
    pair.now += 1min;
    pair.give(pair.b, pair.a.at, first);
  }
  EXPECT_EQ(pair.b.asked, 1);
  EXPECT_EQ(pair.b.core.figures().sessions_answered, 0u);

  // A node that has restarted remembers nothing, and knows it.
  Limits limits;
  SeededRandom random(9);
  int asked = 0;
  Core restarted(pair.b.keys, random, limits,
                 [&](Service, const NodeKey&, const io::Endpoint&, ByteView) {
                   ++asked;
                   return std::optional(Bytes());
                 },
                 UnixTime{1'800'000'000'000 + 3'600'000 + 1});
  restarted.receive({pair.a.at, pair.b.at.ip, first}, {TimePoint(1h + 1ms), UnixTime{1'800'000'000'000 + 3'600'001}});
  EXPECT_EQ(asked, 0);
}

TEST(OneshotAttacks, when_the_cache_is_full_nothing_is_executed_that_might_be_a_replay) {
  Limits limits;
  limits.seen_max = 8;
  Pair pair(limits);
  for (int i = 0; i < 10; ++i) {
    pair.a.core.request(pair.b.keys.public_key(), place(9), Service::dht, view("x"), pair.now + 1s, pair.moment());
  }
  auto firsts = pair.a.core.take_outgoing();
  ASSERT_EQ(firsts.size(), 10u);
  for (auto& first : firsts) pair.give(pair.b, pair.a.at, first.bytes);
  for (auto& first : firsts) pair.give(pair.b, pair.a.at, first.bytes);
  EXPECT_EQ(pair.b.asked, 4);
}

TEST(OneshotAttacks, a_replayed_session_packet_is_dropped) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("1")));
  ASSERT_TRUE(pair.roundtrip(view("2")));
  auto request = pair.wire[2], reply = pair.wire[3];
  for (int i = 0; i < 200; ++i) {
    pair.give(pair.b, pair.a.at, request);
    pair.give(pair.a, pair.b.at, reply);
  }
  EXPECT_TRUE(pair.b.core.take_outgoing().empty());
  EXPECT_EQ(pair.b.asked, 2);
  EXPECT_EQ(pair.b.core.figures().dropped_replay, 200u);
  EXPECT_EQ(pair.a.core.figures().dropped_replay, 200u);
}

/// Gives `to` every packet that differs from `packet` in one bit of its first `bits`, repaired by `repair`, and
/// says how many had an effect. A cookie is none: it says "not like this".
int effects_of_flips(Pair& pair, test::Side& to, const io::Endpoint& from, const Bytes& packet, std::size_t bits,
                     const std::function<void(Bytes&)>& repair = {}) {
  int effects = 0;
  for (std::size_t bit = 0; bit < bits; ++bit) {
    Bytes flipped = packet;
    flipped[bit / 8] ^= static_cast<Byte>(1 << (bit % 8));
    if (repair) repair(flipped);
    auto asked = to.asked;
    pair.now += 8ms;  // keeps the budget of unproven senders from hiding what we look for
    pair.give(to, from, flipped);
    auto sent = to.core.take_outgoing();
    bool cookie = sent.size() == 1 && sent[0].bytes[0] == 6;
    if (to.asked != asked || (!sent.empty() && !cookie) || !to.core.take_finished().empty()) ++effects;
  }
  return effects;
}

TEST(OneshotAttacks, one_flipped_bit_anywhere_makes_a_first_message_worthless) {
  Pair pair;
  auto first = first_of(pair, "flip");
  EXPECT_EQ(effects_of_flips(pair, pair.b, pair.a.at, first, first.size() * 8), 0);
  // The attacker knows the responder's key and repairs mac1.
  auto repair = [&](Bytes& packet) { restamp(packet, pair.b.keys.public_key()); };
  auto checked = 8 * (first.size() - 2 * mac_size);
  EXPECT_EQ(effects_of_flips(pair, pair.b, pair.a.at, first, checked, repair), 0);
  EXPECT_GT(pair.b.core.figures().dropped_forged, checked * 9 / 10) << "they were really looked at";
  pair.give(pair.b, pair.a.at, first);
  EXPECT_EQ(pair.b.core.take_outgoing().size(), 1u) << "the genuine one still works";
  std::printf("figure oneshot flips in a first message without effect: %zu\n", first.size() * 8 + checked);
}

TEST(OneshotAttacks, one_flipped_bit_anywhere_makes_an_answer_worthless_and_cannot_kill_the_request) {
  // A request puts up with eight forged answers; more than that is a denial that whoever sits on the path has
  // for less. So every eight flips get a request of their own.
  Limits generous;
  generous.unproven_share = 1000;
  std::size_t flips = 0;
  for (std::size_t bit = 0;; ++flips) {
    Pair pair(generous);
    auto first = first_of(pair, "flip");
    pair.give(pair.b, pair.a.at, first);
    auto answer = pair.b.core.take_outgoing().at(0).bytes;
    if (bit >= answer.size() * 8) break;
    for (int tries = 0; tries < 7 && bit < answer.size() * 8; ++tries, ++bit, ++flips) {
      Bytes flipped = answer;
      flipped[bit / 8] ^= static_cast<Byte>(1 << (bit % 8));
      pair.give(pair.a, pair.b.at, flipped);
      EXPECT_TRUE(pair.a.core.take_finished().empty()) << bit;
    }
    pair.give(pair.a, pair.b.at, answer);
    EXPECT_EQ(pair.a.core.take_finished().size(), 1u) << bit;
  }
  std::printf("figure oneshot flips in an answer without effect: %zu\n", flips);
}

TEST(OneshotAttacks, one_flipped_bit_anywhere_makes_a_cookie_or_a_session_packet_worthless) {
  Limits busy;
  busy.unproven_share = 0;
  Pair pair(busy);
  while (pair.b.core.figures().cookies_sent == 0) {
    pair.ask(view("fill the budget"));
    pair.give(pair.b, pair.a.at, pair.a.core.take_outgoing().at(0).bytes);
  }
  pair.a.core.take_finished();
  auto cookie = pair.b.core.take_outgoing().back().bytes;
  EXPECT_EQ(effects_of_flips(pair, pair.a, pair.b.at, cookie, cookie.size() * 8), 0);
  pair.give(pair.a, pair.b.at, cookie);
  EXPECT_EQ(pair.a.core.take_outgoing().size(), 1u) << "the genuine cookie brings the message again";

  Pair talking;
  ASSERT_TRUE(talking.roundtrip(view("1")));
  talking.ask(view("session"), 1h);
  auto request = talking.a.core.take_outgoing().at(0).bytes;
  EXPECT_EQ(effects_of_flips(talking, talking.b, talking.a.at, request, request.size() * 8), 0);
  talking.give(talking.b, talking.a.at, request);
  auto reply = talking.b.core.take_outgoing().at(0).bytes;
  EXPECT_EQ(effects_of_flips(talking, talking.a, talking.b.at, reply, reply.size() * 8), 0);
  talking.give(talking.a, talking.b.at, reply);
  EXPECT_EQ(talking.a.core.take_finished().size(), 1u);
  std::printf("figure oneshot flips in cookies and session packets without effect: %zu\n",
              (cookie.size() + request.size() + reply.size()) * 8);
}

/// A first message as an attacker builds it: any claimed key, any static key, any prologue.
Bytes crafted(const noise::KeyPair& with, const NodeKey& claimed, const NodeKey& to, X25519Key theirs,
              UnixTime time, Random& random) {
  Header header{Type::first, 77};
  Bytes prologue = copy(view("conclave oneshot 1"));
  append(prologue, header.encode());
  append(prologue, to);
  noise::Handshake handshake(
      {noise::Pattern::ik, noise::Cipher::chacha_poly, noise::Role::initiator, with, theirs, prologue});
  auto message = handshake.write(Question{claimed, time, Service::dht, view("I am somebody")}.encode(300), random);
  auto front = header.encode();
  Bytes out(front.begin(), front.end());
  append(out, *message);
  out.resize(out.size() + 2 * mac_size);
  restamp(out, to);
  return out;
}

TEST(OneshotAttacks, nobody_can_claim_a_key_that_is_not_the_one_noise_authenticates) {
  Pair pair;
  SeededRandom random(5);
  auto mallory = NodeKeys::generate(random);
  auto with = noise::KeyPair::of(mallory);
  auto& target = pair.b.keys.public_key();
  auto theirs = *crypto::to_x25519(target);
  auto time = pair.moment().unix_now;
  std::vector<NodeKey> claims{pair.a.keys.public_key(), target};
  for (const char* small_order :
       {"0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"})
    claims.push_back(*NodeKey::from(*from_hex(small_order)));
  // The claimed key plus a point of small order: another key, outside the main subgroup.
  NodeKey mixed;
  auto order_two = *from_hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  ASSERT_EQ(crypto_core_ed25519_add(mixed.bytes.data(), mallory.public_key().bytes.data(), order_two.data()), 0);
  claims.push_back(mixed);
  for (auto& claim : claims) {
    pair.now += 100ms;
    pair.give(pair.b, place(9), crafted(with, claim, target, theirs, time, random));
    EXPECT_TRUE(pair.b.core.take_outgoing().empty()) << hex(claim);
  }
  EXPECT_EQ(pair.b.asked, 0);
  EXPECT_EQ(pair.b.core.figures().dropped_forged, claims.size());
  pair.now += 100ms;
  pair.give(pair.b, place(9), crafted(with, mallory.public_key(), target, theirs, time, random));
  EXPECT_EQ(pair.b.asked, 1) << "the same packet under its own name is answered";
  std::printf("figure oneshot forged identities refused: %zu\n", claims.size());
}

// Who owns a key can also answer for the seven that differ from it by a point of small order. Nobody else is
// harmed, but a node has one name: none of these gets a session.
TEST(OneshotAttacks, a_key_outside_the_main_subgroup_gets_no_session) {
  Pair pair;
  SeededRandom random(5);
  auto mallory = NodeKeys::generate(random);
  NodeKey mixed;
  auto order_two = *from_hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  ASSERT_EQ(crypto_core_ed25519_add(mixed.bytes.data(), mallory.public_key().bytes.data(), order_two.data()), 0);
  noise::KeyPair with{mallory.x25519_secret(), *crypto::to_x25519_unchecked(mixed)};
  auto& target = pair.b.keys.public_key();
  for (bool prepared : {true, false}) {
    pair.now += 1s;
    auto before = pair.b.core.figures();
    pair.give(pair.b, place(9),
              crafted(with, mixed, target, *crypto::to_x25519(target), pair.moment().unix_now, random));
    if (prepared) pair.b.core.prepare(pair.now);
    EXPECT_EQ(pair.b.core.figures().dropped_forged - before.dropped_forged, prepared ? 1u : 0u);
    EXPECT_EQ(pair.b.core.figures().sessions - before.sessions, prepared ? 0u : 1u) << "or looked at when it is used";
  }
}

TEST(OneshotAttacks, the_sign_flipped_twin_of_a_key_gets_no_answer) {
  Pair pair;
  auto twin = pair.b.keys.public_key();
  twin.bytes[31] ^= 0x80;
  ASSERT_EQ(*crypto::to_x25519(twin), *crypto::to_x25519(pair.b.keys.public_key()));
  pair.a.core.request(twin, pair.b.at, Service::dht, view("x"), pair.now + 1s, pair.moment());
  auto first = pair.a.core.take_outgoing().at(0).bytes;
  pair.give(pair.b, pair.a.at, first);
  EXPECT_EQ(pair.b.core.figures().dropped_mac, 1u);
  restamp(first, pair.b.keys.public_key());
  pair.give(pair.b, pair.a.at, first);
  EXPECT_EQ(pair.b.core.figures().dropped_forged, 1u) << "the prologue names the key";
  EXPECT_TRUE(pair.b.core.take_outgoing().empty());
  EXPECT_EQ(pair.b.asked, 0);
}

TEST(OneshotAttacks, an_ephemeral_key_of_small_order_is_refused) {
  Pair pair;
  auto first = first_of(pair, "x");
  std::fill_n(first.begin() + header_size, 32, Byte{0});
  restamp(first, pair.b.keys.public_key());
  pair.give(pair.b, pair.a.at, first);
  EXPECT_EQ(pair.b.core.figures().dropped_forged, 1u);
}

TEST(OneshotAttacks, answers_that_nobody_asked_for_are_dropped) {
  Pair pair;
  auto first = first_of(pair, "x");
  pair.give(pair.b, pair.a.at, first);
  auto answer = pair.b.core.take_outgoing().at(0).bytes;
  pair.give(pair.a, place(9), answer);  // from somewhere else
  EXPECT_EQ(pair.a.core.figures().dropped_unasked, 1u);
  pair.give(pair.a, pair.b.at, answer);
  EXPECT_EQ(pair.a.core.take_finished().size(), 1u);
  pair.give(pair.a, pair.b.at, answer);
  EXPECT_EQ(pair.a.core.figures().dropped_unasked, 2u);
}

double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Flood {
  double share;             ///< of a core
  std::size_t memory;       ///< bytes that the node holds more than before
  Figures figures;
  int honest_answered = 0;  ///< of 50 new askers who came meanwhile
};

/// `per_second` first messages from `addresses` spoofed addresses for five seconds: half of them whole and
/// genuine, so that each costs as much as a packet can, the others genuine up to mac1.
Flood flood(std::size_t addresses, int per_second) {
  constexpr int seconds = 5;
  Pair pair;
  SeededRandom random(11);
  auto target = pair.b.keys.public_key();
  auto theirs = *crypto::to_x25519(target);
  auto mallory = NodeKeys::generate(random);
  auto with = noise::KeyPair::of(mallory);
  MacKeys mac_keys(target);
  std::vector<Bytes> genuine;
  for (int i = 0; i < 1200; ++i)
    genuine.push_back(crafted(with, mallory.public_key(), target, theirs,
                              pair.moment().unix_now + std::chrono::milliseconds(i * seconds), random));
  Bytes junk(first_message_min);
  std::vector<std::unique_ptr<test::Side>> honest;
  for (int i = 0; i < 50; ++i)
    honest.push_back(std::make_unique<test::Side>(100 + i, place(static_cast<Byte>(100 + i))));

  Flood out{};
  auto before = mallinfo2().uordblks;
  double spent = 0;
  auto step = std::chrono::duration_cast<Duration>(1s) / per_second;
  std::size_t next_genuine = 0;
  for (int i = 0; i < per_second * seconds; ++i) {
    pair.now += step;
    auto number = static_cast<std::uint32_t>(random.below(addresses));
    io::Endpoint from{io::IpAddress::v4(45, static_cast<Byte>(number >> 16), static_cast<Byte>(number >> 8),
                                        static_cast<Byte>(number)),
                      static_cast<std::uint16_t>(1024 + number % 60000)};
    const Bytes* packet = &junk;
    if (i % (per_second * seconds / 1200) == 0 && next_genuine < genuine.size()) {
      packet = &genuine[next_genuine++];
    } else {
      junk[0] = 4;
      junk[1] = 1;
      random.fill(std::span(junk).subspan(header_size, 8));
      stamp(junk, mac_keys, std::nullopt);
    }
    auto begin = cpu_seconds();
    pair.give(pair.b, from, *packet);
    spent += cpu_seconds() - begin;
    pair.b.core.take_outgoing();

    if (i % (per_second * seconds / 50) == 0) {
      auto& guest = *honest[static_cast<std::size_t>(i / (per_second * seconds / 50)) % honest.size()];
      guest.core.request(target, pair.b.at, Service::dht, view("hi"), pair.now + 10s, pair.moment());
      for (int turn = 0; turn < 3; ++turn) {
        for (auto& datagram : guest.core.take_outgoing()) pair.give(pair.b, guest.at, datagram.bytes);
        for (auto& datagram : pair.b.core.take_outgoing()) pair.give(guest, pair.b.at, datagram.bytes);
      }
      for (auto& finished : guest.core.take_finished()) out.honest_answered += finished.answer.has_value();
    }
  }
  out.share = spent / seconds;
  out.memory = mallinfo2().uordblks - std::min(before, mallinfo2().uordblks);
  out.figures = pair.b.core.figures();
  return out;
}

TEST(OneshotAttacks, floods_cost_at_most_a_tenth_of_a_core_and_bounded_memory) {
  Limits limits;
#if defined(__OPTIMIZE__)
  constexpr int fast = 60'000;
#else
  constexpr int fast = 6000;  // unoptimised: what is measured is the build, and the bound looser
#endif
  for (auto [addresses, per_second] : {std::pair<std::size_t, int>{1, 3000}, {10'000, 3000}, {10'000, fast}}) {
    auto seen = flood(addresses, per_second);
    std::printf(
        "figure oneshot flood of %d/s from %zu addresses: %.1f %% of a core, %zu KB, %zu sessions, %llu answered, "
        "%llu cookies, %llu dropped unread; %d of 50 honest newcomers answered at once\n",
        per_second, addresses, 100 * seen.share, seen.memory / 1024, seen.figures.sessions,
        static_cast<unsigned long long>(seen.figures.firsts_answered),
        static_cast<unsigned long long>(seen.figures.cookies_sent),
        static_cast<unsigned long long>(seen.figures.dropped_unread), seen.honest_answered);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
    EXPECT_LE(seen.share, fast == 60'000 ? 0.10 : 0.15);
#endif
    EXPECT_LE(seen.figures.sessions, limits.unproven_sessions_max + 64);
    EXPECT_LE(seen.memory, 4u << 20);
    if (per_second == 3000) EXPECT_GE(seen.honest_answered, 45);
  }
}

TEST(OneshotAttacks, sessions_go_on_during_a_flood) {
  Pair pair;
  ASSERT_TRUE(pair.roundtrip(view("before")));
  Bytes junk(first_message_min);
  junk[0] = 4;
  junk[1] = 1;
  restamp(junk, pair.b.keys.public_key());
  for (int i = 0; i < 20'000; ++i) pair.give(pair.b, place(9), junk);
  pair.b.core.take_outgoing();
  EXPECT_GT(pair.b.core.figures().dropped_unread, 0u);
  EXPECT_TRUE(pair.roundtrip(view("during")));
}

}  // namespace
