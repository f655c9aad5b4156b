#include "node/calls/page_slot.hpp"

namespace conclave::calls {

using namespace webrtc;

namespace {

RtpHeader header_of(const MediaUnit& unit) {
  return {(unit.flags & MediaUnit::frame_end) != 0, 0, static_cast<std::uint16_t>(unit.sequence), unit.timestamp,
          unit.stream};
}

SendStream make_stream(std::uint16_t mid, bool video, const Claims& claims, Random& random) {
  auto& types = claims.payload_types;
  SendStreamConfig config;
  config.ssrc = PageSlot::ssrc_of(mid);
  config.rtx_ssrc = video && types.vp8_rtx != 0 ? config.ssrc + 1 : 0;
  config.payload_type = video ? types.vp8 : types.opus;
  config.rtx_payload_type = video ? types.vp8_rtx : Byte{0};
  config.clock_rate = video ? 90000 : 48000;
  return SendStream(config, Rewriter(config.clock_rate, static_cast<std::uint16_t>(random.below(0x8000)),
                                     static_cast<std::uint32_t>(random.next()), {1, 1}));
}

}  // namespace

PageSlot::PageSlot(std::uint16_t mid, bool video, const Claims& claims, Random& random)
    : kind(video ? MediaKind::video : MediaKind::audio),
      mid_(mid),
      video_(video),
      mid_text_(std::to_string(mid)),
      out_(make_stream(mid, video, claims, random)) {}

/// Whether a packet of an upper temporal layer is left out. Decisions change only where a frame starts.
bool PageSlot::left_out(const MediaUnit& unit) {
  auto id = unit.temporal_id();
  if (unit.flags & MediaUnit::frame_start) {
    temporal_ = std::min(temporal_, temporal_max_);
    bool sync = (unit.flags & (MediaUnit::layer_sync | MediaUnit::key_frame)) != 0;
    if (id > temporal_ && id <= temporal_max_ && sync) temporal_ = id;
    if (unit.flags & MediaUnit::key_frame) temporal_ = temporal_max_;
  }
  return id > temporal_;
}

std::optional<PageSlot::Departure> PageSlot::take(Feed& feed, const MediaUnit& unit,
                                                  const std::optional<Vp8Descriptor>& picture, TimePoint now) {
  auto header = header_of(unit);
  Rewriter::Picture ids;
  if (picture) ids = {picture->picture_id.value_or(0), picture->tl0_index.value_or(0)};
  auto& rewriter = out_.rewriter();
  bool current = stream_ == unit.stream && generation_ == feed.generation();
  if (!current) {
    if (target_ != unit.stream || unit.payload.empty()) return std::nullopt;
    constexpr Byte key_start = MediaUnit::key_frame | MediaUnit::frame_start;
    if (video_ && (unit.flags & key_start) != key_start) {
      feed.key_frame.want();
      return std::nullopt;
    }
    rewriter.switch_source(header, ids, feed.mapping, now);
    switches_ += stream_ != 0 && stream_ != unit.stream;
    stream_ = unit.stream;
    generation_ = feed.generation();
    newest_ = unit.sequence;
  }
  bool late = static_cast<std::int32_t>(unit.sequence - newest_) < 0;
  if (!late) newest_ = unit.sequence;
  if (video_ && !late) {
    bool marker = header.marker;
    if (unit.payload.empty()) {
      rewriter.leave_out(header, false);
      return std::nullopt;
    }
    if (left_out(unit)) {
      rewriter.leave_out(header, marker);
      return std::nullopt;
    }
  } else if (unit.payload.empty()) {
    return std::nullopt;
  }
  auto place = rewriter.place(header, ids, now);
  if (!place) return std::nullopt;
  auto out = out_.send(*place, header, unit.stream, unit.payload.size(), now);
  return Departure{unit.stream, header.sequence, false, 0, 0, out, *place, {}};
}

std::optional<PageSlot::Departure> PageSlot::repeat(const std::optional<SendStream::Again>& again,
                                                    std::uint32_t probe) {
  if (!again) return std::nullopt;
  auto [header, original] = out_.retransmission(*again);
  return Departure{again->source, again->source_sequence, true, again->copy, probe, header, again->place, original};
}

std::optional<PageSlot::Departure> PageSlot::lost(std::uint16_t sequence, TimePoint now, Duration rtt) {
  if (out_.config().rtx_ssrc == 0) return std::nullopt;
  return repeat(out_.lost(sequence, now, rtt));
}

std::optional<PageSlot::Departure> PageSlot::gone(std::uint16_t sequence, int copy, TimePoint now) {
  if (out_.config().rtx_ssrc == 0) return std::nullopt;
  return repeat(out_.gone(sequence, copy, now));
}

std::optional<PageSlot::Departure> PageSlot::filling(std::uint32_t probe) {
  if (out_.config().rtx_ssrc == 0) return std::nullopt;
  return repeat(out_.newest(), probe);
}

PageSlot::Head PageSlot::head(const Departure& departure, ByteView payload) const {
  Head out;
  if (departure.again) {
    std::ranges::copy(departure.original, out.bytes.begin());
    out.size = 2;
  }
  if (!video_) return out;
  auto picture = decode_vp8(payload);
  if (!picture || picture->size > out.bytes.size() - out.size) return out;
  auto into = MutableBytes(out.bytes).subspan(out.size, picture->size);
  std::copy_n(payload.begin(), picture->size, into.begin());
  rewrite_vp8(into, *picture, departure.place.picture.id, departure.place.picture.tl0);
  out.size += picture->size;
  out.skip = picture->size;
  return out;
}

}  // namespace conclave::calls
