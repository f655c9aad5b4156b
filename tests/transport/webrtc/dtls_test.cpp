#include "transport/webrtc/dtls.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::webrtc {
namespace {

/// Two ends, and a network that loses what it is told to, in virtual time.
struct Pair {
  Certificate client_certificate = Certificate::make(), server_certificate = Certificate::make();
  std::unique_ptr<DtlsContext> client_context = *DtlsContext::make(client_certificate);
  std::unique_ptr<DtlsContext> server_context = *DtlsContext::make(server_certificate);
  std::unique_ptr<Dtls> client, server;
  TimePoint now{};
  std::size_t sent = 0, largest = 0, flight_largest = 0;
  std::function<bool(std::size_t)> lost = [](std::size_t) { return false; };

  void make(Fingerprint expected_client, Fingerprint expected_server) {
    client = std::make_unique<Dtls>(*client_context, Dtls::Role::client, expected_server);
    server = std::make_unique<Dtls>(*server_context, Dtls::Role::server, expected_client);
  }
  bool carry(Dtls& from, Dtls& to) {
    auto datagrams = from.take_datagrams();
    std::size_t flight = 0;
    for (auto& datagram : datagrams) {
      largest = std::max(largest, datagram.size());
      flight += datagram.size();
      if (!lost(sent++)) to.receive(datagram, now);
    }
    flight_largest = std::max(flight_largest, flight);
    return !datagrams.empty();
  }
  bool exchange() {
    bool forth = carry(*client, *server);
    bool back = carry(*server, *client);
    return forth || back;
  }
  void run(Duration span) {
    client->start(now);
    for (auto end = now + span; now <= end;) {
      while (exchange()) now += std::chrono::milliseconds(20);
      if (connected() || closed()) return;
      now = std::max(now, std::min(client->deadline(), server->deadline()));
      client->advance(now);
      server->advance(now);
    }
  }
  bool connected() const {
    return client->state() == Dtls::State::connected && server->state() == Dtls::State::connected;
  }
  bool closed() const { return client->state() == Dtls::State::closed && server->state() == Dtls::State::closed; }
};

TEST(Dtls, both_ends_connect_export_the_same_keys_and_talk) {
  Pair pair;
  pair.make(pair.client_certificate.fingerprint(), pair.server_certificate.fingerprint());
  pair.run(std::chrono::seconds(5));
  ASSERT_TRUE(pair.connected());
  EXPECT_LE(pair.largest, Dtls::datagram_max);
  EXPECT_LE(pair.flight_largest, 1200u);
  std::printf("figure largest DTLS flight %zu bytes\n", pair.flight_largest);
  auto [client_out, client_in] = pair.client->srtp_keys();
  auto [server_out, server_in] = pair.server->srtp_keys();
  EXPECT_EQ(client_out.key, server_in.key);
  EXPECT_EQ(client_out.salt, server_in.salt);
  EXPECT_EQ(client_in.key, server_out.key);
  EXPECT_FALSE(client_out.key == client_in.key);

  Bytes big(Dtls::datagram_max - Dtls::overhead, Byte{7});
  ASSERT_TRUE(pair.client->send(big));
  EXPECT_EQ(pair.client->send(Bytes(big.size() + 1)).error(), Errc::too_long);
  pair.carry(*pair.client, *pair.server);
  EXPECT_LE(pair.largest, Dtls::datagram_max);
  auto messages = pair.server->take_messages();
  ASSERT_EQ(messages.size(), 1);
  EXPECT_EQ(messages[0], big);

  pair.server->close();
  pair.carry(*pair.server, *pair.client);
  EXPECT_EQ(pair.client->state(), Dtls::State::closed);
  EXPECT_FALSE(pair.client->error());
}

TEST(Dtls, another_certificate_than_the_announced_one_is_refused_by_either_end) {
  Pair pair;
  pair.make(Certificate::make().fingerprint(), pair.server_certificate.fingerprint());
  pair.run(std::chrono::seconds(5));
  EXPECT_EQ(pair.server->error(), Errc::bad_key);

  Pair other;
  other.make(other.client_certificate.fingerprint(), Certificate::make().fingerprint());
  other.run(std::chrono::seconds(5));
  EXPECT_EQ(other.client->error(), Errc::bad_key);
}

RC_GTEST_PROP(Dtls, connects_whatever_six_datagrams_are_lost, ()) {
  Pair pair;
  pair.make(pair.client_certificate.fingerprint(), pair.server_certificate.fingerprint());
  auto unlucky = *rc::gen::container<std::vector<std::size_t>>(6, rc::gen::inRange<std::size_t>(0, 14));
  pair.lost = [&](std::size_t i) { return std::ranges::find(unlucky, i) != unlucky.end(); };
  pair.run(std::chrono::seconds(60));
  RC_ASSERT(pair.connected());
}

RC_GTEST_PROP(Dtls, noise_in_front_of_the_handshake_is_survived, (std::vector<Bytes> noise)) {
  Pair pair;
  pair.make(pair.client_certificate.fingerprint(), pair.server_certificate.fingerprint());
  for (auto& bytes : noise) {
    if (bytes.empty()) continue;
    bytes[0] = static_cast<Byte>(20 + bytes[0] % 44);
    pair.server->receive(bytes, pair.now);
  }
  RC_ASSERT(pair.server->state() == Dtls::State::handshaking);
  pair.run(std::chrono::seconds(60));
  RC_ASSERT(pair.connected());
}

TEST(Dtls, a_certificate_survives_being_stored_and_a_damaged_one_is_refused) {
  auto made = Certificate::make();
  Certificate loaded{made.der, made.key_der};
  EXPECT_TRUE(DtlsContext::make(loaded));
  EXPECT_EQ(loaded.fingerprint(), made.fingerprint());
  EXPECT_EQ(sdp_fingerprint(made.fingerprint()).size(), 8 + 32 * 3 - 1);
  loaded.key_der.resize(20);
  EXPECT_FALSE(DtlsContext::make(loaded));
  EXPECT_FALSE(DtlsContext::make({made.der, Certificate::make().key_der}));
}

}  // namespace
}  // namespace conclave::webrtc
