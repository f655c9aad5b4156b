#include "transport/webrtc/endpoint.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/transport/webrtc/native_page.hpp"

namespace conclave::webrtc {
namespace {

using test::NativePage;

struct Heard final : Endpoint::Listener {
  std::vector<SessionId> opened_ids, connected_ids;
  std::vector<std::pair<SessionId, Error>> closed_ids;
  std::vector<Bytes> payloads;
  std::vector<RtpHeader> headers;
  std::vector<std::string> mids;
  std::vector<Rtcp> reports;
  std::vector<Sctp::Message> messages;
  bool admit = true;
  Endpoint* endpoint = nullptr;
  bool close_on_message = false;

  bool opened(SessionId session, const Claims&, const io::Endpoint&) override {
    opened_ids.push_back(session);
    return admit;
  }
  void connected(SessionId session) override { connected_ids.push_back(session); }
  void rtp(SessionId session, const RtpPacket& packet, TimePoint) override {
    headers.push_back(packet.header);
    payloads.push_back(copy(packet.payload));
    mids.emplace_back(packet.extensions(endpoint->claims(session)->extensions).mid);
  }
  void rtcp(SessionId, std::span<const Rtcp> more, TimePoint) override {
    reports.insert(reports.end(), more.begin(), more.end());
  }
  void message(SessionId session, const Sctp::Message& message) override {
    messages.push_back(message);
    if (close_on_message) endpoint->close(session);
  }
  void closed(SessionId session, Error why) override { closed_ids.emplace_back(session, why); }
};

/// An endpoint and pages, 10 ms apart, in virtual time.
struct World {
  SeededRandom random{1};
  EndpointIdentity identity = EndpointIdentity::make(random);
  Heard heard;
  std::unique_ptr<Endpoint> endpoint;
  std::vector<std::unique_ptr<NativePage>> pages;
  TimePoint now{std::chrono::hours(1)};
  io::IpAddress here = io::IpAddress::v4(192, 0, 2, 1);
  std::size_t carried = 0, from_wrong_address = 0;
  std::function<bool(std::size_t)> lost = [](std::size_t) { return false; };
  std::vector<std::pair<io::Endpoint, Bytes>> outgoing;

  explicit World(EndpointLimits limits = {}) {
    endpoint = *Endpoint::make(
        identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, heard,
        [this](std::span<const Outbox::Datagram> datagrams) {
          for (auto& datagram : datagrams) {
            from_wrong_address += datagram.from != here;
            outgoing.emplace_back(datagram.to, copy(datagram.bytes));
          }
        },
        random, limits);
    heard.endpoint = endpoint.get();
  }

  NativePage& add(Byte host, std::function<void(Claims&)> change = [](Claims&) {}) {
    auto certificate = Certificate::make();
    auto claims = test::chromium_claims(certificate.fingerprint());
    change(claims);
    pages.push_back(std::make_unique<NativePage>(identity, io::Endpoint{io::IpAddress::v4(198, 51, 100, host), 4000},
                                                 claims, certificate));
    return *pages.back();
  }
  void deliver(const io::Endpoint& from, ByteView bytes) {
    io::Packet packet{from, here, bytes};
    endpoint->receive({&packet, 1}, now);
  }
  bool exchange() {
    bool any = false;
    for (auto& page : pages) {
      for (auto& datagram : page->take()) {
        any = true;
        if (!lost(carried++)) deliver(page->address(), datagram);
      }
    }
    for (auto& [to, bytes] : std::exchange(outgoing, {})) {
      any = true;
      if (lost(carried++)) continue;
      for (auto& page : pages) {
        if (page->address() == to) page->receive(bytes, now);
      }
    }
    return any;
  }
  void run(Duration span) {
    for (auto end = now + span; now < end; now += std::chrono::milliseconds(10)) {
      while (exchange()) {
      }
      if (endpoint->deadline() <= now) endpoint->advance(now);
      for (auto& page : pages) page->advance(now);
    }
  }
  NativePage& connect(Byte host, std::function<void(Claims&)> change = [](Claims&) {}) {
    auto& page = add(host, std::move(change));
    page.check();
    run(std::chrono::milliseconds(500));
    return page;
  }
};

constexpr Duration second = std::chrono::seconds(1);

TEST(Endpoint, a_page_that_only_holds_a_link_connects_with_either_dtls_role) {
  for (bool client : {false, true}) {
    World world;
    auto& page = world.connect(1, [&](Claims& claims) { claims.page_is_dtls_client = client; });
    EXPECT_TRUE(page.connected());
    ASSERT_EQ(world.heard.connected_ids.size(), 1);
    EXPECT_TRUE(page.channel_open());
    EXPECT_EQ(world.from_wrong_address, 0) << "answers leave from the address that was asked";
    ASSERT_TRUE(page.send_message(0, view("hello"), true));
    world.run(second);
    ASSERT_EQ(world.heard.messages.size(), 1);
    EXPECT_EQ(text(world.heard.messages[0].bytes), "hello");
    ASSERT_TRUE(world.endpoint->send_message(world.heard.connected_ids[0], 0, view("back"), true));
    world.endpoint->flush();
    world.run(second);
    ASSERT_EQ(page.messages.size(), 1);
  }
}

TEST(Endpoint, media_and_feedback_pass_both_ways) {
  World world;
  auto& page = world.connect(1);
  auto id = world.heard.connected_ids.at(0);
  RtpExtensions extensions;
  extensions.mid = "1";
  for (std::uint16_t i = 0; i < 10; ++i) page.send_rtp({false, 96, i, 1, 42}, extensions, Bytes(900, Byte{3}));
  page.send_rtcp(PictureLoss{1, 2});
  world.run(second / 10);
  ASSERT_EQ(world.heard.payloads.size(), 10);
  EXPECT_EQ(world.heard.payloads[9], Bytes(900, Byte{3}));
  EXPECT_EQ(world.heard.mids[3], "1");
  ASSERT_EQ(world.heard.reports.size(), 1);
  EXPECT_EQ(world.heard.reports[0], Rtcp(PictureLoss{1, 2}));

  for (std::uint16_t i = 0; i < 10; ++i) {
    extensions.transport_cc = i;
    ASSERT_TRUE(world.endpoint->send_rtp(id, {true, 96, i, 9, 77}, extensions, Bytes{1, 2}, Bytes(800, Byte{5})));
  }
  const std::array<Rtcp, 2> compound{ReceiverReport{1, {}}, Nack{1, 42, {5, 6}}};
  ASSERT_TRUE(world.endpoint->send_rtcp(id, compound));
  world.endpoint->flush();
  world.run(second / 10);
  ASSERT_EQ(page.packets.size(), 10);
  auto packet = decode_rtp(page.packets[4]);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->header, (RtpHeader{true, 96, 4, 9, 77}));
  EXPECT_EQ(packet->payload.size(), 802);
  EXPECT_EQ(packet->payload[1], 2);
  EXPECT_EQ(packet->extensions(test::chromium_claims({}).extensions).transport_cc, 4);
  EXPECT_EQ(page.reports.size(), 2);
  EXPECT_EQ(page.undecryptable, 0);
}

TEST(Endpoint, another_certificate_than_the_page_claimed_does_not_get_in) {
  World world;
  auto& page = world.add(1, [](Claims& claims) { claims.page = Certificate::make().fingerprint(); });
  page.check();
  world.run(second);
  EXPECT_TRUE(world.heard.connected_ids.empty());
  ASSERT_EQ(world.heard.closed_ids.size(), 1);
  EXPECT_EQ(world.heard.closed_ids[0].second, Errc::bad_key);
  EXPECT_EQ(world.endpoint->sessions(), 0);
}

TEST(Endpoint, who_is_turned_away_leaves_nothing_behind) {
  World world;
  world.heard.admit = false;
  auto& page = world.connect(1);
  EXPECT_EQ(page.answers, 0);
  EXPECT_EQ(world.endpoint->sessions(), 0);
  EXPECT_EQ(world.endpoint->counters().refused, 1);
}

TEST(Endpoint, a_silent_page_is_forgotten_after_its_consent_and_a_polite_one_at_once) {
  World world;
  auto& silent = world.connect(1);
  auto& polite = world.connect(2);
  ASSERT_TRUE(silent.connected() && polite.connected());
  for (int i = 0; i < 20; ++i) {
    polite.check(false);
    world.run(second);
  }
  ASSERT_EQ(world.heard.closed_ids.size(), 1);
  EXPECT_EQ(world.heard.closed_ids[0].second, Errc::timed_out);
  EXPECT_EQ(world.endpoint->sessions(), 1);
  world.heard.close_on_message = true;
  ASSERT_TRUE(polite.send_message(0, view("bye"), true));
  world.run(second);
  ASSERT_EQ(world.heard.closed_ids.size(), 2);
  EXPECT_FALSE(world.heard.closed_ids[1].second);
  EXPECT_EQ(world.endpoint->sessions(), 0);
  EXPECT_TRUE(polite.over());
  EXPECT_EQ(world.endpoint->deadline(), TimePoint::max());
}

TEST(Endpoint, an_address_gets_at_most_three_times_what_it_sent_until_it_has_answered) {
  World world;
  auto& page = world.add(1);
  page.check();
  auto check = page.take().at(0);
  std::size_t sent = 0, received = 0;
  // The victim never answers; the attacker repeats checks in its name.
  for (int i = 0; i < 200; ++i) {
    if (i % 40 == 0) {
      world.deliver(page.address(), check);
      sent += check.size();
    }
    world.now += std::chrono::milliseconds(100);
    world.endpoint->advance(world.now);
    for (auto& [to, bytes] : std::exchange(world.outgoing, {})) received += bytes.size();
    EXPECT_LE(received, 3 * sent);
  }
  EXPECT_GT(received, 0u);
  std::printf("figure amplification towards an address that never answers: %.2f\n",
              static_cast<double>(received) / static_cast<double>(sent));
}

TEST(Endpoint, a_page_moves_to_the_address_it_nominates) {
  World world;
  auto& page = world.connect(1);
  auto id = world.heard.connected_ids.at(0);
  io::Endpoint moved{io::IpAddress::v4(203, 0, 113, 9), 5000};
  page.check();
  auto check = page.take().at(0);
  world.deliver(moved, check);
  world.outgoing.clear();
  ASSERT_TRUE(world.endpoint->send_rtp(id, {}, {}, {}, Bytes(100)));
  world.endpoint->flush();
  ASSERT_EQ(world.outgoing.size(), 1);
  EXPECT_EQ(world.outgoing[0].first, moved);
  EXPECT_EQ(world.heard.opened_ids.size(), 1);
}

TEST(Endpoint, its_limits_hold) {
  EndpointLimits limits;
  limits.sessions_max = 10;
  limits.handshaking_max = 4;
  World world(limits);
  for (Byte host = 0; host < 20; ++host) world.add(host).check();
  for (auto& page : world.pages) {
    for (auto& datagram : page->take()) world.deliver(page->address(), datagram);
  }
  EXPECT_EQ(world.endpoint->sessions(), 4);
  world.run(second);
  for (int round = 0; round < 5; ++round) {
    for (auto& page : world.pages) page->check();
    world.run(second);
  }
  EXPECT_EQ(world.endpoint->sessions(), 10);
  EXPECT_GT(world.endpoint->counters().refused, 0);
}

RC_GTEST_PROP(Endpoint, pages_connect_at_ten_percent_loss, ()) {
  World world;
  SeededRandom dice(*rc::gen::arbitrary<std::uint64_t>());
  world.lost = [&](std::size_t) { return dice.below(10) == 0; };
  auto& page = world.add(1);
  for (int i = 0; i < 20 && world.heard.connected_ids.empty(); ++i) {
    page.check();
    world.run(second);
  }
  RC_ASSERT(world.heard.connected_ids.size() == 1u);
}

RC_GTEST_PROP(Endpoint, noise_from_a_connected_address_is_survived, (std::vector<Bytes> noise)) {
  World world;
  auto& page = world.connect(1);
  for (auto& bytes : noise) world.deliver(page.address(), bytes);
  world.run(second);
  RC_ASSERT(page.connected());
  RtpExtensions extensions;
  page.send_rtp({false, 96, 1, 1, 42}, extensions, Bytes(10));
  world.run(second / 10);
  RC_ASSERT(world.heard.payloads.size() == 1u);
}

RC_GTEST_PROP(Claims, read_as_they_were_written_and_fit_a_ufrag, ()) {
  auto claims = test::chromium_claims({});
  claims.page_is_dtls_client = *rc::gen::arbitrary<bool>();
  claims.proof = *rc::gen::container<Bytes>(*rc::gen::inRange<std::size_t>(0, Claims::proof_max + 1), rc::gen::arbitrary<Byte>());
  auto bytes = encode(claims);
  RC_ASSERT(decode_claims(bytes).value() == claims);
  RC_ASSERT(bytes.size() + 48 <= Claims::sealed_max);
  RC_ASSERT(from_ice_chars(to_ice_chars(bytes)).value() == bytes);
  RC_ASSERT(to_ice_chars(Bytes(Claims::sealed_max)).size() <= 255u);
  auto noise = *rc::gen::arbitrary<Bytes>();
  (void)decode_claims(noise);
  (void)from_ice_chars(text(noise));
}

}  // namespace
}  // namespace conclave::webrtc
