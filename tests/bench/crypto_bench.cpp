// Each primitive beside its limit, in one run: AEADs beside memcpy of the same size, a Noise handshake beside
// the bare X25519 operations in it, sealing an entry beside its signatures.
#include "crypto/aead.hpp"
#include "crypto/codec/msgpack.hpp"
#include "crypto/hash.hpp"
#include "crypto/header_protection.hpp"
#include "crypto/hpke.hpp"
#include "crypto/noise/handshake.hpp"
#include "crypto/sealed_entry.hpp"
#include "crypto/sframe.hpp"

#include <benchmark/benchmark.h>

using namespace conclave;
using crypto::AeadAlgorithm;

namespace {

void per_byte(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void memory_copy(benchmark::State& state) {
  Bytes from(state.range(0)), to(state.range(0));
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  per_byte(state);
}

template <AeadAlgorithm algorithm>
void seal(benchmark::State& state) {
  crypto::Aead aead(algorithm, Bytes(crypto::key_size(algorithm)));
  Bytes nonce(crypto::nonce_size(algorithm)), aad(20), plain(state.range(0)), out(plain.size() + 16);
  for (auto _ : state) {
    ++nonce[0];
    aead.seal_into(out, nonce, aad, plain);
    benchmark::DoNotOptimize(out.data());
  }
  per_byte(state);
}

template <AeadAlgorithm algorithm>
void open(benchmark::State& state) {
  crypto::Aead aead(algorithm, Bytes(crypto::key_size(algorithm)));
  Bytes nonce(crypto::nonce_size(algorithm)), aad(20), plain(state.range(0));
  Bytes sealed = aead.seal(nonce, aad, plain);
  for (auto _ : state) {
    if (!aead.open_into(plain, nonce, aad, sealed)) state.SkipWithError("does not open");
    benchmark::DoNotOptimize(plain.data());
  }
  per_byte(state);
}

template <AeadAlgorithm algorithm>
void header_mask(benchmark::State& state) {
  crypto::HeaderProtection protection(algorithm, Bytes(crypto::key_size(algorithm)));
  Bytes sample(16);
  for (auto _ : state) {
    auto mask = protection.mask(sample);
    sample[0] ^= mask[0];
    benchmark::DoNotOptimize(sample.data());
  }
}

void sha_256(benchmark::State& state) {
  Bytes data(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(crypto::sha256(data));
  per_byte(state);
}

BENCHMARK(memory_copy)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(seal<AeadAlgorithm::aes_256_gcm>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(open<AeadAlgorithm::aes_256_gcm>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(seal<AeadAlgorithm::aes_128_gcm>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(open<AeadAlgorithm::aes_128_gcm>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(seal<AeadAlgorithm::chacha20_poly1305>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(open<AeadAlgorithm::chacha20_poly1305>)->Arg(64)->Arg(1200)->Arg(16384);
BENCHMARK(seal<AeadAlgorithm::xchacha20_poly1305>)->Arg(1200);
BENCHMARK(header_mask<AeadAlgorithm::aes_256_gcm>);
BENCHMARK(header_mask<AeadAlgorithm::chacha20_poly1305>);
BENCHMARK(sha_256)->Arg(64)->Arg(1200)->Arg(16384);

struct Parties {
  SeededRandom random{1};
  X25519Pair a = X25519Pair::generate(random);
  X25519Pair b = X25519Pair::generate(random);
};

void x25519_key(benchmark::State& state) {
  Parties p;
  for (auto _ : state) benchmark::DoNotOptimize(X25519Pair::generate(p.random));
}

void x25519_shared(benchmark::State& state) {
  Parties p;
  for (auto _ : state) benchmark::DoNotOptimize(crypto::x25519_shared(p.a.secret, p.b.public_key));
}

/// What both sides of an IK handshake cannot do without: an ephemeral key and four products each.
void noise_ik_bare_x25519(benchmark::State& state) {
  Parties p;
  for (auto _ : state) {
    for (int side = 0; side < 2; ++side) {
      benchmark::DoNotOptimize(X25519Pair::generate(p.random));
      for (int i = 0; i < 4; ++i) benchmark::DoNotOptimize(crypto::x25519_shared(p.a.secret, p.b.public_key));
    }
  }
  state.counters["handshakes"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

template <noise::Cipher cipher>
void noise_ik(benchmark::State& state) {
  Parties p;
  Bytes payload(80);
  for (auto _ : state) {
    noise::HandshakeSettings settings{noise::Pattern::ik, cipher, noise::Role::initiator, p.a,
                                      p.b.public_key,     payload};
    noise::Handshake initiator(settings);
    settings.role = noise::Role::responder;
    settings.ours = p.b;
    settings.theirs.reset();
    noise::Handshake responder(settings);
    auto first = initiator.write(payload, p.random);
    benchmark::DoNotOptimize(responder.read(*first));
    auto second = responder.write({}, p.random);
    benchmark::DoNotOptimize(initiator.read(*second));
    benchmark::DoNotOptimize(initiator.split_keys());
    benchmark::DoNotOptimize(responder.split_keys());
  }
  state.counters["handshakes"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void ed25519_sign(benchmark::State& state) {
  Parties p;
  auto keys = NodeKeys::generate(p.random);
  Bytes message(200);
  for (auto _ : state) benchmark::DoNotOptimize(keys.sign({"conclave/bench/1"}, message));
}

void ed25519_verify(benchmark::State& state) {
  Parties p;
  auto keys = NodeKeys::generate(p.random);
  Bytes message(200);
  auto signature = keys.sign({"conclave/bench/1"}, message);
  for (auto _ : state)
    benchmark::DoNotOptimize(crypto::verify(keys.public_key(), {"conclave/bench/1"}, message, signature));
}

BENCHMARK(x25519_key);
BENCHMARK(x25519_shared);
BENCHMARK(noise_ik_bare_x25519);
BENCHMARK(noise_ik<noise::Cipher::chacha_poly>);
BENCHMARK(noise_ik<noise::Cipher::aes_gcm>);
BENCHMARK(ed25519_sign);
BENCHMARK(ed25519_verify);

constexpr UnixTime now{1'800'000'000'000};

struct Account {
  SeededRandom random{1};
  AccountKeys account = AccountKeys::generate(random);
  NodeKeys node = NodeKeys::generate(random);
  EntryContent content{
      node.public_key(),
      encode(certify(account, node.public_key(), 1, now, now + std::chrono::hours(24), "desk")),
      {*from_hex("04010203049102000af1dcc101")},
      {}};
  SealedEntry seal() {
    return *seal_entry(MeetingKind::account, account.public_key(), day_of(now), content, node, 1,
                       now + std::chrono::hours(2), random);
  }
};

void entry_seal(benchmark::State& state) {
  Account a;
  for (auto _ : state) benchmark::DoNotOptimize(a.seal());
}
void entry_verify_as_holder(benchmark::State& state) {
  Account a;
  auto entry = a.seal();
  for (auto _ : state) benchmark::DoNotOptimize(verify_entry(entry, now));
}
void entry_open(benchmark::State& state) {
  Account a;
  auto entry = a.seal();
  for (auto _ : state)
    benchmark::DoNotOptimize(open_account_entry(a.account.public_key(), day_of(now), entry, now));
}
/// An entry that somebody without the key left: what noise at a meeting point costs a reader.
void entry_open_noise(benchmark::State& state) {
  Account a;
  auto entry = a.seal();
  entry.sealed[100] ^= 1;
  for (auto _ : state)
    benchmark::DoNotOptimize(open_account_entry(a.account.public_key(), day_of(now), entry, now));
}

void hpke_seal(benchmark::State& state) {
  Parties p;
  Bytes key(48);
  for (auto _ : state) benchmark::DoNotOptimize(hpke::seal(p.b.public_key, {}, {}, key, p.random));
}
void hpke_open(benchmark::State& state) {
  Parties p;
  auto sealed = hpke::seal(p.b.public_key, {}, {}, Bytes(48), p.random);
  for (auto _ : state) benchmark::DoNotOptimize(hpke::open(p.b, {}, {}, *sealed));
}
void sframe_seal(benchmark::State& state) {
  sframe::Sender sender(Bytes(16), 0x123456789abc0001);
  Bytes frame(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(sender.seal({}, frame));
  per_byte(state);
}
void msgpack_entry(benchmark::State& state) {
  Account a;
  Bytes bytes = encode(a.seal());
  for (auto _ : state) benchmark::DoNotOptimize(encode(*decode_entry(bytes)));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(bytes.size()));
}

BENCHMARK(entry_seal);
BENCHMARK(entry_verify_as_holder);
BENCHMARK(entry_open);
BENCHMARK(entry_open_noise);
BENCHMARK(hpke_seal);
BENCHMARK(hpke_open);
BENCHMARK(sframe_seal)->Arg(1200)->Arg(16384);
BENCHMARK(msgpack_entry);

}  // namespace
