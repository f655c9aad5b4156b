// Two nodes and an attacker who holds the wire: the input says which datagram is delivered, dropped, repeated,
// damaged or delayed, who asks what, and how time passes. Answers are genuine or errors; each request ends once.
#include <set>

#include "crypto/ensure.hpp"
#include "tests/transport/oneshot_pair.hpp"

using namespace conclave;
using namespace conclave::oneshot;

namespace {

struct Script {
  ByteView rest;
  bool over() const { return rest.empty(); }
  Byte byte() {
    if (rest.empty()) return 0;
    Byte out = rest[0];
    rest = rest.subspan(1);
    return out;
  }
};

struct Flying {
  bool to_b;
  io::Endpoint from;
  Bytes bytes;
};

struct Game {
  test::Pair pair;
  std::vector<Flying> air;
  std::map<Core::ExchangeId, Bytes> asked[2];

  test::Side& side(bool b) { return b ? pair.b : pair.a; }
  void collect() {
    for (bool b : {false, true}) {
      for (auto& datagram : side(b).core.take_outgoing()) {
        ensure(datagram.bytes.size() <= datagram_max, "no datagram is too long");
        if (air.size() < 64) air.push_back({!b, side(b).at, std::move(datagram.bytes)});
      }
      for (auto& finished : side(b).core.take_finished()) {
        auto found = asked[b].find(finished.exchange);
        ensure(found != asked[b].end(), "a request ends once");
        if (finished.answer) ensure(*finished.answer == found->second, "the answer is the peer's");
        asked[b].erase(found);
      }
    }
  }
  void ask(bool b, std::size_t size) {
    auto& from = side(b);
    auto& to = side(!b);
    Bytes body(size, static_cast<Byte>(size));
    auto id = from.core.request(to.keys.public_key(), to.at, Service::dht, body,
                                pair.now + std::chrono::seconds(3), pair.moment());
    asked[b].emplace(id, body);
  }
  void turn(Script& script) {
    auto what = script.byte();
    auto which = script.byte();
    auto* datagram = air.empty() ? nullptr : &air[which % air.size()];
    switch (what % 8) {
      case 0: return ask(what & 8, std::size_t{which} * 5);
      case 1:
      case 2:
        if (!datagram) return;
        pair.give(side(datagram->to_b), datagram->from, datagram->bytes);
        if (what & 8) air.erase(air.begin() + which % static_cast<int>(air.size()));
        return;
      case 3:
        if (datagram) air.erase(air.begin() + which % static_cast<int>(air.size()));
        return;
      case 4:
        if (datagram) datagram->bytes[script.byte() * 5u % datagram->bytes.size()] ^= static_cast<Byte>(1 + which);
        return;
      case 5:
        pair.now += std::chrono::milliseconds(1 << (which % 22));
        for (bool b : {false, true}) side(b).core.tick(pair.moment());
        return;
      case 6:
        if (datagram) datagram->from = test::place(which);
        return;
      case 7: pair.a.at = test::place(static_cast<Byte>(which | 128)); return;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 400) return 0;
  Game game;
  Script script{{data, size}};
  while (!script.over()) {
    game.turn(script);
    game.collect();
  }
  game.pair.now += std::chrono::seconds(10);
  for (bool b : {false, true}) game.side(b).core.tick(game.pair.moment());
  game.collect();
  for (auto& open : game.asked) ensure(open.empty(), "no request without an end");
  return 0;
}
