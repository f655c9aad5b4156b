#include "transport/webrtc/rewriter.hpp"

#include <algorithm>
#include <cmath>

namespace conclave::webrtc {
namespace {

std::uint16_t widen(std::uint16_t picture_id) { return static_cast<std::uint16_t>(picture_id << 1); }

}  // namespace

Rewriter::Rewriter(std::uint32_t clock_rate, std::uint16_t first_sequence, std::uint32_t first_timestamp,
                   Picture first)
    : clock_rate_(clock_rate),
      output_(std::int64_t{first_sequence} - 1),
      timestamp_(first_timestamp),
      picture_(std::int64_t{first.id} - 1),
      tl0_(std::int64_t{first.tl0} - 1) {}

/// The output timestamp of the first packet of a new source.
std::int64_t Rewriter::timestamp_for(const RtpHeader& first, const std::optional<ReceiveStream::Mapping>& mapping,
                                     TimePoint now) const {
  if (!started_) return timestamp_;
  auto passed = std::chrono::duration<double>(now - last_at_).count() * clock_rate_;
  auto by_time = timestamp_ + std::max(std::int64_t{1}, static_cast<std::int64_t>(passed + 0.5));
  if (!mapping || !mapping_) return by_time;
  // Both sources tell which of their timestamps belongs to which wall time; the page uses one clock for both.
  auto since_report = static_cast<std::int32_t>(first.timestamp - mapping->timestamp);
  auto between = static_cast<double>(static_cast<std::int64_t>(mapping->ntp.value - mapping_->ntp.value)) / 4294967296.0;
  auto newest = static_cast<std::uint32_t>(timestamp_);
  auto at_report = timestamp_ + static_cast<std::int32_t>(mapping_->timestamp - newest);
  std::int64_t by_report = at_report + static_cast<std::int64_t>(std::llround(between * clock_rate_)) + since_report;
  // A report that puts us more than a second off is wrong or old.
  if (std::abs(by_report - by_time) > std::int64_t{clock_rate_}) return by_time;
  return std::max(by_report, timestamp_ + 1);
}

void Rewriter::switch_source(const RtpHeader& first, const Picture& picture,
                             const std::optional<ReceiveStream::Mapping>& mapping, TimePoint now) {
  auto timestamp = timestamp_for(first, mapping, now);
  input_ = {};
  input_timestamp_ = {};
  input_picture_ = {};
  seams_.clear();
  first_input_ = input_.unwrap(first.sequence);
  auto first_picture = input_picture_.unwrap(widen(picture.id)) >> 1;
  timestamp_shift_ = timestamp - input_timestamp_.unwrap(first.timestamp);
  tl0_shift_ = tl0_ + 1 - picture.tl0;
  seams_.push_back({first_input_, first_input_ - (output_ + 1), first_picture - (picture_ + 1), false});
  mapping_ = mapping;
  if (mapping_) mapping_->timestamp = static_cast<std::uint32_t>(mapping_->timestamp + timestamp_shift_);
  started_ = true;
}

void Rewriter::hear(const ReceiveStream::Mapping& mapping) {
  if (!started_) return;
  mapping_ = mapping;
  mapping_->timestamp = static_cast<std::uint32_t>(mapping.timestamp + timestamp_shift_);
}

std::optional<Rewriter::Place> Rewriter::place(const RtpHeader& header, const Picture& picture, TimePoint now) {
  if (!started_) return std::nullopt;
  auto at = input_.peek(header.sequence);
  auto seam = std::ranges::upper_bound(seams_, at, {}, &Seam::from);
  if (seam == seams_.begin()) return std::nullopt;  // from before the switch, or from before what is remembered
  --seam;
  if (seam->hole && seam->from == at) return std::nullopt;
  input_.unwrap(header.sequence);
  auto sequence = at - seam->sequence;
  auto timestamp = input_timestamp_.unwrap(header.timestamp) + timestamp_shift_;
  auto picture_at = (input_picture_.unwrap(widen(picture.id)) >> 1) - seam->picture;
  if (sequence > output_) {
    output_ = sequence;
    last_at_ = now;
    timestamp_ = std::max(timestamp_, timestamp);
    picture_ = std::max(picture_, picture_at);
    tl0_ = picture.tl0 + tl0_shift_;
  }
  return Place{static_cast<std::uint16_t>(sequence), static_cast<std::uint32_t>(timestamp),
               {static_cast<std::uint16_t>(picture_at & 0x7fff), static_cast<Byte>(picture.tl0 + tl0_shift_)}};
}

void Rewriter::add(Seam seam) {
  seams_.push_back(seam);
  if (seams_.size() > seams_max) seams_.pop_front();
}

void Rewriter::leave_out(const RtpHeader& header, bool frame_ends) {
  if (!started_) return;
  auto at = input_.peek(header.sequence);
  // Only the newest can be taken out: behind it, numbers are already given.
  if (input_.highest() && at <= *input_.highest()) return;
  input_.unwrap(header.sequence);
  auto last = seams_.back();
  add({at, last.sequence + 1, last.picture + (frame_ends ? 1 : 0), true});
}

Rewriter::Place Rewriter::extra() {
  ++output_;
  if (started_) {
    // What comes next from the source goes one further.
    auto last = seams_.back();
    add({*input_.highest() + 1, last.sequence - 1, last.picture, false});
  }
  return {static_cast<std::uint16_t>(output_), static_cast<std::uint32_t>(timestamp_),
          {static_cast<std::uint16_t>(picture_ & 0x7fff), static_cast<Byte>(tl0_)}};
}

}  // namespace conclave::webrtc
