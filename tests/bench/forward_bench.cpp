/// What a forwarded packet costs: one publisher and thirty subscribers over real sockets on loopback, SRTP
/// AES-128-GCM in and out, 1200 bytes. Beside it, in the same run, what nobody can avoid: bare AES-GCM for
/// the same packets and the same sendmmsg. CPU time of the node alone is counted (thread clock around its
/// work); the kernel's share of sending, which on loopback holds the delivery to the receiver as well, is in
/// both.
#include "crypto/keys.hpp"
#include "node/calls/forwarder.hpp"
#include "tests/transport/webrtc/native_page.hpp"
#include "transport/io/udp.hpp"
#include "transport/webrtc/attachment.hpp"

#include <cstdio>
#include <cstring>
#include <ctime>

#include <boost/asio/io_context.hpp>

namespace {

using namespace conclave;
using namespace conclave::calls;
using webrtc::test::NativePage;

constexpr std::size_t subscribers = 30, burst = 16, bursts = 2000, packet_size = 1200;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// A page with a socket of its own.
struct Peer {
  Peer(boost::asio::io_context& context, const webrtc::EndpointIdentity& identity,
       const io::Endpoint& the_node, const TimePoint& the_now)
      : node(the_node), now(the_now) {
    socket = *io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"));
    auto certificate = webrtc::Certificate::make();
    claims = webrtc::test::chromium_claims(certificate.fingerprint());
    claims.data_channel = false;
    page = std::make_unique<NativePage>(identity, socket->local(), claims, certificate);
    socket->on_receive([this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) {
        if (measuring)
          ++received;
        else
          page->receive(packet.bytes, now);
      }
    });
    page->check();
  }
  void pump() {
    for (auto& datagram : page->take()) socket->send(node, datagram);
  }
  io::Endpoint node;
  const TimePoint& now;
  std::unique_ptr<io::Udp> socket;
  webrtc::Claims claims;
  std::unique_ptr<NativePage> page;
  bool measuring = false;
  std::size_t received = 0;
};

/// Time stands where the bench puts it.
struct SetClock final : io::Clock {
  TimePoint now() const override { return time; }
  UnixTime unix_now() const override { return UnixTime{1'800'000'000'000}; }
  Alarm at(TimePoint, std::function<void()>) override { return {}; }
  void cancel(Alarm) override {}
  TimePoint time{std::chrono::hours(1)};
};

/// The node: an endpoint and a forwarder behind one socket.
struct Node final : webrtc::Endpoint::Listener, Forwarder::Outputs {
  explicit Node(boost::asio::io_context& context) {
    socket = *io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"));
    identity = webrtc::EndpointIdentity::make(random);
    endpoint = *webrtc::Endpoint::make(
        identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, *this,
        webrtc::Attachment::sink(*socket), random);
    ForwarderLimits limits;
    limits.page = {2e9, 2e9, 2e9};  // what the pacer would hold back is not what is measured
    forwarder = std::make_unique<Forwarder>(*this, *endpoint, clock, random, limits);
    socket->on_receive(
        [this](std::span<const io::Packet> packets) { endpoint->receive(packets, clock.time); });
  }
  bool opened(webrtc::SessionId, const webrtc::Claims&, const io::Endpoint&) override { return true; }
  void connected(webrtc::SessionId session) override { sessions.push_back(session); }
  void rtp(webrtc::SessionId session, const webrtc::RtpPacket& packet, TimePoint at) override {
    forwarder->on_rtp(session, packet, at);
  }
  void rtcp(webrtc::SessionId session, std::span<const webrtc::Rtcp> messages, TimePoint at) override {
    forwarder->on_rtcp(session, messages, at);
  }
  void message(webrtc::SessionId, const webrtc::Sctp::Message&) override {}
  void closed(webrtc::SessionId, Error) override {}
  void to_link(LinkId, ByteView) override {}
  void slots_changed(webrtc::SessionId, std::span<const SlotAssigned>) override {}
  void speakers(std::span<const MemberId>) override {}
  void quality(webrtc::SessionId, const Quality&) override {}
  void published(std::vector<Published>) override {}
  void wanted(const std::set<std::uint32_t>&) override {}
  void ask_key_frame(std::uint32_t) override {}
  void heard(LinkId, TimePoint) override {}
  void packet(TreeId, std::uint32_t, LinkId, TimePoint) override {}

  SetClock clock;
  SeededRandom random{1};
  std::unique_ptr<io::Udp> socket;
  webrtc::EndpointIdentity identity;
  std::unique_ptr<webrtc::Endpoint> endpoint;
  std::unique_ptr<Forwarder> forwarder;
  std::vector<webrtc::SessionId> sessions;
};

MemberId member(std::size_t number) {
  MemberId out;
  out.bytes = {static_cast<Byte>(number + 1), 2, 3, 4, 5, 6};
  return out;
}

/// A VP8 packet of one frame; every tenth second or so it would be a key frame, here only the first is.
Bytes picture(std::uint16_t id, bool key) {
  Bytes out(packet_size - 30, Byte{0x55});
  const Bytes head{0x90,
                   0x80,
                   static_cast<Byte>(0x80 | id >> 8),
                   static_cast<Byte>(id),
                   static_cast<Byte>(key ? 0x10 : 0x11),
                   2,
                   0,
                   0x9d,
                   0x01,
                   0x2a,
                   0x40,
                   0x01,
                   0xb4,
                   0x00};
  std::ranges::copy(head, out.begin());
  return out;
}

/// Seconds for one packet of the floor under everything: one opening, thirty sealings, thirty addresses.
double floor_cost(io::Datagrams& socket, std::span<const std::unique_ptr<Peer>> peers,
                  boost::asio::io_context& outside) {
  webrtc::SrtpKeys keys;
  webrtc::SrtpCipher seal(keys, 0, 2, webrtc::SrtpCipher::Direction::seal);
  webrtc::SrtpCipher open(keys, 0, 2, webrtc::SrtpCipher::Direction::open);
  Bytes clear(packet_size, Byte{1}), sealed(packet_size + 16), opened(packet_size);
  std::vector<Bytes> out(burst * subscribers, Bytes(packet_size + 16));
  std::vector<io::Departing> departing;
  std::uint64_t number = 0;
  double spent = 0;
  for (std::size_t round = 0; round < bursts; ++round) {
    auto before = cpu_seconds();
    departing.clear();
    for (std::size_t i = 0; i < burst; ++i) {
      (void)open.open(open.iv(1, ++number), ByteView(clear).first(12), sealed, opened.data());
      for (std::size_t j = 0; j < subscribers; ++j) {
        auto& packet = out[i * subscribers + j];
        seal.seal(seal.iv(1, ++number), ByteView(clear).first(12), ByteView(clear).subspan(12),
                  packet.data() + 12);
        departing.push_back(
            {peers[j + 1]->socket->local(), std::nullopt, ByteView(packet).first(packet_size + 4), 0});
      }
    }
    (void)socket.send_many(departing);
    spent += cpu_seconds() - before;
    outside.poll();
  }
  return spent / static_cast<double>(bursts * burst * subscribers);
}

}  // namespace

int main(int argc, char** argv) {
  crypto::init();
  bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  boost::asio::io_context inside{1}, outside{1};
  Node node(inside);
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::size_t i = 0; i <= subscribers; ++i) {
    peers.push_back(std::make_unique<Peer>(outside, node.identity, node.socket->local(), node.clock.time));
    for (int round = 0; round < 200 && node.sessions.size() <= i; ++round) {
      peers.back()->pump();
      inside.poll();
      outside.poll();
      node.clock.time += Duration(1'000);
      if (node.endpoint->deadline() <= node.clock.time) node.endpoint->advance(node.clock.time);
    }
    if (node.sessions.size() <= i) {
      std::fprintf(stderr, "page %zu did not connect\n", i);
      return 1;
    }
    (void)node.forwarder->add_page(node.sessions[i], member(i), peers[i]->claims, true, node.clock.time);
    const std::array lines{Watched{4, member(0), MediaKind::video, 180}};
    if (i > 0) node.forwarder->watch(node.sessions[i], lines, node.clock.time);
  }
  auto& publisher = *peers.front();
  std::uint16_t sequence = 1;
  double spent = 0;
  std::uint64_t sent_before = 0;
  for (std::size_t round = 0; round < bursts + 20; ++round) {
    for (std::size_t i = 0; i < burst; ++i, ++sequence) {
      webrtc::RtpExtensions extensions;
      extensions.mid = "1";
      extensions.rid = "q";
      extensions.transport_cc = sequence;
      bool key = round < 20 && i == 0;
      publisher.page->send_rtp({true, 96, sequence, sequence * 300u, 42}, extensions,
                               picture(sequence & 0x7fff, key));
    }
    publisher.pump();
    if (round == 20) {
      spent = 0;
      sent_before = node.forwarder->figures().to_pages;
      for (auto& peer : peers) peer->measuring = true;
    }
    node.clock.time += Duration(10'000);
    auto before = cpu_seconds();
    inside.poll();
    if (node.forwarder->deadline() <= node.clock.time) {
      node.forwarder->advance(node.clock.time);
      node.endpoint->flush();
    }
    spent += cpu_seconds() - before;
    outside.poll();
  }
  auto forwarded = node.forwarder->figures().to_pages - sent_before;
  if (forwarded < bursts * burst * subscribers * 9 / 10) {
    std::fprintf(stderr, "only %llu packets were forwarded\n", static_cast<unsigned long long>(forwarded));
    return 1;
  }
  auto cost = spent / static_cast<double>(forwarded) * 1e6;
  auto bare = floor_cost(*node.socket, peers, outside) * 1e6;
  std::size_t received = 0;
  for (auto& peer : peers) received += peer->received;
  if (json) {
    std::printf(
        "{\"forwarded\": %llu, \"us_per_forwarded\": %.3f, \"per_second_and_core\": %.0f, "
        "\"bare_us\": %.3f, \"ratio\": %.2f, \"received\": %zu}\n",
        static_cast<unsigned long long>(forwarded), cost, 1e6 / cost, bare, cost / bare, received);
  } else {
    std::printf(
        "figure forwarding 1200 bytes to %zu pages: %.2f us a packet (%.0f a second and core), bare AES-GCM "
        "and "
        "sendmmsg %.2f us, ratio %.2f\n",
        subscribers, cost, 1e6 / cost, bare, cost / bare);
  }
}
