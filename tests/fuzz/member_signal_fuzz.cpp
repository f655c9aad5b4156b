/// What a node says to a member: parts put together, JSON checked, statements and parcels believed or not.
#include "node/member/circle.hpp"
#include "node/member/signal.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  auto choice = fuzz::take_choice(rest);
  constexpr UnixTime wall{1'800'000'000'000};
  constexpr TimePoint now{std::chrono::hours(1)};
  SeededRandom random(1);
  static const auto conference = [] {
    SeededRandom r(2);
    return ConferenceKeys::generate(r);
  }();
  static const auto self = member::Self::make(conference.public_key(), std::nullopt, "fuzz", random, wall);
  member::Circle circle(conference.public_key(), self, random);
  if (choice % 3 == 1) {
    (void)circle.open((choice & 4) != 0, rest, now, now);
    ensure(circle.counters().opened == 0, "nobody's frame opens without a key");
    return 0;
  }
  member::Parts parts;
  while (!rest.empty()) {
    auto length = std::min<std::size_t>(choice % 3 == 2 ? 64 : rest.size(), rest.size());
    auto whole = parts.take(text(rest.first(length)));
    rest = rest.subspan(length);
    if (!whole || !*whole) continue;
    auto heard = member::decode_from_node(**whole);
    if (!heard) continue;
    if (auto* news = std::get_if<member::NewStatements>(&*heard)) {
      for (auto& bytes : news->statements) (void)circle.hear_statement(bytes, wall, now);
    } else if (auto* parcel = std::get_if<member::FromMember>(&*heard)) {
      circle.hear_parcel(parcel->parcel, wall, now);
    }
  }
  circle.advance(wall, now + std::chrono::seconds(1));
  ensure(!circle.admitted(wall), "nobody gets us in who may not");
  return 0;
}
