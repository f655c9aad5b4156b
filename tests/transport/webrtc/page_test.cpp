#include "transport/webrtc/page.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/transport/webrtc/virtual_wall.hpp"
#include "transport/webrtc/endpoint.hpp"

namespace conclave::webrtc {
namespace {

constexpr Duration second = std::chrono::seconds(1);

struct NodeSide final : Endpoint::Listener {
  Endpoint* endpoint = nullptr;
  std::vector<SessionId> connected_ids, closed_ids;
  std::vector<Bytes> payloads;
  std::vector<std::string> mids, messages;
  std::vector<Rtcp> reports;
  bool opened(SessionId, const Claims&, const io::Endpoint&) override { return true; }
  void connected(SessionId session) override { connected_ids.push_back(session); }
  void rtp(SessionId session, const RtpPacket& packet, TimePoint) override {
    payloads.push_back(copy(packet.payload));
    mids.emplace_back(packet.extensions(endpoint->claims(session)->extensions).mid);
  }
  void rtcp(SessionId, std::span<const Rtcp> more, TimePoint) override {
    reports.insert(reports.end(), more.begin(), more.end());
  }
  void message(SessionId, const Sctp::Message& message) override { messages.emplace_back(text(message.bytes)); }
  void closed(SessionId session, Error) override { closed_ids.push_back(session); }
};

struct PageSide final : Page::Listener {
  int connects = 0;
  std::vector<Bytes> payloads;
  std::vector<Rtcp> reports;
  std::vector<std::string> messages;
  std::optional<Error> over;
  void connected() override { ++connects; }
  void rtp(const RtpPacket& packet, TimePoint) override { payloads.push_back(copy(packet.payload)); }
  void rtcp(std::span<const Rtcp> more, TimePoint) override { reports.insert(reports.end(), more.begin(), more.end()); }
  void message(const Sctp::Message& message) override { messages.emplace_back(text(message.bytes)); }
  void closed(Error why) override { over = why; }
};

/// A page and an endpoint, 10 ms apart, in virtual time.
struct Pair {
  SeededRandom random{7};
  EndpointIdentity identity = EndpointIdentity::make(random);
  NodeSide node;
  PageSide page_side;
  TimePoint now{std::chrono::hours(1)};
  io::IpAddress here = io::IpAddress::v4(192, 0, 2, 1);
  io::Endpoint home{io::IpAddress::v4(198, 51, 100, 1), 4000};
  std::unique_ptr<Endpoint> endpoint;
  std::unique_ptr<DtlsContext> context;
  std::unique_ptr<Page> page;
  Duration delay{0};  ///< each way, on top of a step
  std::vector<std::pair<TimePoint, Bytes>> to_node, to_page;
  std::function<bool()> lost = [] { return false; };

  explicit Pair(bool page_is_client = false, std::function<void(PageConfig&)> change = [](PageConfig&) {}) {
    test::virtual_wall = now;
    endpoint = *Endpoint::make(
        identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, node,
        [this](std::span<const Outbox::Datagram> datagrams) {
          for (auto& datagram : datagrams) to_page.emplace_back(now, copy(datagram.bytes));
        },
        random);
    node.endpoint = endpoint.get();
    auto certificate = Certificate::make();
    context = *DtlsContext::make(certificate);
    Claims claims;
    claims.page = certificate.fingerprint();
    claims.page_is_dtls_client = page_is_client;
    claims.payload_types = {111, 96, 97, 0, 0};
    claims.extensions = {4, 10, 11, 1, 2, 3};
    PageConfig config{identity.ice_pwd, identity.certificate.fingerprint(), to_ice_chars(encode(claims)), claims};
    change(config);
    page = std::make_unique<Page>(std::move(config), *context, page_side,
                                  [this](ByteView bytes) { to_node.emplace_back(now, copy(bytes)); }, random, now);
  }
  ~Pair() { test::virtual_wall.reset(); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void run(Duration span) {
    for (auto end = now + span; now < end; now += std::chrono::milliseconds(10)) {
      test::virtual_wall = now;
      for (auto& [at, bytes] : std::exchange(to_node, {})) {
        io::Packet packet{home, here, bytes};
        if (now - at < delay) to_node.emplace_back(at, std::move(bytes));
        else if (!lost()) endpoint->receive({&packet, 1}, now);
      }
      for (auto& [at, bytes] : std::exchange(to_page, {})) {
        if (now - at < delay) to_page.emplace_back(at, std::move(bytes));
        else if (!lost()) page->receive(bytes, now);
      }
      if (page->deadline() <= now) page->advance(now);
      if (endpoint->deadline() <= now) endpoint->advance(now);
    }
  }
};

TEST(Page, connects_with_either_dtls_role_and_carries_messages_and_media_both_ways) {
  for (bool client : {false, true}) {
    Pair pair(client);
    pair.run(second);
    ASSERT_EQ(pair.page_side.connects, 1);
    ASSERT_EQ(pair.node.connected_ids.size(), 1u);
    auto id = pair.node.connected_ids[0];

    RtpExtensions extensions;
    extensions.mid = "1";
    EXPECT_TRUE(pair.page->send_rtp({true, 96, 5, 6, 7}, extensions, {}, Bytes(900, 1)));
    EXPECT_TRUE(pair.page->send_rtcp(std::vector<Rtcp>{PictureLoss{1, 2}}));
    EXPECT_TRUE(pair.page->send_message("to the node"));
    EXPECT_TRUE(pair.endpoint->send_rtp(id, {true, 96, 5, 6, 8}, {}, {}, Bytes(800, 2)));
    EXPECT_TRUE(pair.endpoint->send_rtcp(id, std::vector<Rtcp>{PictureLoss{3, 4}}));
    EXPECT_TRUE(pair.endpoint->send_message(id, 0, view("to the page"), true));
    pair.endpoint->flush();
    pair.run(second);
    EXPECT_EQ(pair.node.payloads, std::vector<Bytes>{Bytes(900, 1)});
    EXPECT_EQ(pair.node.mids, std::vector<std::string>{"1"});
    EXPECT_EQ(pair.node.messages, std::vector<std::string>{"to the node"});
    ASSERT_EQ(pair.node.reports.size(), 1u);
    EXPECT_EQ(pair.page_side.payloads, std::vector<Bytes>{Bytes(800, 2)});
    EXPECT_EQ(pair.page_side.messages, std::vector<std::string>{"to the page"});
    ASSERT_EQ(pair.page_side.reports.size(), 1u);
    EXPECT_EQ(pair.page->counters(), Page::Counters{});
  }
}

TEST(Page, stays_for_minutes_by_its_consent_checks_alone) {
  Pair pair;
  pair.run(120 * second);
  EXPECT_EQ(pair.page->state(), Page::State::connected);
  EXPECT_TRUE(pair.node.closed_ids.empty());
}

TEST(Page, connects_and_stays_over_a_path_that_is_slower_than_its_patience) {
  Pair pair;
  pair.delay = std::chrono::milliseconds(400);
  pair.run(8 * second);
  EXPECT_EQ(pair.page_side.connects, 1);
  pair.run(20 * second);
  EXPECT_EQ(pair.page->state(), Page::State::connected);
  EXPECT_GE(pair.page->rtt(), 2 * pair.delay);
}

TEST(Page, believes_only_the_certificate_that_the_link_names) {
  Pair pair(false, [](PageConfig& config) { config.node.bytes[5] ^= 1; });
  pair.run(3 * second);
  EXPECT_EQ(pair.page_side.connects, 0);
  ASSERT_TRUE(pair.page_side.over);
  EXPECT_EQ(*pair.page_side.over, Errc::bad_key);
}

TEST(Page, gives_up_where_nobody_answers) {
  Pair pair(false, [](PageConfig& config) { config.ice_pwd = "anotherpasswordthanthenodes"; });
  pair.run(Page::connect_max + second);
  ASSERT_TRUE(pair.page_side.over);
  EXPECT_EQ(*pair.page_side.over, Errc::timed_out);
}

TEST(Page, notices_within_seconds_that_the_node_has_gone) {
  Pair pair;
  pair.run(5 * second);
  ASSERT_EQ(pair.page_side.connects, 1);
  pair.lost = [] { return true; };
  auto since = pair.now;
  while (!pair.page_side.over && pair.now < since + 20 * second) pair.run(second / 10);
  ASSERT_TRUE(pair.page_side.over);
  EXPECT_LE(pair.now - since, Page::silence_max + second);
}

TEST(Page, says_goodbye) {
  Pair pair;
  pair.run(second);
  pair.page->close();
  pair.run(second);
  EXPECT_EQ(pair.node.closed_ids.size(), 1u);
  EXPECT_FALSE(pair.page_side.over);
  EXPECT_FALSE(pair.page->send_message("late"));
}

RC_GTEST_PROP(Page, connects_and_carries_every_message_whatever_a_tenth_of_loss_takes, ()) {
  auto seed = *rc::gen::arbitrary<std::uint64_t>();
  SeededRandom dice(seed);
  Pair pair(*rc::gen::arbitrary<bool>());
  pair.lost = [&] { return dice.unit() < 0.1; };
  for (int i = 0; i < 60 && pair.page_side.connects == 0 && !pair.page_side.over; ++i) pair.run(second / 4);
  // Eight seconds are tried at a time; the loss of a whole flight again and again is rarer than that.
  RC_PRE(!pair.page_side.over);
  RC_ASSERT(pair.page_side.connects == 1);
  std::vector<std::string> said;
  for (int i = 0; i < 20; ++i) {
    said.push_back("message " + std::to_string(i));
    RC_ASSERT(pair.page->send_message(said.back()).has_value());
  }
  for (int i = 0; i < 120 && pair.node.messages.size() < said.size(); ++i) pair.run(second / 2);
  RC_ASSERT(pair.node.messages == said);
}

}  // namespace
}  // namespace conclave::webrtc
