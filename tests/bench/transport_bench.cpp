// bench_transport: nQUIC beside its limits, in one run. Own process-level timing, because two threads and the
// kernel are part of what is measured. `--list`, `--json`, or names of cases.
#include "tests/bench/transport_bench.hpp"

#include <cstdio>
#include <cstdlib>

#include <sched.h>

namespace conclave::bench {

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

std::size_t volume(std::size_t megabytes) {
  if (const char* wanted = std::getenv("CONCLAVE_BENCH_MB"))
    megabytes = static_cast<std::size_t>(std::atoll(wanted));
  return megabytes * 1'000'000;
}

End::End(std::uint64_t seed, quic::Settings settings, End* beside)
    : context(beside ? beside->context : own),
      keys([seed] {
        SeededRandom random(seed);
        return NodeKeys::generate(random);
      }()),
      udp(std::move(*io::Udp::open(context.get_executor(), {io::IpAddress::v4(127, 0, 0, 1), 0}))),
      endpoint(context.get_executor(), clock, *udp, keys, random, std::move(settings)) {}

quic::Settings settings_for(quic::Suite suite) {
  quic::Settings out;
  out.suites = {suite};
  return out;
}

}  // namespace conclave::bench

namespace {
using namespace conclave;
using namespace conclave::bench;

const std::vector<Case> cases{
    {"stream_aes", "one nQUIC stream, AES-256-GCM, one core a side",
     [] { return stream(quic::Suite::aes_256_gcm); }},
    {"stream_chacha", "the same with ChaCha20-Poly1305",
     [] { return stream(quic::Suite::chacha20_poly1305); }},
    {"stream_null", "the same without encryption: the yardstick",
     [] { return stream(quic::Suite::unprotected); }},
    {"raw_udp", "UDP with GSO and GRO, nothing else", raw_udp},
    {"tcp_records", "TCP with AES-256-GCM records of 16 KiB", tcp_records},
    {"aead_alone", "memcpy and AES-256-GCM of 1400-byte packets, one core", aead_alone},
    {"datagrams", "datagrams of 100 bytes", datagrams},
    {"handshakes", "whole handshakes, both sides on one core", handshakes},
    {"lossy_path", "200 MB over 500 Mbit/s, 40 ms, 1 % loss (a relay in this process)", lossy_path},
};
}  // namespace

int main(int argc, char** argv) {
  crypto::init();
  bool json = false;
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--json") {
      json = true;
    } else if (word == "--list") {
      for (auto& one : cases) std::printf("%-14s %s\n", one.name.c_str(), one.what.c_str());
      return 0;
    } else if (word.starts_with("-")) {
      std::fprintf(stderr, "bench_transport [--json] [--list] [CASE ...]\n");
      return 2;
    } else {
      wanted.push_back(word);
    }
  }
  bool first = true;
  if (json) std::printf("{");
  for (auto& one : cases) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), one.name) == wanted.end()) continue;
    auto figures = one.run();
    if (json) std::printf("%s\"%s\":{", first ? "" : ",", one.name.c_str());
    first = false;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      auto& [name, value, unit] = figures[i];
      if (json)
        std::printf("%s\"%s\":%.6g", i ? "," : "", name.c_str(), value);
      else
        std::printf("figure %-14s %-28s %12.4g %s\n", one.name.c_str(), name.c_str(), value, unit.c_str());
    }
    if (json) std::printf("}");
    std::fflush(stdout);
  }
  if (json) std::printf("}\n");
}
