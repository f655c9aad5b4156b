#pragma once
/// Swarms on a wire without any transport: dials take as long as the test says, streams are queues in memory.
#include <boost/asio/this_coro.hpp>

#include "simulations/world.hpp"
#include "transport/io/mailbox.hpp"
#include "transport/swarm/carrier.hpp"
#include "transport/swarm/swarm.hpp"

namespace conclave::swarm::test {
namespace asio = boost::asio;
using address::PeerAddress;

/// One direction of a stream.
struct Pipe {
  Pipe(sim::World& world) : arrived(world.context().get_executor(), world) {}
  std::deque<Byte> bytes;
  bool ended = false, broken = false;
  io::Event arrived;
};

class WireStream final : public io::Stream {
 public:
  WireStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out) : in_(std::move(in)), out_(std::move(out)) {}
  ~WireStream() override {
    if (!out_->ended || !in_->ended) reset();
  }
  asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override {
    auto in = in_;
    while (in->bytes.empty()) {
      if (in->broken) co_return fail(Errc::stream_reset);
      if (in->ended) co_return fail(Errc::end_of_stream);
      co_await in->arrived.wait();
    }
    std::size_t count = 0;
    for (; count < into.size() && !in->bytes.empty(); ++count) {
      into[count] = in->bytes.front();
      in->bytes.pop_front();
    }
    co_return count;
  }
  asio::awaitable<Result<>> write_all(ByteView bytes) override {
    if (out_->broken) co_return fail(Errc::stream_reset);
    out_->bytes.insert(out_->bytes.end(), bytes.begin(), bytes.end());
    out_->arrived.ring();
    co_return Result<>();
  }
  asio::awaitable<Result<>> close_write() override {
    out_->ended = true;
    out_->arrived.ring();
    co_return Result<>();
  }
  void reset() override {
    for (auto& pipe : {in_, out_}) {
      pipe->broken = true;
      pipe->arrived.ring();
    }
  }

 private:
  std::shared_ptr<Pipe> in_, out_;
};

class WireConnection final : public io::Connection {
 public:
  WireConnection(sim::World& world, NodeKey peer, PeerAddress address, bool ours)
      : world_(world), peer_(peer), address_(address), ours_(ours),
        incoming_(world.context().get_executor(), world, 1000), over_(world.context().get_executor(), world) {}
  const NodeKey& peer() const override { return peer_; }
  Kind kind() const override { return address_.transport == PeerAddress::Transport::tcp ? Kind::tcp : Kind::nquic; }
  io::Endpoint remote() const override { return address_.endpoint; }
  bool dialled_by_us() const override { return ours_; }
  Duration smoothed_rtt() const override { return std::chrono::milliseconds(10); }
  asio::awaitable<Result<std::unique_ptr<io::Stream>>> open(std::string protocol) override {
    auto there = other.lock();
    if (closed_ || !there) co_return fail(Errc::closed);
    auto up = std::make_shared<Pipe>(world_), down = std::make_shared<Pipe>(world_);
    (void)there->incoming_.put({protocol, std::make_unique<WireStream>(up, down)});
    co_return std::make_unique<WireStream>(down, up);
  }
  asio::awaitable<Result<Incoming>> accept() override {
    auto next = co_await incoming_.take();
    if (!next) co_return fail(Errc::closed);
    co_return std::move(*next);
  }
  std::size_t datagram_max() const override { return 0; }
  bool send_datagram(ByteView) override { return false; }
  asio::awaitable<Result<Bytes>> receive_datagram() override { co_return fail(Errc::closed); }
  Result<Secret<32>> export_secret(std::string_view) const override { return fail(Errc::unsupported); }
  void close() override {
    if (closed_) return;
    closed_ = true;
    incoming_.close();
    over_.ring();
    if (auto there = other.lock())
      world_.at(world_.now() + std::chrono::milliseconds(5), [there] { there->close(); });
  }
  bool closed() const override { return closed_; }
  asio::awaitable<void> wait_closed() override {
    while (!closed_) co_await over_.wait();
  }
  std::weak_ptr<WireConnection> other;

 private:
  sim::World& world_;
  NodeKey peer_;
  PeerAddress address_;
  bool ours_;
  bool closed_ = false;
  io::Mailbox<Incoming> incoming_;
  io::Event over_;
};

class Wire;

class WireCarrier final : public Carrier {
 public:
  WireCarrier(Wire& wire, NodeKey us, io::Endpoint at) : wire_(wire), us(us), at(at) {}
  bool carries(PeerAddress::Transport) const override { return true; }
  asio::awaitable<Result<std::shared_ptr<io::Connection>>> dial(PeerAddress address, NodeKey node,
                                                                TimePoint deadline) override;
  void on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) override {
    accepted_ = std::move(accepted);
  }

 private:
  friend class Wire;
  Wire& wire_;

 public:
  NodeKey us;
  io::Endpoint at;
  std::function<void(std::shared_ptr<io::Connection>)> accepted_;
  std::vector<std::pair<TimePoint, PeerAddress>> dialled;
};

/// What stands at each address, and how long a dial to it takes. An address with nothing behind it is silent.
class Wire {
 public:
  struct Place {
    WireCarrier* carrier = nullptr;  ///< nobody: refuses
    Duration takes{};
  };
  explicit Wire(sim::World& the_world) : world(the_world) {}
  sim::World& world;
  std::map<PeerAddress, Place> places;
};

inline asio::awaitable<Result<std::shared_ptr<io::Connection>>> WireCarrier::dial(PeerAddress address, NodeKey node,
                                                                                  TimePoint deadline) {
  dialled.push_back({wire_.world.now(), address});
  auto& world = wire_.world;
  auto found = wire_.places.find(address);
  if (found == wire_.places.end() || world.now() + found->second.takes >= deadline) {
    co_await io::sleep_until(world, deadline);
    co_return fail(Errc::timed_out);
  }
  auto place = found->second;
  co_await io::sleep_until(world, world.now() + place.takes);
  if (!place.carrier || place.carrier->us != node) co_return fail(Errc::refused);
  auto here = std::make_shared<WireConnection>(world, node, address, true);
  auto back = address;
  back.endpoint = at;
  auto there = std::make_shared<WireConnection>(world, us, back, false);
  here->other = there;
  there->other = here;
  // The connection of the other end comes up half a round trip later, at a moment of its own.
  auto carrier = place.carrier;
  world.at(world.now() + std::chrono::milliseconds(5), [carrier, there] {
    if (carrier->accepted_) carrier->accepted_(there);
    else there->close();
  });
  co_return here;
}

}  // namespace conclave::swarm::test
