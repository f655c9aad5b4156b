#include "node/calls/link_acks.hpp"

#include "transport/webrtc/big_endian.hpp"

namespace conclave::calls {
namespace {

constexpr std::int64_t tick_us = 250;
constexpr Byte long_step = 255;  ///< the step follows in two bytes
constexpr Duration rtt_span{2'000'000};

}  // namespace

void ArrivalLog::hear(std::uint64_t number, TimePoint arrival) {
  auto at = arrivals_.end();
  while (at != arrivals_.begin() && std::prev(at)->number > number) --at;
  arrivals_.insert(at, {number, arrival, false});
  if (arrivals_.size() > remembered_max) arrivals_.pop_front();
}

std::size_t ArrivalLog::write(MutableBytes into) {
  if (arrivals_.empty()) return 0;
  auto& newest = arrivals_.back();
  webrtc::put32(into.data(), static_cast<std::uint32_t>(newest.number));
  webrtc::put32(into.data() + 4, static_cast<std::uint32_t>(newest.at.time_since_epoch().count()));
  newest.told = true;
  std::size_t count = 0, size = 9;
  auto number = newest.number;
  std::int64_t ticks = 0;
  for (auto at = std::next(arrivals_.rbegin()); at != arrivals_.rend() && count < told_max; ++at) {
    auto gap = number - at->number;
    // Whoever was overtaken arrived, as far as this tells, with the one that overtook it.
    auto behind = std::max(ticks, (newest.at - at->at).count() / tick_us);
    auto step = behind - ticks;
    if (gap > 255 || step > 0xffff || (at->told && behind * tick_us > told_span.count())) break;
    at->told = true;
    into[size++] = static_cast<Byte>(gap);
    into[size++] = static_cast<Byte>(std::min<std::int64_t>(step, long_step));
    if (step >= long_step) {
      webrtc::put16(into.data() + size, static_cast<std::uint16_t>(step));
      size += 2;
    }
    ++count;
    number = at->number;
    ticks = behind;
  }
  into[8] = static_cast<Byte>(count);
  return size;
}

void SentLog::sent(std::uint64_t number, std::size_t size, std::uint32_t probe, TimePoint now) {
  if (history_.empty()) first_ = settled_ = number;
  history_.push_back({now, size, probe, false, false});
  if (history_.size() > history_max) {
    history_.pop_front();
    ++first_;
  }
}

void SentLog::note_rtt(Duration sample, TimePoint now) {
  if (now - rtt_since_ > rtt_span) {
    rtt_before_ = std::exchange(rtt_now_, sample);
    if (rtt_since_ == TimePoint{}) rtt_before_ = sample;
    rtt_since_ = now;
  }
  rtt_now_ = std::min(rtt_now_, sample);
}

Result<std::vector<webrtc::PacketResult>> SentLog::hear(ByteView acks, TimePoint now) {
  std::vector<webrtc::PacketResult> out;
  if (acks.size() < 9) return fail(Errc::malformed);
  if (history_.empty()) return fail(Errc::malformed);
  const auto last = first_ + history_.size() - 1;
  const auto behind = static_cast<std::uint32_t>(last) - webrtc::be32(acks.data());
  if (behind > last) return fail(Errc::malformed);
  const auto highest = last - behind;
  if (highest < first_) return out;  // a very old one
  auto clock = clock_.unwrap(webrtc::be32(acks.data() + 4));
  auto& newest = history_[highest - first_];
  if (!newest.arrived) note_rtt(now - newest.at, now);

  struct Arrival {
    std::uint64_t number;
    std::int64_t at;
  };
  std::vector<Arrival> arrivals{{highest, clock}};
  auto number = highest;
  auto rest = acks.subspan(9);
  for (std::size_t i = 0; i < acks[8]; ++i) {
    if (rest.size() < 2 || rest[0] == 0 || rest[0] > number) return fail(Errc::malformed);
    const bool is_long = rest[1] == long_step;
    if (is_long && rest.size() < 4) return fail(Errc::malformed);
    number -= rest[0];
    clock -= (is_long ? webrtc::be16(rest.data() + 2) : rest[1]) * tick_us;
    rest = rest.subspan(is_long ? 4 : 2);
    if (number >= first_) arrivals.push_back({number, clock});
  }
  if (!rest.empty()) return fail(Errc::malformed);
  highest_ = any_ ? std::max(highest_, highest) : highest;
  any_ = true;
  auto lost_below = highest_ > reorder_max ? highest_ - reorder_max : 0;
  auto at = std::max(settled_, first_);
  // Late news of what was taken for lost is told as well, in front.
  for (auto arrival = arrivals.rbegin(); arrival != arrivals.rend(); ++arrival) {
    auto& sent = history_[arrival->number - first_];
    for (; at < arrival->number && at < lost_below; ++at) {
      auto& missing = history_[at - first_];
      if (!std::exchange(missing.known, true)) out.push_back({missing.at, std::nullopt, missing.size, missing.probe});
    }
    if (std::exchange(sent.arrived, true)) continue;
    sent.known = true;
    out.push_back({sent.at, Duration(arrival->at), sent.size, sent.probe});
  }
  for (settled_ = std::max(settled_, first_); settled_ <= last && history_[settled_ - first_].known;) ++settled_;
  return out;
}

}  // namespace conclave::calls
