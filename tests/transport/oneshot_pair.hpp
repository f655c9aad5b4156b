#pragma once
/// Two cores and the wire between them in the test's hands.
#include "transport/oneshot/core.hpp"

namespace conclave::oneshot::test {

inline io::Endpoint place(Byte host, std::uint16_t port = 4000) {
  return {io::IpAddress::v4(10, 0, host, 1), port};
}

struct Side {
  Side(std::uint64_t seed, io::Endpoint where, Limits limits = {})
      : random(seed), keys(NodeKeys::generate(random)), at(where),
        core(keys, random, limits,
             [this](Service, const NodeKey& from, const io::Endpoint&, ByteView body) { return answer(from, body); },
             UnixTime{0}) {}
  std::optional<Bytes> answer(const NodeKey& from, ByteView body) {
    ++asked;
    last_asker = from;
    if (text(body) == "refuse me") return std::nullopt;
    if (text(body).starts_with("long ")) return Bytes(std::stoul(std::string(text(body).substr(5))), 'x');
    return copy(body);
  }
  SeededRandom random;
  NodeKeys keys;
  io::Endpoint at;
  int asked = 0;
  NodeKey last_asker;
  Core core;
};

struct Pair {
  explicit Pair(Limits limits = {}) : a(1, place(1)), b(2, place(2), limits) {}

  Moment moment() const {
    return {now, UnixTime{1'800'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(
                                                  now.time_since_epoch())
                                                  .count()}};
  }
  Core::ExchangeId ask(ByteView body, Duration patience = std::chrono::seconds(10)) {
    return a.core.request(b.keys.public_key(), b.at, Service::dht, body, now + patience, moment());
  }
  void give(Side& to, const io::Endpoint& from, ByteView bytes) {
    to.core.receive({from, to.at.ip, bytes}, moment());
  }
  /// Carries everything to its end; gives the answers that came to `a`.
  std::vector<Core::Finished> settle() {
    for (;;) {
      auto up = a.core.take_outgoing();
      auto down = b.core.take_outgoing();
      if (up.empty() && down.empty()) return a.core.take_finished();
      for (auto& datagram : up) record(datagram.bytes), give(b, a.at, datagram.bytes);
      for (auto& datagram : down) record(datagram.bytes), give(a, b.at, datagram.bytes);
    }
  }
  Result<Bytes> roundtrip(ByteView body) {
    ask(body);
    auto finished = settle();
    if (finished.size() != 1) return fail(Errc::timed_out);
    return finished[0].answer;
  }
  void record(const Bytes& datagram) { wire.push_back(datagram); }

  Side a, b;
  TimePoint now{std::chrono::hours(1)};
  std::vector<Bytes> wire;
};

}  // namespace conclave::oneshot::test
