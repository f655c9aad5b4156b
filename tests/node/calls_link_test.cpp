// The media link over a bad network, in virtual time: what is heard of the audio.
#include "node/calls/media_link.hpp"

#include <gtest/gtest.h>

#include "simulations/network.hpp"
#include "tests/node/calls_room.hpp"

namespace conclave::calls {
namespace {

const io::Endpoint here{io::IpAddress::v4(192, 0, 2, 1), 4000}, there{io::IpAddress::v4(192, 0, 2, 2), 4000};
constexpr Duration second{1'000'000};
const StreamName audio_name{{}, MediaKind::audio, 0}, video_name{{}, MediaKind::video, 1};

/// One end: a link, what it sends kept in feeds, what it gets kept in others.
struct End final : MediaLink::Owner {
  End(sim::World& the_world, std::unique_ptr<io::Datagrams> the_socket, io::Endpoint to, bool initiator)
      : world(the_world), socket(std::move(the_socket)), peer(to) {
    MediaKeys keys;
    SeededRandom(5).fill(keys.secret.span());
    keys.initiator = initiator;
    link = std::make_unique<MediaLink>(LinkId(1), 1, keys, *this, webrtc::BandwidthLimits{1e6, 1e5, 2e8}, world.now());
    socket->on_receive([this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) {
        Bytes bytes = copy(packet.bytes);
        EXPECT_TRUE(link->receive(bytes, world.now()));
      }
    });
  }
  void datagram(LinkId, ByteView bytes) override { socket->send(peer, bytes); }
  std::optional<MediaUnit> stored(std::uint32_t stream, std::uint32_t sequence, TimePoint now) override {
    return (stream == audio_name.number() ? audio : video).find(sequence, now);
  }
  void unit(LinkId, const MediaUnit& unit, bool, TimePoint now) override {
    auto& feed = unit.stream == audio_name.number() ? audio : video;
    if (!feed.keep(unit, now)) return;
    if (&feed == &audio) ++heard;
    else delays.push_back({now, now - TimePoint{Duration(unit.timestamp)}, unit.payload.size()});
  }
  void asked(LinkId, std::uint32_t, Byte part, std::span<const std::uint32_t> sequences, TimePoint now) override {
    for (auto sequence : sequences) {
      if (auto unit = video.find(sequence, now)) link->send(*unit, part, true, now);
    }
  }
  void clock(LinkId, std::uint32_t, const webrtc::ReceiveStream::Mapping&) override {}

  void send(Feed& feed, std::size_t size, Byte temporal, std::uint32_t& sequence) {
    const Bytes payload(size, Byte{7});
    MediaUnit unit{feed.number(), 0, sequence++, static_cast<std::uint32_t>(world.now().time_since_epoch().count()),
                   static_cast<Byte>(temporal << 6 | 3), 20, payload};
    feed.keep(unit, world.now());
    link->send(unit, 0, false, world.now());
  }

  struct Arrival {
    TimePoint at;
    Duration delay;
    std::size_t size;
  };
  sim::World& world;
  std::unique_ptr<io::Datagrams> socket;
  io::Endpoint peer;
  Feed audio{audio_name, false, 0}, video{video_name, false, 0};
  std::unique_ptr<MediaLink> link;
  std::size_t heard = 0;
  std::vector<Arrival> delays;
};

struct Pair {
  sim::World world;
  sim::Network network;
  std::unique_ptr<End> from, to;
  std::uint32_t audio_sequence = 100, video_sequence = 100;
  std::size_t spoken = 0;
  TimePoint audio_at{}, video_at{};

  explicit Pair(const sim::Conditions& conditions) : network(world, 11, conditions) {
    from = std::make_unique<End>(world, network.open(here), there, true);
    to = std::make_unique<End>(world, network.open(there), here, false);
  }
  void run(Duration span, std::size_t video_bps) {
    for (auto end = world.now() + span; world.now() < end;) {
      auto now = world.now();
      if (now >= audio_at) {
        audio_at = now + Duration(20'000);
        from->send(from->audio, 80, 0, audio_sequence);
        ++spoken;
      }
      if (video_bps > 0 && now >= video_at) {
        video_at = now + Duration(33'333);
        auto left = video_bps / 8 / 30;
        auto temporal = static_cast<Byte>(video_sequence % 2 == 0 ? 0 : 2);
        for (; left > 0; left -= std::min<std::size_t>(left, 1000))
          from->send(from->video, std::min<std::size_t>(left, 1000), temporal, video_sequence);
      }
      for (auto* end_of : {from.get(), to.get()}) {
        for (auto& gap : end_of->video.gaps(now, [&](LinkId) { return end_of->link->rtt(); }))
          end_of->link->ask(video_name.number(), gap.part, gap.sequences, now);
        if (end_of->link->deadline() <= now) end_of->link->advance(now);
      }
      test::pass(world, Duration(1'000));
    }
  }
  double concealed() const {
    return 1 - static_cast<double>(to->heard) / static_cast<double>(spoken);
  }
};

sim::Conditions lossy(double loss, Duration rtt) {
  sim::Conditions out;
  out.rtt_median = rtt;
  out.rtt_sigma = 0;
  out.loss = loss;
  return out;
}

TEST(MediaLink, a_tenth_lost_at_80_ms_conceals_at_most_a_hundredth_of_the_audio) {
  Pair pair(lossy(0.1, Duration(80'000)));
  pair.run(60 * second, 0);
  std::printf("figure audio concealed at 10 %% loss, 80 ms: %.2f %%\n", 100 * pair.concealed());
  EXPECT_LE(pair.concealed(), 0.01);
}

TEST(MediaLink, a_twentieth_lost_at_200_ms_conceals_at_most_a_hundredth_of_the_audio) {
  Pair pair(lossy(0.05, Duration(200'000)));
  pair.run(60 * second, 0);
  std::printf("figure audio concealed at 5 %% loss, 200 ms: %.2f %%\n", 100 * pair.concealed());
  EXPECT_LE(pair.concealed(), 0.01);
}

}  // namespace
}  // namespace conclave::calls
