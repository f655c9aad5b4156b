// Two yamux sessions of ours with owners who do anything, joined by a pipe that cuts anywhere: nobody breaks
// the rules, and what arrives on a stream is the beginning of what was sent on it.
#include "crypto/ensure.hpp"
#include "transport/tcp/yamux.hpp"

using namespace conclave;
using tcp::Yamux;
using tcp::YamuxId;

namespace {

/// Byte `i` of stream `id`, in one direction.
Byte expected(YamuxId id, bool forth, std::size_t i) {
  return static_cast<Byte>(i * 13 + id.raw() * 7 + forth);
}

struct End {
  explicit End(Yamux::Role role)
      : session(role, limits(), TimePoint{}), dials(role == Yamux::Role::dialler) {}
  static tcp::YamuxLimits limits() {
    tcp::YamuxLimits out;
    out.inbound_max = 8;
    out.outbound_max = 8;
    out.owed_max = 1 << 20;  // here nobody is cut off for letting refusals pile up
    return out;
  }
  struct Flow {
    std::deque<Bytes> lent;
    std::size_t sent = 0;
    std::size_t heard = 0;
  };
  Yamux session;
  bool dials;
  std::map<YamuxId, Flow> flows;
  Bytes under_way;  ///< towards the other end

  void write(YamuxId id, std::size_t size) {
    if (session.write_ended(id)) return;
    auto& flow = flows[id];
    auto& bytes = flow.lent.emplace_back(size);
    for (auto& byte : bytes) byte = expected(id, dials, flow.sent++);
    session.lend(id, bytes);
  }
  void read(YamuxId id, std::size_t most, TimePoint now) {
    auto unread = session.unread(id);
    auto part = unread.first(std::min(unread.size(), most));
    for (auto byte : part) ensure(byte == expected(id, !dials, flows[id].heard++), "in order and whole");
    session.consume(id, part.size(), now);
  }
  void produce(std::size_t room, TimePoint now) {
    Bytes out(room);
    out.resize(session.produce(out, now));
    append(under_way, out);
  }
  void receive(Bytes& from, std::size_t size, TimePoint now) {
    size = std::min(size, from.size());
    ensure(session.receive(ByteView(from).first(size), now).has_value(), "our own ends keep to the rules");
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  End ends[2] = {End(Yamux::Role::dialler), End(Yamux::Role::listener)};
  TimePoint now{};
  for (std::size_t i = 0; i + 3 <= size; i += 3) {
    auto& end = ends[data[i] & 1];
    auto& other = ends[(data[i] & 1) ^ 1];
    YamuxId id(data[i + 1] % 8u + 1);
    std::size_t amount = data[i + 2];
    now += std::chrono::microseconds(data[i]);
    switch ((data[i] >> 1) % 9) {
      case 0:
        (void)end.session.open();
        break;
      case 1:
        end.write(id, amount * 997);
        break;
      case 2:
        end.read(id, amount * 1009, now);
        break;
      case 3:
        end.session.finish(id);
        break;
      case 4:
        end.session.reset(id);
        break;
      case 5:
        end.session.release(id);
        break;
      case 6:
        end.produce(25 + amount * 257, now);
        break;
      case 7:
        end.receive(other.under_way, amount * amount, now);
        break;
      default:
        end.receive(other.under_way, amount, now);
        break;
    }
    (void)end.session.take_events();
  }
  return 0;
}
