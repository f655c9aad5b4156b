/// What one packet costs on its way through a forwarder, without the system's share: SRTP opening and sealing
/// beside libsrtp2 with the same profile and beside bare AES-128-GCM, and the whole path through an endpoint
/// (open, parse, look up, write the header, copy, seal, queue).
#include "crypto/keys.hpp"
#include "tests/transport/webrtc/native_page.hpp"

#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>

namespace {

using namespace conclave;
using namespace conclave::webrtc;

constexpr std::size_t packet_size = 1200;

SrtpKeys test_keys() {
  SrtpKeys keys;
  SeededRandom random(1);
  random.fill(keys.key.span());
  random.fill(keys.salt.span());
  return keys;
}

Bytes clear_packet() {
  Bytes packet(packet_size + 64, Byte{7});
  RtpExtensions extensions;
  extensions.mid = "3";
  extensions.transport_cc = 1;
  (void)write_rtp_header(packet, {false, 96, 1, 90000, 42}, extensions, {4, 0, 0, 0, 0, 3});
  return packet;
}

void set_sequence(Bytes& packet, std::uint32_t sequence) {
  packet[2] = static_cast<Byte>(sequence >> 8);
  packet[3] = static_cast<Byte>(sequence);
}

void seal_bare_gcm(benchmark::State& state) {
  auto* context = EVP_CIPHER_CTX_new();
  std::array<Byte, 16> key{}, tag;
  std::array<Byte, 12> iv{};
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(), nullptr);
  auto packet = clear_packet();
  int size = 0;
  for (auto _ : state) {
    ++iv[0];
    EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, iv.data());
    EVP_EncryptUpdate(context, nullptr, &size, packet.data(), 24);
    EVP_EncryptUpdate(context, packet.data() + 24, &size, packet.data() + 24, packet_size - 24);
    EVP_EncryptFinal_ex(context, packet.data(), &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
    benchmark::DoNotOptimize(packet.data());
  }
  EVP_CIPHER_CTX_free(context);
}
BENCHMARK(seal_bare_gcm);

void seal_ours(benchmark::State& state) {
  SrtpSender sender(test_keys());
  auto packet = clear_packet();
  std::uint32_t sequence = 0;
  for (auto _ : state) {
    set_sequence(packet, ++sequence);
    benchmark::DoNotOptimize(sender.protect_rtp(packet, packet_size));
  }
}
BENCHMARK(seal_ours);

void seal_libsrtp(benchmark::State& state) {
  srtp_init();
  auto keys = test_keys();
  std::array<Byte, 28> material;
  std::copy_n(keys.key.data(), 16, material.begin());
  std::copy_n(keys.salt.data(), 12, material.begin() + 16);
  srtp_policy_t policy{};
  srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
  srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  policy.ssrc.type = ssrc_any_outbound;
  policy.key = material.data();
  policy.window_size = 1024;
  srtp_t session = nullptr;
  srtp_create(&session, &policy);
  auto packet = clear_packet();
  std::uint32_t sequence = 0;
  for (auto _ : state) {
    set_sequence(packet, ++sequence);
    int size = packet_size;
    benchmark::DoNotOptimize(srtp_protect(session, packet.data(), &size));
  }
  srtp_dealloc(session);
}
BENCHMARK(seal_libsrtp);

/// A batch of sealed packets is prepared outside the clock; opening is what is measured.
void open_ours(benchmark::State& state) {
  SrtpSender sender(test_keys());
  SrtpReceiver receiver(test_keys());
  constexpr int batch = 64;
  std::vector<Bytes> sealed(batch, clear_packet());
  std::uint32_t sequence = 0;
  Bytes opened(packet_size + 64);
  int at = batch;
  for (auto _ : state) {
    if (at == batch) {
      state.PauseTiming();
      for (auto& packet : sealed) {
        packet = clear_packet();
        set_sequence(packet, ++sequence);
        (void)sender.protect_rtp(packet, packet_size);
      }
      at = 0;
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(receiver.unprotect_rtp(
        ByteView(sealed[static_cast<std::size_t>(at++)]).first(packet_size + 16), opened));
  }
}
BENCHMARK(open_ours)->Iterations(200'000);

/// Sends every packet on to all pages but the first, which is the sender.
struct Fan final : Endpoint::Listener {
  Endpoint* endpoint = nullptr;
  std::vector<SessionId> pages;
  std::uint16_t number = 0;
  bool opened(SessionId, const Claims&, const io::Endpoint&) override { return true; }
  void connected(SessionId session) override { pages.push_back(session); }
  void rtp(SessionId, const RtpPacket& packet, TimePoint) override {
    RtpExtensions extensions;
    extensions.mid = "3";
    for (std::size_t i = 1; i < pages.size(); ++i) {
      extensions.transport_cc = ++number;
      (void)endpoint->send_rtp(pages[i], packet.header, extensions, packet.payload.first(6),
                               packet.payload.subspan(6));
    }
  }
  void rtcp(SessionId, std::span<const Rtcp>, TimePoint) override {}
  void message(SessionId, const Sctp::Message&) override {}
  void closed(SessionId, Error) override {}
};

/// One publisher, thirty subscribers: per forwarded packet, without sendmmsg.
void forward_through_endpoint(benchmark::State& state) {
  constexpr Byte subscribers = 30;
  SeededRandom random(1);
  auto identity = EndpointIdentity::make(random);
  Fan fan;
  std::vector<std::pair<io::Endpoint, Bytes>> outgoing;
  bool keep = true;
  auto endpoint = *Endpoint::make(
      identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, fan,
      [&](std::span<const Outbox::Datagram> datagrams) {
        for (auto& datagram : datagrams) {
          if (keep) outgoing.emplace_back(datagram.to, copy(datagram.bytes));
        }
      },
      random);
  fan.endpoint = endpoint.get();
  TimePoint now{std::chrono::hours(1)};
  std::vector<std::unique_ptr<test::NativePage>> pages;
  auto deliver = [&](const io::Endpoint& from, ByteView bytes) {
    io::Packet packet{from, io::IpAddress::v4(192, 0, 2, 1), bytes};
    endpoint->receive({&packet, 1}, now);
  };
  for (Byte i = 0; i <= subscribers; ++i) {
    auto certificate = Certificate::make();
    auto claims = test::chromium_claims(certificate.fingerprint());
    claims.data_channel = false;
    pages.push_back(std::make_unique<test::NativePage>(
        identity, io::Endpoint{io::IpAddress::v4(198, 51, 100, i), 4000}, claims, certificate));
    auto& page = *pages.back();
    page.check();
    for (int round = 0; round < 6; ++round) {
      for (auto& datagram : page.take()) deliver(page.address(), datagram);
      for (auto& [to, bytes] : std::exchange(outgoing, {})) page.receive(bytes, now);
    }
  }
  if (fan.pages.size() != subscribers + 1) {
    state.SkipWithError("not all pages connected");
    return;
  }
  keep = false;
  std::vector<Bytes> sealed;
  std::uint16_t sequence = 0;
  std::size_t at = 0;
  for (auto _ : state) {
    if (at == sealed.size()) {
      state.PauseTiming();
      for (int i = 0; i < 64; ++i) {
        pages[0]->send_rtp({false, 96, ++sequence, 1, 42}, {}, Bytes(packet_size - 20, Byte{1}));
      }
      sealed = pages[0]->take();
      at = 0;
      state.ResumeTiming();
    }
    deliver(pages[0]->address(), sealed[at++]);
  }
  state.SetItemsProcessed(state.iterations() * subscribers);
  state.counters["us_per_forwarded"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * subscribers / 1e6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(forward_through_endpoint)->Iterations(10'000);

}  // namespace

int main(int argc, char** argv) {
  conclave::crypto::init();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
