#include "node/calls/publisher.hpp"

#include <utility>

namespace conclave::calls {

using namespace webrtc;

std::optional<StreamName> Publisher::name_of(const SourceTable::Source& named) const {
  if (named.mid == "0") return StreamName{member_, MediaKind::audio, 0};
  if (named.mid == "2") return StreamName{member_, MediaKind::screen, 0};
  if (named.mid != "1") return std::nullopt;
  // Without a rid the page sends one encoding only: that is the lowest for us.
  if (named.rid.empty() || named.rid == "q") return StreamName{member_, MediaKind::video, 0};
  if (named.rid == "h") return StreamName{member_, MediaKind::video, 1};
  if (named.rid == "f") return StreamName{member_, MediaKind::video, 2};
  return std::nullopt;
}

Publisher::Source* Publisher::source_for(std::uint32_t ssrc, const SourceTable::Source& named) {
  auto name = name_of(named);
  if (!name) return nullptr;
  auto found = sources_.find(ssrc);
  if (found != sources_.end()) {
    if (found->second.name.number() == name->number()) return &found->second;
    sources_.erase(found);  // moved to another line
  }
  // The newest source of a stream takes its place.
  std::erase_if(sources_, [&](auto& other) { return other.second.name.number() == name->number(); });
  if (sources_.size() >= SourceTable::sources_max) return nullptr;
  bool video = name->kind != MediaKind::audio;
  return &sources_.emplace(ssrc, Source{ReceiveStream(ssrc, video ? 90000 : 48000, video), *name, {}, 0})
              .first->second;
}

std::optional<Publisher::Heard> Publisher::hear(const RtpPacket& packet, TimePoint arrival) {
  auto extensions = packet.extensions(claims_.extensions);
  if (extensions.transport_cc) arrivals_.hear(*extensions.transport_cc, arrival);
  auto& types = claims_.payload_types;
  auto type = packet.header.payload_type;
  if (type != types.opus && type != types.vp8 && type != types.vp8_rtx) return std::nullopt;
  bool rtx = type == types.vp8_rtx;
  auto* named = table_.hear(packet.header, extensions, rtx);
  if (!named || (rtx && named->repairs == 0)) return std::nullopt;
  auto* source = rtx ? nullptr : source_for(packet.header.ssrc, *named);
  if (rtx) {
    auto found = sources_.find(named->repairs);
    if (found != sources_.end()) source = &found->second;
  }
  if (!source) return std::nullopt;
  auto header = packet.header;
  auto payload = packet.payload;
  if (rtx) {
    auto original = unwrap_rtx(payload);
    if (!original || original->payload.empty()) {
      ++padding_;  // Chromium probes with it; it ends here
      return std::nullopt;
    }
    header = {header.marker, types.vp8, original->sequence, header.timestamp, source->stream.ssrc()};
    payload = original->payload;
  }
  if (source->stream.hear(header, packet.size, arrival, rtx) == ReceiveStream::Verdict::duplicate) {
    padding_ += rtx;
    return std::nullopt;
  }
  repaired_ += rtx;
  auto stream = source->name.number();
  auto number = source->numbers.unwrap(header.sequence);
  auto [newest, first] = newest_.try_emplace(stream, number + 0x10000 * 16);
  if (source->stream.packets() == 1)
    source->shift = newest->second - number + (first ? 0 : 2 * std::int64_t{Feed::restart_step});
  auto sequence = number + source->shift;
  newest->second = std::max(newest->second, sequence);

  Heard out;
  out.name = source->name;
  out.unit = {stream, 0, static_cast<std::uint32_t>(sequence), header.timestamp, 0, 127, payload};
  if (header.marker) out.unit.flags |= MediaUnit::frame_end;
  if (source->name.kind == MediaKind::audio) {
    out.unit.flags |= MediaUnit::frame_start;
    if (extensions.audio_level) out.unit.level = extensions.audio_level->below_overload;
    read_copies(*source, header, out);
    look_at(out);
    return out;
  }
  if (auto picture = decode_vp8(payload)) {
    auto& flags = out.unit.flags;
    if (picture->start) flags |= MediaUnit::frame_start;
    if (picture->key_frame) flags |= MediaUnit::key_frame;
    if (picture->layer_sync) flags |= MediaUnit::layer_sync;
    if (picture->discardable) flags |= MediaUnit::discardable;
    flags = static_cast<Byte>(flags | picture->temporal_id.value_or(0) << 6);
    out.picture = *picture;
    look_at(out);
  } else {
    out.unit.payload = {};  // padding in the stream itself: only its number matters
    ++padding_;
  }
  return out;
}

void Publisher::read_copies(Source& source, const RtpHeader& header, Heard& heard) {
  // Packets of one encoder are equally far apart.
  auto step = header.timestamp - std::exchange(source.timestamp, header.timestamp);
  bool next = static_cast<std::uint16_t>(header.sequence - std::exchange(source.sequence, header.sequence)) == 1;
  constexpr std::uint32_t step_min = 120, step_max = 5760;  // 2.5 to 120 ms
  if (next && step >= step_min && step <= step_max) source.step = step;
  auto payload = read_audio(heard.unit.payload);
  heard.unit.payload = payload.frame;
  for (auto back = static_cast<std::uint32_t>(payload.count); back > 0; --back) {
    auto earlier = heard.unit;
    earlier.sequence -= back;
    earlier.timestamp -= back * source.step;
    earlier.payload = payload.copies[back - 1];
    heard.earlier[heard.earlier_count++] = earlier;
  }
}

void Publisher::look_at(const Heard& heard) {
  if (!seals_ || (heard.unit.flags & MediaUnit::frame_start) == 0) return;
  auto frame = heard.unit.payload.subspan(heard.picture ? heard.picture->size : 0);
  ++(seals_->has(heard.name.kind, frame) ? seal_count_.sealed : seal_count_.clear);
}

std::optional<std::pair<StreamName, ReceiveStream::Mapping>> Publisher::hear(const SenderReport& report,
                                                                             TimePoint arrival) {
  auto found = sources_.find(report.ssrc);
  if (found == sources_.end()) return std::nullopt;
  found->second.stream.hear(report, arrival);
  auto mapping = found->second.stream.mapping();
  if (!mapping) return std::nullopt;
  return std::pair(found->second.name, *mapping);
}

bool Publisher::ask_key_frame(std::uint32_t stream, std::vector<Rtcp>& out) const {
  for (auto& [ssrc, source] : sources_) {
    if (source.name.number() != stream) continue;
    out.emplace_back(PictureLoss{our_ssrc, ssrc});
    return true;
  }
  return false;
}

void Publisher::collect(TimePoint now, Duration rtt, std::vector<Rtcp>& out) {
  // Chromium takes feedback only if it names an SSRC of its own.
  auto any = sources_.empty() ? 0 : sources_.begin()->first;
  for (auto& feedback : arrivals_.feedback(now, our_ssrc, any)) out.emplace_back(std::move(feedback));
  for (auto& [ssrc, source] : sources_) {
    auto lost = source.stream.nack(now, rtt);
    if (!lost.empty()) out.emplace_back(Nack{our_ssrc, ssrc, std::move(lost)});
  }
}

std::vector<Publisher::GivenUp> Publisher::take_given_up() {
  std::vector<GivenUp> out;
  for (auto& [ssrc, source] : sources_) {
    auto lost = source.stream.take_given_up();
    if (!lost.all && lost.numbers.empty()) continue;
    auto& one = out.emplace_back(GivenUp{source.name.number(), lost.all, {}});
    for (auto number : lost.numbers)
      one.sequences.push_back(static_cast<std::uint32_t>(source.numbers.peek(number) + source.shift));
  }
  return out;
}

ReceiverReport Publisher::report(TimePoint now) {
  ReceiverReport out{our_ssrc, {}};
  double lost = 0;
  for (auto& [ssrc, source] : sources_) {
    if (out.blocks.size() == 31) break;
    out.blocks.push_back(source.stream.report(now));
    auto fraction = out.blocks.back().fraction_lost / 256.0;
    lost = std::max(lost, fraction);
    if (source.name.kind == MediaKind::audio) audio_copies_ = redundancy_.copies(audio_loss_.hear(fraction));
  }
  loss_ = lost;
  return out;
}

TimePoint Publisher::nack_deadline() const {
  auto out = TimePoint::max();
  for (auto& [ssrc, source] : sources_) out = std::min(out, source.stream.nack_deadline());
  return out;
}

}  // namespace conclave::calls
