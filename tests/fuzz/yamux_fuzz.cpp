// One yamux session against a peer that says anything, while its owner opens, reads, writes and gives up
// streams.
#include "crypto/ensure.hpp"
#include "transport/tcp/yamux.hpp"

using namespace conclave;
using tcp::Yamux;
using tcp::YamuxHeader;
using tcp::YamuxId;

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  static const Bytes body(300'000, 'x');
  static Bytes room(70'000);
  tcp::YamuxLimits limits;
  limits.inbound_max = 8;
  limits.outbound_max = 8;
  limits.unread_max = 400'000;
  limits.lingering_max = 2;
  TimePoint now{};
  Yamux session(Yamux::Role::listener, limits, now);
  ByteView input(data, size);
  auto next = [&]() -> Byte {
    if (input.empty()) return 0;
    Byte byte = input.front();
    input = input.subspan(1);
    return byte;
  };
  while (!input.empty()) {
    Byte action = next();
    YamuxId id(next() % 16u);
    now += std::chrono::milliseconds(action);
    switch (action % 10) {
      case 0: {  // anything
        auto raw = input.first(std::min<std::size_t>(next(), input.size()));
        if (!session.receive(raw, now)) return 0;
        input = input.subspan(raw.size());
        break;
      }
      case 1:
      case 2:
      case 3: {  // a frame that makes sense, or nearly
        YamuxHeader header{static_cast<YamuxHeader::Type>(next() % 4),
                           static_cast<std::uint16_t>(next() % 16), id,
                           static_cast<std::uint32_t>(next() * 1031u)};
        auto bytes = tcp::encode(header);
        if (!session.receive(bytes, now)) return 0;
        if (header.type == YamuxHeader::Type::data &&
            !session.receive(ByteView(body).first(header.length), now))
          return 0;
        break;
      }
      case 4:
        if (!session.write_ended(id)) session.lend(id, ByteView(body).first(next() * 1000u));
        break;
      case 5:
        session.consume(id, session.unread(id).size() / (1 + next() % 3), now);
        break;
      case 6:
        session.finish(id);
        break;
      case 7:
        next() % 2 ? session.reset(id) : session.release(id);
        break;
      case 8:
        (void)session.open();
        break;
      default: {
        auto out = MutableBytes(room).first(25 + next() * 250u);
        ensure(session.produce(out, now) <= out.size(), "frames fit");
        break;
      }
    }
    (void)session.take_events();
    ensure(session.unread_total() <= limits.unread_max, "unread bytes are bounded");
    ensure(session.stream_count() <= limits.inbound_max + limits.outbound_max, "streams are bounded");
    if (!session.expire(now)) return 0;
  }
  return 0;
}
