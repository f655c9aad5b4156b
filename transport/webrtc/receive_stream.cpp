#include "transport/webrtc/receive_stream.hpp"

#include <algorithm>
#include <cmath>

#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

std::int64_t to_ticks(TimePoint at, std::uint32_t clock_rate) {
  // Split, so that years of microseconds times 90000 do not overflow.
  auto us = at.time_since_epoch().count();
  return us / 1'000'000 * clock_rate + us % 1'000'000 * clock_rate / 1'000'000;
}

}  // namespace

Result<Retransmission> unwrap_rtx(ByteView payload) {
  if (payload.size() < 2) return fail(Errc::malformed);
  return Retransmission{be16(payload.data()), payload.subspan(2)};
}

ReceiveStream::ReceiveStream(std::uint32_t ssrc, std::uint32_t clock_rate, bool with_nack)
    : ssrc_(ssrc), clock_rate_(clock_rate), with_nack_(with_nack) {}

void ReceiveStream::restart(std::uint16_t sequence) {
  unwrapper_ = {};
  first_ = highest_ = unwrapper_.unwrap(sequence);
  missing_.clear();
  unique_ = 0;
  expected_reported_ = received_reported_ = 0;
  transit_.reset();
  started_ = true;
}

ReceiveStream::Verdict ReceiveStream::hear(const RtpHeader& header, std::size_t size, TimePoint arrival,
                                           bool retransmitted) {
  ++packets_;
  bytes_ += size;
  rate_bytes_ += size;
  if (!retransmitted) last_arrival_ = arrival;
  if (!started_) restart(header.sequence);
  auto at = unwrapper_.peek(header.sequence);
  if (std::abs(at - highest_) > jump_max && !retransmitted) {
    restart(header.sequence);
    given_up_.all |= with_nack_;
    at = highest_;
  }
  if (at > highest_ || unique_ == 0) {
    // A retransmission from beyond what we know of is not a gap in the stream itself.
    if (unique_ > 0) note_gap(highest_ + 1, at, arrival);
    unwrapper_.unwrap(header.sequence);
    highest_ = std::max(highest_, at);
    ++unique_;
    if (!retransmitted) note_jitter(header, arrival);
    return Verdict::fresh;
  }
  if (missing_.erase(at) == 0) {
    // Without a list of gaps (audio) anything recent that is not the newest may be late rather than double.
    if (with_nack_ || at == highest_) return Verdict::duplicate;
  }
  ++unique_;
  return Verdict::late;
}

void ReceiveStream::note_gap(std::int64_t from, std::int64_t to, TimePoint now) {
  if (!with_nack_) return;
  for (auto at = from; at < to; ++at) missing_.emplace(at, Missing{now, now + reorder});
  if (missing_.size() > missing_max) {
    missing_.clear();
    given_up_.all = true;
  }
}

/// RFC 3550 appendix A.8.
void ReceiveStream::note_jitter(const RtpHeader& header, TimePoint arrival) {
  auto transit = to_ticks(arrival, clock_rate_) - static_cast<std::int64_t>(header.timestamp);
  if (transit_) {
    // The difference is taken on 32 bits, where the timestamp wraps.
    auto change = static_cast<std::int32_t>(transit - *transit_);
    jitter_ += (std::abs(static_cast<double>(change)) - jitter_) / 16;
  }
  transit_ = transit;
}

void ReceiveStream::hear(const SenderReport& report, TimePoint arrival) {
  mapping_ = Mapping{report.ntp, report.timestamp};
  mapped_at_ = arrival;
}

std::vector<std::uint16_t> ReceiveStream::nack(TimePoint now, Duration rtt) {
  std::vector<std::uint16_t> out;
  for (auto at = missing_.begin(); at != missing_.end();) {
    auto& missing = at->second;
    if (now - missing.since > give_up || missing.asked == asks_max) {
      if (given_up_.numbers.size() < missing_max) given_up_.numbers.push_back(static_cast<std::uint16_t>(at->first));
      at = missing_.erase(at);
      continue;
    }
    if (now >= missing.ask_at) {
      out.push_back(static_cast<std::uint16_t>(at->first));
      ++missing.asked;
      missing.ask_at = now + std::max(rtt + rtt / 4, Duration(20'000));
    }
    ++at;
  }
  return out;
}

TimePoint ReceiveStream::nack_deadline() const {
  auto out = TimePoint::max();
  for (auto& [at, missing] : missing_) out = std::min(out, missing.ask_at);
  return out;
}

std::int64_t ReceiveStream::lost() const {
  return started_ ? highest_ - first_ + 1 - static_cast<std::int64_t>(unique_) : 0;
}

ReportBlock ReceiveStream::report(TimePoint now) {
  ReportBlock out;
  out.ssrc = ssrc_;
  if (!started_) return out;
  auto expected = highest_ - first_ + 1, received = static_cast<std::int64_t>(unique_);
  auto expected_now = expected - std::exchange(expected_reported_, expected);
  auto received_now = received - std::exchange(received_reported_, received);
  auto lost_now = expected_now - received_now;
  if (expected_now > 0 && lost_now > 0) {
    out.fraction_lost = static_cast<Byte>(std::min<std::int64_t>(255, lost_now * 256 / expected_now));
  }
  out.lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(expected - received, -0x800000, 0x7fffff));
  out.highest_sequence = static_cast<std::uint32_t>(highest_);
  out.jitter = static_cast<std::uint32_t>(jitter_);
  if (mapping_) {
    out.last_report = mapping_->ntp.middle();
    out.delay = static_cast<std::uint32_t>(std::chrono::duration<double>(now - mapped_at_).count() * 65536);
  }
  return out;
}

std::uint64_t ReceiveStream::bitrate(TimePoint now) {
  auto span = now - rate_since_;
  if (span >= std::chrono::milliseconds(500)) {
    auto seconds = std::min(std::chrono::duration<double>(span).count(), 3600.0);
    rate_ = static_cast<std::uint64_t>(static_cast<double>(std::exchange(rate_bytes_, 0)) * 8 / seconds);
    rate_since_ = now;
  }
  return rate_;
}

}  // namespace conclave::webrtc
