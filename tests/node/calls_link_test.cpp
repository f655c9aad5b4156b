// The media link over a bad network, in virtual time: what is heard of the audio.
#include "node/calls/media_link.hpp"

#include <gtest/gtest.h>

#include "simulations/network.hpp"
#include "tests/node/calls_room.hpp"
#include "transport/webrtc/big_endian.hpp"

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
        auto at = from ? from->left.find(number_of(bytes)) : left.end();
        if (from && at != from->left.end()) longest = std::max(longest, world.now() - at->second);
        EXPECT_TRUE(link->receive(bytes, world.now()));
      }
    });
  }
  void datagram(LinkId, ByteView bytes) override {
    left[number_of(bytes)] = world.now();
    socket->send(peer, bytes);
  }
  /// The low bits of a datagram's packet number, which nobody seals.
  static std::uint32_t number_of(ByteView bytes) { return webrtc::be32(bytes.data() + 4); }
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
  End* from = nullptr;                      ///< whose datagrams are timed
  std::map<std::uint32_t, TimePoint> left;  ///< by packet number
  Duration longest{};                       ///< way of a datagram, since it was last looked at
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
    to->from = from.get();
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

TEST(MediaLink, a_tenth_lost_at_200_ms_costs_a_lost_picture_one_round_trip_and_hardly_ever_two) {
  Pair pair(lossy(0.1, Duration(200'000)));
  pair.run(5 * second, 250'000);
  pair.to->delays.clear();
  pair.run(300 * second, 250'000);
  auto& delays = pair.to->delays;
  std::ranges::sort(delays, {}, &End::Arrival::delay);
  auto at = [&](double share) {
    auto& found = delays[static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1))];
    return std::chrono::duration<double, std::milli>(found.delay).count();
  };
  std::printf("figure media link, pictures at 10 %% loss, 200 ms: %zu packets, way p50 %.0f ms, p99 %.0f, p99.9 %.0f, all %.0f\n",
              delays.size(), at(0.5), at(0.99), at(0.999), at(1));
  EXPECT_LE(at(0.999), 400) << "noticed with the next picture, asked for, sent again";
}

TEST(MediaLink, a_drop_to_a_third_leaves_no_queue_after_a_second_and_the_rate_is_back_in_ten) {
  auto conditions = lossy(0, Duration(80'000));
  conditions.queue_max = Duration(500'000);
  conditions.bytes_per_second = 375'000;
  Pair pair(conditions);
  constexpr std::size_t offered = 2'000'000;
  pair.run(15 * second, offered);
  auto rate = [&](Duration span) {
    pair.to->delays.clear();
    pair.run(span, offered);
    double bytes = 0;
    for (auto& arrival : pair.to->delays) bytes += static_cast<double>(arrival.size);
    return bytes * 8 / std::chrono::duration<double>(span).count();
  };
  auto before = rate(5 * second);
  auto narrow = conditions;
  narrow.bytes_per_second = 125'000;
  pair.network.set_path(here.ip, there.ip, narrow);
  pair.run(second, offered);
  // From now on: what leaves now waits as long as the queue is now, what arrives now as long as it was.
  pair.from->left.clear();
  pair.to->longest = {};
  pair.run(14 * second, offered);
  auto queue = pair.to->longest - conditions.rtt_median / 2;
  pair.network.set_path(here.ip, there.ip, conditions);
  double back = 0;
  int seconds = 0;
  for (; seconds < 20 && back < 0.9 * before; ++seconds) back = rate(second);
  std::printf("figure media link, 3 to 1 Mbit/s: queue at most %.0f ms from 1 s after the drop on; back to 3 Mbit/s: %.2f of %.2f Mbit/s "
              "after %d s\n",
              std::chrono::duration<double, std::milli>(queue).count(), back / 1e6, before / 1e6, seconds);
  EXPECT_GT(before, 1.9e6);
  EXPECT_LE(queue, Duration(100'000));
  EXPECT_LE(seconds, 10);
}

}  // namespace
}  // namespace conclave::calls
