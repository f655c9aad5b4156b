// One core among peers that do what the input says: answers true, false, late, unasked or never; requests of
// all kinds; time that jumps. Its invariants hold, and every operation ends.
#include "crypto/ensure.hpp"
#include "tests/dht/town.hpp"

using namespace conclave;
using namespace conclave::dht;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8 || size > 4096) return 0;
  test::World world(test::key({data[0], data[1]}));
  for (Byte i = 1; i < 120; ++i)
    world.book.add(test::key({static_cast<Byte>(data[i % size] ^ i), i}),
                   {static_cast<std::uint32_t>(i % 40), i % 7u});
  Core core(world.around, Handle(0), TimePoint(std::chrono::hours(1)));
  std::vector<Ask> open;
  Now now{TimePoint(std::chrono::hours(1)), UnixTime{1'000}};
  std::size_t at = 0;
  auto next = [&] { return at < size ? data[at++] : Byte{0}; };
  auto anyone = [&] { return Handle(1u + next() % 119u); };
  auto gossip = [&] {
    Response response;
    response.kind = Kind::get;
    for (int i = next() % 21; i > 0; --i) response.contacts.push(anyone());
    if (next() % 4 == 0)
      response.records.push_back(test::record(test::key({next()}), next(), next(), 1'000 + next() * 1'000));
    response.more = next() % 3;
    response.status = static_cast<PutStatus>(next() % 4);
    response.token = next();
    return response;
  };
  while (at < size) {
    auto what = next();
    switch (what % 10) {
      case 0:
        core.find(test::key({next()}), now.at);
        break;
      case 1:
        core.get(test::key({next()}), now);
        break;
      case 2:
        core.put(test::record(test::key({next()}), next(), next(), now.wall.ms + 60'000), now.at);
        break;
      case 3: {
        auto first = anyone();
        core.join({&first, 1}, now.at);
        break;
      }
      case 4: {
        Request request{.kind = static_cast<Kind>(next() % 4),
                        .target = test::key({next()}),
                        .point = test::key({next()}),
                        .token = next(),
                        .record = test::record(test::key({next()}), next(), next(), now.wall.ms + 60'000)};
        if (request.kind == Kind::put && next() % 2)
          request.token = core.on_request({Handle(1), {1, 1}}, {.kind = Kind::find}, now).token;
        core.on_request({next() % 2 ? anyone() : no_handle, {next() % 5u, next() % 3u}}, request, now);
        break;
      }
      case 5:
        core.on_response(next(), anyone(), gossip(), now);
        break;
      case 6:
        now.at += std::chrono::milliseconds(next() * 10);
        break;
      default:
        if (open.empty()) break;
        auto ask = open.begin() + next() % static_cast<std::ptrdiff_t>(open.size());
        if (what % 10 == 7) {
          core.on_failure(ask->id, now);
        } else {
          core.on_response(ask->id, ask->to, gossip(), now);
        }
        open.erase(ask);
    }
    while (open.size() < 400) {
      auto ask = core.next(now);
      if (!ask) break;
      open.push_back(std::move(*ask));
    }
    for (auto ask = open.begin(); ask != open.end();) {
      if (ask->deadline > now.at) {
        ++ask;
        continue;
      }
      core.on_failure(ask->id, now);
      ask = open.erase(ask);
    }
    (void)core.take_found();
    (void)core.take_outcomes();
    ensure(core.broken(now) == nullptr, "the invariants of a core hold");
  }
  return 0;
}
