#include "transport/webrtc/send_stream.hpp"

#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {

SendStream::SendStream(const SendStreamConfig& config, Rewriter rewriter)
    : config_(config), rewriter_(std::move(rewriter)), sent_(history) {}

RtpHeader SendStream::send(const Rewriter::Place& place, const RtpHeader& original, std::uint32_t source,
                           std::size_t size, TimePoint now) {
  sent_[place.sequence % history] = {true, original.marker, 0, source, original.sequence, place, now};
  if (!newest_ || newer(place.sequence, *newest_)) {
    newest_ = place.sequence;
    newest_timestamp_ = place.timestamp;
    newest_at_ = now;
  }
  ++packets_;
  octets_ += size;
  return {original.marker, config_.payload_type, place.sequence, place.timestamp, config_.ssrc};
}

/// A packet that may be sent once more.
SendStream::Sent* SendStream::find(std::uint16_t sequence) {
  auto& sent = sent_[sequence % history];
  bool known = sent.used && sent.place.sequence == sequence && sent.resent < resends_max;
  return known ? &sent : nullptr;
}

SendStream::Again SendStream::repeat(Sent& sent, TimePoint now) {
  ++sent.resent;
  ++resent_;
  sent.at = now;
  return {sent.source, sent.source_sequence, sent.place, sent.marker, sent.resent};
}

std::optional<SendStream::Again> SendStream::lost(std::uint16_t sequence, TimePoint now, Duration rtt) {
  auto* sent = find(sequence);
  if (!sent || (sent->resent > 0 && now - sent->at < rtt)) return std::nullopt;
  return repeat(*sent, now);
}

std::optional<SendStream::Again> SendStream::gone(std::uint16_t sequence, int copy, TimePoint now) {
  auto* sent = find(sequence);
  if (!sent || sent->resent != copy) return std::nullopt;
  return repeat(*sent, now);
}

std::optional<SendStream::Again> SendStream::newest() const {
  if (!newest_) return std::nullopt;
  auto& sent = sent_[*newest_ % history];
  return Again{sent.source, sent.source_sequence, sent.place, sent.marker, sent.resent};
}

std::pair<RtpHeader, std::array<Byte, 2>> SendStream::retransmission(const Again& again) {
  std::array<Byte, 2> head;
  put16(head.data(), again.place.sequence);
  return {RtpHeader{again.marker, config_.rtx_payload_type, rtx_sequence_++, again.place.timestamp, config_.rtx_ssrc},
          head};
}

std::optional<SenderReport> SendStream::report(TimePoint now, UnixTime wall) const {
  if (!newest_) return std::nullopt;
  SenderReport out;
  out.ssrc = config_.ssrc;
  out.ntp = NtpTime::from(wall);
  auto passed = std::chrono::duration<double>(now - newest_at_).count();
  out.timestamp = newest_timestamp_ + static_cast<std::uint32_t>(passed * config_.clock_rate);
  out.packets = static_cast<std::uint32_t>(packets_);
  out.octets = static_cast<std::uint32_t>(octets_);
  return out;
}

void SendStream::hear(const ReportBlock& block, NtpTime now) {
  fraction_lost_ = block.fraction_lost / 256.0;
  if (block.last_report == 0) return;
  auto ticks = static_cast<std::int32_t>(now.middle() - block.last_report - block.delay);  // 1/65536 s
  if (ticks < 0 || ticks > 10 * 65536) return;  // a clock was set, or somebody makes it up
  rtt_ = Duration(std::int64_t{ticks} * 1'000'000 / 65536);
}

}  // namespace conclave::webrtc
