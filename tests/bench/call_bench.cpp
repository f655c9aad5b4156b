/// What two nodes add to a frame, and what a file between the same two nodes adds to that: a page publishes 1.5 Mbit/s of
/// video at 30 frames/s at one node; a page at the same node and a page at the other node receive it, over real sockets on
/// loopback, SRTP to the pages, a media link between the nodes under keys of their nQUIC connection. A frame's time runs
/// from before its first packet leaves the publisher until its last packet has been opened at the receiving page. Then
/// the same with a stream of that nQUIC connection at full speed in the same direction. Each node with its pages is one
/// thread, as in the program.
///     bench_call [--json] [--seconds N]      of each half, 30
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "crypto/keys.hpp"
#include "node/calls/forwarder.hpp"
#include "tests/transport/webrtc/native_page.hpp"
#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/quic/endpoint.hpp"
#include "transport/webrtc/attachment.hpp"
#include "transport/webrtc/transport_cc.hpp"

namespace {

using namespace conclave;
using namespace conclave::calls;
namespace asio = boost::asio;
using webrtc::test::NativePage;

constexpr Duration frame_span{33'333}, feedback_span{50'000}, key_span{5'000'000};
constexpr std::size_t packet_payload = 1000, frame_packets = 6;
constexpr std::uint16_t slot_mid = 4;
const LinkId the_link{1};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

MemberId member(Byte number) {
  MemberId out;
  out.bytes = {number, 2, 3, 4, 5, 6};
  return out;
}

/// A packet of a VP8 frame that carries the frame's number.
Bytes picture(std::uint32_t frame, bool start, bool key) {
  Bytes out(packet_payload, Byte{0x55});
  const Bytes head{static_cast<Byte>(start ? 0x90 : 0x80), 0x80, static_cast<Byte>(0x80 | (frame >> 8 & 0x7f)),
                   static_cast<Byte>(frame), static_cast<Byte>(key ? 0x10 : 0x11),
                   2, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02};
  std::ranges::copy(head, out.begin());
  std::memcpy(out.data() + 20, &frame, sizeof frame);
  return out;
}

/// A page with a socket of its own, on its node's thread.
struct Page {
  Page(asio::io_context& context, const webrtc::EndpointIdentity& identity, const io::Endpoint& the_node, io::Clock& the_clock)
      : node(the_node), clock(the_clock) {
    socket = *io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"));
    auto certificate = webrtc::Certificate::make();
    claims = webrtc::test::chromium_claims(certificate.fingerprint());
    claims.data_channel = false;
    page = std::make_unique<NativePage>(identity, socket->local(), claims, certificate);
    socket->on_receive([this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) page->receive(packet.bytes, clock.now());
      look();
      pump();
    });
    page->check();
    pump();
  }
  void pump() {
    for (auto& datagram : page->take()) socket->send(node, datagram);
  }
  /// Notes which frames have come whole.
  void look() {
    for (auto& bytes : std::exchange(page->packets, {})) {
      auto packet = webrtc::decode_rtp(bytes);
      if (!packet) continue;
      auto extensions = packet->extensions(claims.extensions);
      if (extensions.transport_cc) arrivals.hear(*extensions.transport_cc, clock.now());
      if (packet->header.payload_type != claims.payload_types.vp8 || packet->payload.size() < 24) continue;
      std::uint32_t frame;
      std::memcpy(&frame, packet->payload.data() + 20, sizeof frame);
      ++seen[frame];
      if (seen[frame] == frame_packets) came[frame] = now_ms();
    }
    page->reports.clear();
  }
  void feed_back() {
    for (auto& feedback : arrivals.feedback(clock.now(), 9, 0x10000 + 2 * slot_mid)) page->send_rtcp(feedback);
    // Consent goes on, or the node lets go of us.
    if (++rounds % 40 == 0) page->check();
    pump();
    clock.at(clock.now() + feedback_span, [this] { feed_back(); });
  }

  io::Endpoint node;
  io::Clock& clock;
  std::unique_ptr<io::Udp> socket;
  webrtc::Claims claims;
  std::unique_ptr<NativePage> page;
  webrtc::TransportCcReceiver arrivals;
  std::map<std::uint32_t, std::size_t> seen;
  std::map<std::uint32_t, double> came;
  int rounds = 0;
};

/// A node's packet plane on its one socket, beside its nQUIC.
struct Node final : webrtc::Endpoint::Listener, Forwarder::Outputs {
  Node() {
    random.fill(seed.span());
    keys = std::make_unique<NodeKeys>(NodeKeys::generate(random));
    socket = *io::Udp::open(context.get_executor(), *io::Endpoint::parse("127.0.0.1:0"));
    demux = std::make_unique<io::Demux>(*socket);
    identity = webrtc::EndpointIdentity::make(random);
    endpoint = *webrtc::Endpoint::make(
        identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, *this, webrtc::Attachment::sink(*socket),
        random);
    attachment = std::make_unique<webrtc::Attachment>(*demux, clock, *endpoint);
    forwarder = std::make_unique<Forwarder>(*this, *endpoint, clock, random);
    quic = std::make_unique<quic::Endpoint>(context.get_executor(), clock, demux->channel(io::Demux::Kind::quic), *keys, random);
    demux->on(io::Demux::Kind::media, [this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) {
        Bytes bytes = copy(packet.bytes);
        (void)forwarder->on_link_datagram(the_link, bytes, clock.now());
      }
      settle();
    });
  }
  Page& add_page(Byte number) {
    pages.push_back(std::make_unique<Page>(context, identity, at(), clock));
    auto before = sessions.size();
    for (int i = 0; i < 5000 && sessions.size() == before; ++i) {
      context.restart();
      context.run_for(std::chrono::milliseconds(1));
    }
    if (sessions.size() == before) {
      std::fprintf(stderr, "a page did not connect\n");
      std::exit(1);
    }
    (void)forwarder->add_page(sessions.back(), member(number), pages.back()->claims, true, clock.now());
    return *pages.back();
  }
  io::Endpoint at() const { return {io::IpAddress::v4(127, 0, 0, 1), socket->local_port()}; }

  /// As calls::Host does after everything that happens.
  void settle() {
    if (forwarder->deadline() <= clock.now()) forwarder->advance(clock.now());
    attachment->poke();
    auto when = std::max(forwarder->deadline(), clock.now() + Duration(1'000));
    if (alarm && when >= armed) return;
    if (alarm) clock.cancel(*alarm);
    armed = when;
    alarm = clock.at(when, [this] {
      alarm.reset();
      settle();
    });
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
  void to_link(LinkId, ByteView bytes) override { socket->send(peer, bytes); }
  void slots_changed(webrtc::SessionId, std::span<const SlotAssigned>) override {}
  void speakers(std::span<const MemberId>) override {}
  void quality(webrtc::SessionId, const Quality&) override {}
  void published(std::vector<Published>) override {}
  void wanted(const std::set<std::uint32_t>&) override {}
  void ask_key_frame(std::uint32_t) override {}
  void heard(LinkId, TimePoint) override {}
  void packet(TreeId, std::uint32_t, LinkId, TimePoint) override {}

  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  SystemRandom random;
  Secret<32> seed;
  std::unique_ptr<NodeKeys> keys;
  std::unique_ptr<io::Udp> socket;
  std::unique_ptr<io::Demux> demux;
  webrtc::EndpointIdentity identity;
  std::unique_ptr<webrtc::Endpoint> endpoint;
  std::unique_ptr<webrtc::Attachment> attachment;
  std::unique_ptr<Forwarder> forwarder;
  std::unique_ptr<quic::Endpoint> quic;
  std::vector<webrtc::SessionId> sessions;
  std::vector<std::unique_ptr<Page>> pages;
  io::Endpoint peer;
  std::optional<io::Clock::Alarm> alarm;
  TimePoint armed = TimePoint::max();
};

struct Film {
  Film(Node& the_node, Page& the_page) : node(the_node), page(the_page) {}
  void play() {
    auto now = node.clock.now();
    bool key = now - key_at >= key_span;
    if (key) key_at = now;
    left[frame] = now_ms();
    for (std::size_t i = 0; i < frame_packets; ++i) {
      webrtc::RtpExtensions extensions;
      extensions.mid = "1";
      extensions.rid = "q";
      extensions.transport_cc = sequence;
      page.page->send_rtp({i + 1 == frame_packets, 96, sequence++, frame * 3000u, 42}, extensions,
                          picture(frame, i == 0, key));
    }
    page.pump();
    ++frame;
    next += frame_span;
    node.clock.at(next, [this] { play(); });
  }
  Node& node;
  Page& page;
  TimePoint next{}, key_at{};
  std::uint32_t frame = 1;
  std::uint16_t sequence = 1;
  std::map<std::uint32_t, double> left;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

struct Half {
  std::vector<double> near, far, added;  ///< milliseconds
  std::size_t lost = 0;
};
Half judge(const Film& film, const Page& near, const Page& far, std::uint32_t from, std::uint32_t to) {
  Half out;
  for (auto frame = from; frame < to; ++frame) {
    auto here = near.came.find(frame), there = far.came.find(frame);
    auto left = film.left.at(frame);
    if (here != near.came.end()) out.near.push_back(here->second - left);
    if (there == far.came.end()) {
      ++out.lost;
      continue;
    }
    out.far.push_back(there->second - left);
    if (here != near.came.end()) out.added.push_back(there->second - here->second);
  }
  return out;
}

std::atomic<bool> bulk_on{false};
std::atomic<std::uint64_t> bulk_bytes{0};

asio::awaitable<void> send_file(std::shared_ptr<io::Connection> connection) {
  auto stream = co_await connection->open("/bench/1");
  const Bytes block(256 << 10, Byte{0x5a});
  while (bulk_on && co_await (*stream)->write_all(block)) {
  }
}
asio::awaitable<void> take_file(std::shared_ptr<io::Connection> connection) {
  auto next = co_await connection->accept();
  Bytes buffer(256 << 10);
  while (auto size = co_await next->stream->read_some(buffer)) {
    if (*size == 0) break;
    bulk_bytes += *size;
  }
}

}  // namespace

int main(int argc, char** argv) {
  crypto::init();
  bool json = false;
  double seconds = 30;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) json = true;
    else if (std::strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) seconds = std::atof(argv[++i]);
  }
  Node first, second;
  auto& speaker = first.add_page(1);
  auto& near = first.add_page(2);
  auto& far = second.add_page(3);

  // The nodes' connection, and the media link under its keys.
  std::shared_ptr<io::Connection> out, in;
  second.quic->on_accept([&](std::shared_ptr<io::Connection> connection) { in = std::move(connection); });
  asio::co_spawn(
      first.context,
      [](Node& from, Node& to, std::shared_ptr<io::Connection>& into) -> asio::awaitable<void> {
        auto connection = co_await from.quic->dial(to.at(), to.keys->public_key(), from.clock.now() + Duration(5'000'000));
        if (connection) into = *connection;
      }(first, second, out),
      asio::detached);
  for (int i = 0; i < 5000 && !(out && in); ++i) {
    for (auto* node : {&first, &second}) {
      node->context.restart();
      node->context.run_for(std::chrono::milliseconds(1));
    }
  }
  if (!out || !in) {
    std::fprintf(stderr, "the nodes did not connect\n");
    return 1;
  }
  first.peer = second.at();
  second.peer = first.at();
  auto link = [](Node& node, io::Connection& connection) {
    MediaKeys keys{crypto::AeadAlgorithm::aes_256_gcm, *connection.export_secret("conclave/media/1"), connection.dialled_by_us()};
    (void)node.forwarder->add_link(the_link, the_link.raw(), keys, node.clock.now());
  };
  link(first, *out);
  link(second, *in);
  const auto stream = stream_number(member(1), MediaKind::video, 0);
  const Published published{member(1), MediaKind::video, 0, stream, 1280, 720, 1'500'000, 127};
  second.forwarder->set_elsewhere(std::array{published}, second.clock.now());
  first.forwarder->set_children({stream, 0}, 1, std::array{the_link});
  const std::array lines{Watched{slot_mid, member(1), MediaKind::video, 720}};
  first.forwarder->watch(first.sessions.back(), lines, first.clock.now());
  second.forwarder->watch(second.sessions.back(), lines, second.clock.now());

  Film film(first, speaker);
  film.next = first.clock.now() + frame_span;
  first.clock.at(film.next, [&] { film.play(); });
  for (auto* page : {&speaker, &near, &far}) page->feed_back();
  first.settle();
  second.settle();
  for (auto* node : {&first, &second}) node->context.restart();
  auto keep_first = asio::make_work_guard(first.context), keep_second = asio::make_work_guard(second.context);
  std::thread one([&] { first.context.run(); }), two([&] { second.context.run(); });
  auto rest = [](double span) { std::this_thread::sleep_for(std::chrono::duration<double>(span)); };
  auto frame_now = [&] {
    std::atomic<std::uint32_t> frame{0};
    asio::post(first.context, [&] { frame = film.frame; });
    while (frame == 0) rest(0.001);
    return frame.load();
  };
  rest(3);  // until the estimates are found
  auto alone_from = frame_now();
  rest(seconds);
  auto alone_to = frame_now();
  bulk_on = true;
  asio::co_spawn(second.context, take_file(in), asio::detached);
  asio::co_spawn(first.context, send_file(out), asio::detached);
  rest(1);
  auto beside_from = frame_now();
  auto bytes_before = bulk_bytes.load();
  rest(seconds);
  auto beside_to = frame_now();
  auto speed = static_cast<double>(bulk_bytes - bytes_before) / seconds / 1e9;
  bulk_on = false;
  rest(0.5);
  first.context.stop();
  second.context.stop();
  one.join();
  two.join();

  auto alone = judge(film, near, far, alone_from, alone_to), beside = judge(film, near, far, beside_from, beside_to);
  auto gained = percentile(beside.far, 0.99) - percentile(alone.far, 0.99);
  if (json) {
    std::printf("{\"frames\": %zu, \"one_node_p50_ms\": %.3f, \"one_node_p99_ms\": %.3f, \"two_nodes_p50_ms\": %.3f, "
                "\"two_nodes_p99_ms\": %.3f, \"second_node_adds_p99_ms\": %.3f, \"file_gb_per_s\": %.3f, "
                "\"beside_file_p50_ms\": %.3f, \"beside_file_p99_ms\": %.3f, \"gained_p99_ms\": %.3f, \"lost\": %zu, "
                "\"lost_beside_file\": %zu}\n",
                alone.far.size(), percentile(alone.near, 0.5), percentile(alone.near, 0.99), percentile(alone.far, 0.5),
                percentile(alone.far, 0.99), percentile(alone.added, 0.99), speed, percentile(beside.far, 0.5),
                percentile(beside.far, 0.99), gained, alone.lost, beside.lost);
  } else {
    std::printf("figure a frame of 6 packets, %zu of them: through one node p50 %.2f p99 %.2f ms, through two p50 %.2f p99 %.2f ms; "
                "the second adds p99 %.2f ms; %zu lost\n",
                alone.far.size(), percentile(alone.near, 0.5), percentile(alone.near, 0.99), percentile(alone.far, 0.5),
                percentile(alone.far, 0.99), percentile(alone.added, 0.99), alone.lost);
    std::printf("figure the same beside a file at %.2f GB/s: through two nodes p50 %.2f p99 %.2f ms, gained p99 %.2f ms; %zu of %zu lost\n",
                speed, percentile(beside.far, 0.5), percentile(beside.far, 0.99), gained, beside.lost,
                beside.far.size() + beside.lost);
  }
  return alone.lost * 100 > alone.far.size() ? 1 : 0;
}
