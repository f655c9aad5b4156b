#include "transport/io/demux.hpp"

namespace conclave::io {

class Demux::Channel final : public Datagrams {
 public:
  Channel(Demux& demux, Kind kind) : demux_(demux), kind_(kind) {}
  bool send(const Endpoint& to, ByteView bytes, std::size_t segment_size,
            const std::optional<IpAddress>& from) override {
    return demux_.socket_.send(to, bytes, segment_size, from);
  }
  void when_sendable(std::function<void()> ready) override { demux_.socket_.when_sendable(std::move(ready)); }
  void on_receive(Receiver receiver) override { demux_.on(kind_, std::move(receiver)); }
  std::uint16_t local_port() const override { return demux_.socket_.local_port(); }

 private:
  Demux& demux_;
  Kind kind_;
};

Demux::Kind Demux::kind_of(Byte first) {
  if (first < 4) return Kind::stun;
  if (first < 16) return Kind::oneshot;
  if (first < 20) return Kind::media;
  if (first < 64) return Kind::dtls;
  if (first < 128 || first >= 192) return Kind::quic;
  return Kind::rtp;
}

Demux::Demux(Datagrams& socket) : socket_(socket) {
  for (std::size_t i = 0; i < kinds; ++i)
    channels_[i] = std::make_unique<Channel>(*this, static_cast<Kind>(i));
  socket_.on_receive([this](std::span<const Packet> packets) { deliver(packets); });
}

Demux::~Demux() { socket_.on_receive({}); }

void Demux::on(Kind kind, Datagrams::Receiver receiver) {
  receivers_[static_cast<std::size_t>(kind)] =
      receiver ? std::make_shared<Datagrams::Receiver>(std::move(receiver)) : nullptr;
}

Datagrams& Demux::channel(Kind kind) { return *channels_[static_cast<std::size_t>(kind)]; }

void Demux::deliver(std::span<const Packet> packets) {
  // A batch is nearly always of one kind: hand it on in runs, without copying.
  while (!packets.empty()) {
    if (packets.front().bytes.empty()) {
      packets = packets.subspan(1);
      continue;
    }
    auto kind = kind_of(packets.front().bytes[0]);
    std::size_t run = 1;
    while (run < packets.size() && !packets[run].bytes.empty() && kind_of(packets[run].bytes[0]) == kind)
      ++run;
    // Held, because the receiver may replace itself.
    if (auto receiver = receivers_[static_cast<std::size_t>(kind)]) (*receiver)(packets.first(run));
    packets = packets.subspan(run);
  }
}

}  // namespace conclave::io
