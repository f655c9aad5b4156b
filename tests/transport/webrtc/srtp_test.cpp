#include "transport/webrtc/srtp.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <srtp2/srtp.h>

#include <set>

#include "crypto/random.hpp"
#include "transport/webrtc/rtcp.hpp"
#include "transport/webrtc/rtp.hpp"

namespace conclave::webrtc {
namespace {

SrtpKeys keys_of(std::uint64_t seed) {
  SrtpKeys keys;
  SeededRandom random(seed);
  random.fill(keys.key.span());
  random.fill(keys.salt.span());
  return keys;
}

/// libsrtp2 with the same master key: the oracle.
class Oracle {
 public:
  Oracle(const SrtpKeys& keys, bool sends) {
    static const bool ready = srtp_init() == srtp_err_status_ok;
    EXPECT_TRUE(ready);
    std::array<Byte, 28> material;
    std::copy_n(keys.key.data(), 16, material.begin());
    std::copy_n(keys.salt.data(), 12, material.begin() + 16);
    srtp_policy_t policy{};
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = material.data();
    policy.window_size = 1024;
    policy.allow_repeat_tx = 1;
    EXPECT_EQ(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  ~Oracle() { srtp_dealloc(session_); }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  template <class Function>
  std::optional<Bytes> run(Function function, Bytes packet) {
    int size = static_cast<int>(packet.size());
    packet.resize(packet.size() + 64);
    if (function(session_, packet.data(), &size) != srtp_err_status_ok) return std::nullopt;
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }

 private:
  srtp_t session_ = nullptr;
};

Bytes packet(std::uint16_t sequence, std::uint32_t ssrc, std::size_t payload, bool extended) {
  Bytes out(rtp_header_room + payload, Byte{0x5a});
  RtpExtensions extensions;
  if (extended) {
    extensions.mid = "2";
    extensions.transport_cc = sequence;
  }
  auto size = write_rtp_header(out, {false, 96, sequence, 90000, ssrc}, extensions, {4, 0, 0, 0, 0, 3});
  out.resize(size + payload);
  return out;
}

template <class Protect>
Bytes sealed(Protect&& protect, const Bytes& clear) {
  Bytes out = clear;
  out.resize(clear.size() + srtcp_overhead);
  out.resize(*protect(MutableBytes(out), clear.size()));
  return out;
}

RC_GTEST_PROP(Srtp, we_and_libsrtp_open_what_the_other_sealed, ()) {
  auto keys = keys_of(*rc::gen::arbitrary<std::uint64_t>());
  SrtpSender ours_out(keys);
  SrtpReceiver ours_in(keys);
  Oracle oracle_in(keys, false), oracle_out(keys, true);
  std::uint16_t sequence = *rc::gen::element<std::uint16_t>(0, 100, 0x7ff0, 0x8000 - 1);
  auto ssrc = *rc::gen::arbitrary<std::uint32_t>();
  // Enough steps to pass the roll-over twice.
  for (int i = 0; i < 40; ++i) {
    auto clear = packet(sequence, ssrc, *rc::gen::inRange<std::size_t>(0, 1200), i % 2 == 0);
    auto here = sealed([&](auto buffer, auto size) { return ours_out.protect_rtp(buffer, size); }, clear);
    auto there = oracle_out.run(srtp_protect, clear);
    RC_ASSERT(there == here);
    RC_ASSERT(oracle_in.run(srtp_unprotect, here) == clear);
    Bytes opened(there->size());
    auto size = ours_in.unprotect_rtp(*there, opened);
    RC_ASSERT(size.has_value());
    opened.resize(*size);
    RC_ASSERT(opened == clear);
    sequence = static_cast<std::uint16_t>(sequence + *rc::gen::inRange(1, 8000));
  }
}

RC_GTEST_PROP(Srtcp, we_and_libsrtp_open_what_the_other_sealed, ()) {
  auto keys = keys_of(*rc::gen::arbitrary<std::uint64_t>());
  SrtpSender ours_out(keys);
  SrtpReceiver ours_in(keys);
  Oracle oracle_in(keys, false), oracle_out(keys, true);
  for (int i = 0; i < 5; ++i) {
    Bytes clear;
    encode_rtcp(ReceiverReport{*rc::gen::arbitrary<std::uint32_t>(), {}}, clear);
    encode_rtcp(PictureLoss{1, 2}, clear);
    auto here = sealed([&](auto buffer, auto size) { return ours_out.protect_rtcp(buffer, size); }, clear);
    RC_ASSERT(oracle_in.run(srtp_unprotect_rtcp, here) == clear);
    auto there = oracle_out.run(srtp_protect_rtcp, clear);
    RC_ASSERT(there.has_value());
    Bytes opened(there->size());
    auto size = ours_in.unprotect_rtcp(*there, opened);
    RC_ASSERT(size.has_value());
    opened.resize(*size);
    RC_ASSERT(opened == clear);
    opened.resize(there->size());
    RC_ASSERT(ours_in.unprotect_rtcp(*there, opened).error() == Errc::refused);
  }
}

RC_GTEST_PROP(Srtp, order_does_not_matter_and_nothing_opens_twice, ()) {
  auto keys = keys_of(7);
  SrtpSender sender(keys);
  SrtpReceiver receiver(keys);
  std::vector<Bytes> flight;
  auto first = *rc::gen::element<std::uint16_t>(5, 0x7f00);
  for (int i = 0; i < 60; ++i) {
    flight.push_back(sealed([&](auto buffer, auto size) { return sender.protect_rtp(buffer, size); },
                            packet(static_cast<std::uint16_t>(first + i), 1, 20, true)));
  }
  auto order = *rc::gen::container<std::vector<std::size_t>>(120, rc::gen::inRange<std::size_t>(0, 60));
  std::set<std::size_t> seen;
  for (auto i : order) {
    Bytes opened(flight[i].size());
    auto result = receiver.unprotect_rtp(flight[i], opened);
    if (seen.insert(i).second) RC_ASSERT(result.has_value());
    else RC_ASSERT(result.error() == Errc::refused);
  }
}

RC_GTEST_PROP(Srtp, a_packet_with_one_byte_changed_does_not_open, ()) {
  auto keys = keys_of(8);
  SrtpSender sender(keys);
  SrtpReceiver receiver(keys);
  auto bytes = sealed([&](auto buffer, auto size) { return sender.protect_rtp(buffer, size); },
                      packet(3, 1, 100, true));
  auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = static_cast<Byte>(bytes[at] ^ *rc::gen::inRange(1, 256));
  Bytes opened(bytes.size());
  RC_ASSERT(!receiver.unprotect_rtp(bytes, opened));
}

TEST(Srtp, a_receiver_that_joins_just_behind_a_wrap_finds_the_roll_over_counter) {
  auto keys = keys_of(9);
  SrtpSender sender(keys);
  SrtpReceiver receiver(keys);
  Bytes last;
  for (std::uint32_t i = 0x7fff; i < 0x10005; ++i) {
    last = sealed([&](auto buffer, auto size) { return sender.protect_rtp(buffer, size); },
                  packet(static_cast<std::uint16_t>(i), 1, 10, false));
  }
  Bytes opened(last.size());
  EXPECT_TRUE(receiver.unprotect_rtp(last, opened)) << "sequence 4, roll-over counter 1, never heard before";
}

TEST(Srtp, strangers_cannot_fill_the_table_of_streams) {
  auto keys = keys_of(10);
  SrtpSender sender(keys);
  SrtpReceiver receiver(keys);
  Bytes forged = packet(1, 1, 40, false), opened(2000);
  for (std::uint32_t ssrc = 0; ssrc < 3000; ++ssrc) {
    forged[8] = static_cast<Byte>(ssrc >> 8);
    forged[9] = static_cast<Byte>(ssrc);
    EXPECT_EQ(receiver.unprotect_rtp(forged, opened).error(), Errc::undecryptable);
  }
  auto honest = sealed([&](auto buffer, auto size) { return sender.protect_rtp(buffer, size); }, packet(1, 77, 40, false));
  EXPECT_TRUE(receiver.unprotect_rtp(honest, opened));
}

RC_GTEST_PROP(ReplayWindow, agrees_with_a_set, ()) {
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  std::uint64_t at = 5000;
  for (auto step : *rc::gen::container<std::vector<int>>(rc::gen::element(-1100, -1024, -1023, -64, -1, 0, 1, 1, 63, 64, 900, 1024, 5000))) {
    auto index = at + static_cast<std::uint64_t>(static_cast<std::int64_t>(step));
    if (index > 1'000'000) continue;
    bool expected = !seen.contains(index) && (seen.empty() || index + ReplayWindow::span > *seen.rbegin());
    RC_ASSERT(window.fresh(index) == expected);
    if (!expected) continue;
    window.mark(index);
    seen.insert(index);
    at = *seen.rbegin();
  }
}

}  // namespace
}  // namespace conclave::webrtc
