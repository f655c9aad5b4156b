#include "transport/tcp/admission.hpp"

#include <gtest/gtest.h>

using namespace conclave;
using namespace std::chrono_literals;
using tcp::Admission;
using tcp::AdmissionLimits;

namespace {

constexpr TimePoint start{};
const io::IpAddress here = io::IpAddress::v4(127, 0, 0, 1);
io::IpAddress stranger(unsigned network, Byte host = 1) {
  return io::IpAddress::v4(static_cast<Byte>(20 + network / 65536), static_cast<Byte>(network / 256),
                           static_cast<Byte>(network), host);
}

TEST(Admission, one_network_has_few_handshakes_at_once) {
  Admission admission({});
  std::size_t let_in = 0;
  for (Byte host = 0; host < 100; ++host) let_in += admission.begin(stranger(1, host), start).has_value();
  EXPECT_EQ(let_in, 16u);
  EXPECT_TRUE(admission.begin(stranger(2), start)) << "others still get in";
  admission.failed(stranger(1, 0));
  EXPECT_TRUE(admission.begin(stranger(1, 99), start));
}

TEST(Admission, one_network_that_hangs_up_at_once_is_limited_by_its_rate) {
  Admission admission({});
  std::size_t let_in = 0;
  for (int i = 0; i < 10'000; ++i) {
    auto now = start + i * 1ms;
    if (!admission.begin(stranger(1), now)) continue;
    admission.failed(stranger(1));
    ++let_in;
  }
  EXPECT_LE(let_in, 40u + 200u);
  EXPECT_GE(let_in, 200u);
}

TEST(Admission, ten_thousand_networks_get_a_tenth_of_a_core_and_bounded_books) {
  AdmissionLimits limits;
  Admission admission(limits);
  std::size_t let_in = 0;
  for (unsigned i = 0; i < 100'000; ++i) {
    auto now = start + i * 100us;  // ten seconds
    auto from = stranger(i % 10'000);
    if (!admission.begin(from, now)) continue;
    admission.failed(from);
    ++let_in;
  }
  EXPECT_LE(let_in, 300u + 3000u) << "300 a second, and as many at the start";
  std::printf("figure %zu of 100000 handshakes from 10000 networks in 10 s are begun (tcp)\n", let_in);
}

TEST(Admission, connections_are_limited_by_network_and_by_peer) {
  AdmissionLimits limits;
  limits.connections_per_network_max = 3;
  limits.connections_per_peer_max = 2;
  Admission admission(limits);
  NodeKey key;
  auto enter = [&](io::IpAddress from, Byte who) {
    key.bytes[0] = who;
    if (auto begun = admission.begin(from, start); !begun) return begun;
    return admission.admitted(from, key);
  };
  EXPECT_TRUE(enter(stranger(1), 1));
  EXPECT_TRUE(enter(stranger(2), 1));
  EXPECT_FALSE(enter(stranger(3), 1)) << "a third connection of one key";
  EXPECT_TRUE(enter(stranger(1), 2));
  EXPECT_TRUE(enter(stranger(1), 3));
  EXPECT_FALSE(enter(stranger(1), 4)) << "a fourth connection of one network";
  admission.ended(stranger(1), key = NodeKey{{1}});
  EXPECT_TRUE(enter(stranger(1), 4));
  EXPECT_EQ(admission.handshakes(), 0u);
}

TEST(Admission, this_machine_is_exempt_from_the_limits_of_a_network_unless_told_otherwise) {
  Admission lenient({});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(lenient.begin(here, start));
  AdmissionLimits limits;
  limits.loopback_exempt = false;
  Admission strict(limits);
  std::size_t let_in = 0;
  for (int i = 0; i < 100; ++i) let_in += strict.begin(here, start).has_value();
  EXPECT_EQ(let_in, 16u);
}

}  // namespace
