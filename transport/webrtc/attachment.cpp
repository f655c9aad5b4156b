#include "transport/webrtc/attachment.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::array kinds{io::Demux::Kind::stun, io::Demux::Kind::dtls, io::Demux::Kind::rtp};

}  // namespace

Attachment::Attachment(io::Demux& demux, io::Clock& clock, Endpoint& endpoint)
    : demux_(demux), clock_(clock), endpoint_(endpoint) {
  for (auto kind : kinds) {
    demux_.on(kind, [this](std::span<const io::Packet> packets) {
      endpoint_.receive(packets, clock_.now());
      arm();
    });
  }
}

Attachment::~Attachment() {
  for (auto kind : kinds) demux_.on(kind, {});
  clock_.cancel(alarm_);
}

void Attachment::poke() {
  endpoint_.flush();
  arm();
}

void Attachment::arm() {
  auto when = endpoint_.deadline();
  if (when == armed_) return;
  clock_.cancel(alarm_);
  armed_ = when;
  if (when == TimePoint::max()) return;
  alarm_ = clock_.at(when, [this] {
    armed_ = TimePoint::max();
    endpoint_.advance(clock_.now());
    arm();
  });
}

Outbox::Sink Attachment::sink(io::Datagrams& socket) {
  return [&socket, departing = std::vector<io::Departing>()](std::span<const Outbox::Datagram> datagrams) mutable {
    departing.clear();
    for (std::size_t i = 0; i < datagrams.size();) {
      auto& first = datagrams[i];
      auto* begin = first.bytes.data();
      std::size_t total = first.bytes.size();
      auto segment = total;
      // UDP_SEGMENT: all of one size, the last may be shorter; 64 of them and 64 KB at most.
      std::size_t n = 1;
      while (i + n < datagrams.size() && n < 48 && datagrams[i + n].to == first.to &&
             datagrams[i + n].from == first.from && datagrams[i + n - 1].bytes.size() == segment &&
             datagrams[i + n].bytes.size() <= segment && datagrams[i + n].bytes.data() == begin + total) {
        total += datagrams[i + n].bytes.size();
        ++n;
      }
      departing.push_back({first.to, first.from, ByteView(begin, total), n > 1 ? segment : 0});
      i += n;
    }
    (void)socket.send_many(departing);  // what a full buffer drops is repaired like any loss
  };
}

}  // namespace conclave::webrtc
