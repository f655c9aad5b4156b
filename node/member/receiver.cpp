#include "node/member/receiver.hpp"

namespace conclave::member {
namespace {

constexpr Duration rtcp_interval{1'000'000};
constexpr std::size_t blocks_max = 31;  // of one report

}  // namespace

using namespace webrtc;

void Receiver::reset() {
  slots_.clear();
  arrivals_ = {};
}

Receiver::Slot* Receiver::slot_of(std::uint32_t ssrc) {
  auto own = ssrc & ~1U;
  auto mid = (own - ssrc_base) / 2;
  if (own < ssrc_base || mid < mid_first || mid > mid_max) return nullptr;
  // Audio and video in turn, audio first.
  return &slots_.try_emplace(own, own, (mid - mid_first) % 2 == 1).first->second;
}

void Receiver::hear(const RtpPacket& packet, const Claims& claims, TimePoint now) {
  auto extensions = packet.extensions(claims.extensions);
  if (extensions.transport_cc) arrivals_.hear(*extensions.transport_cc, now);
  auto* slot = slot_of(packet.header.ssrc);
  if (!slot) return;
  ++counters_.packets;
  auto header = packet.header;
  auto payload = packet.payload;
  const bool repair = (header.ssrc & 1) != 0;
  if (repair) {
    auto original = unwrap_rtx(payload);
    if (!slot->picture || !original || original->payload.empty()) return;  // a probe's padding
    header.sequence = original->sequence;
    payload = original->payload;
  }
  auto verdict = slot->stream.hear(header, packet.size, now, repair);
  if (verdict == ReceiveStream::Verdict::duplicate) return;
  counters_.repaired += repair;
  if (!slot->picture) {
    if (!payload.empty() && slot->held.size() < held_max) slot->held.push_back({copy(payload), false, now});
    open_held(*slot, now);
    return;
  }
  slot->assembler.hear(header, payload, now);
  take_frames(*slot, now);
}

void Receiver::hear(const SenderReport& report, TimePoint now) {
  if (auto found = slots_.find(report.ssrc); found != slots_.end()) found->second.stream.hear(report, now);
}

void Receiver::take_frames(Slot& slot, TimePoint now) {
  if (slot.stream.take_broken()) slot.assembler.give_up();
  for (auto& frame : slot.assembler.take(now)) {
    if (slot.held.size() >= held_max) {
      slot.held.clear();
      slot.needs_key_frame = true;
    }
    slot.held.push_back({std::move(frame.bytes), frame.key_frame, now});
  }
  open_held(slot, now);
  if (slot.assembler.broken() || slot.needs_key_frame) slot.key_frame.want();
  else slot.key_frame.satisfied();
}

/// In order: a frame behind one that waits could not be decoded anyway.
void Receiver::open_held(Slot& slot, TimePoint now) {
  while (!slot.held.empty()) {
    auto& held = slot.held.front();
    auto opened = circle_.open(slot.picture, held.bytes, held.arrival, now);
    if (!opened && opened.error() == Errc::not_found) return;
    if (opened) {
      show(slot, held, std::move(*opened), now);
    } else {
      slot.needs_key_frame = true;
    }
    slot.held.pop_front();
  }
}

void Receiver::show(Slot& slot, const Held& held, Circle::Opened&& opened, TimePoint now) {
  Frame frame{opened.from, opened.kind, held.key_frame, std::move(opened.frame)};
  if (!slot.picture) {
    ++counters_.audio_frames;
    sink_(frame, now);
    return;
  }
  auto who = std::pair(opened.from, opened.kind);
  const bool same = slot.shows == who;
  if (!same) slot.needs_key_frame = true;
  slot.shows = who;
  if (slot.needs_key_frame && !held.key_frame) {
    ++counters_.undecodable;
    return;
  }
  slot.needs_key_frame = false;
  if (same && now - slot.shown_at > freeze) ++counters_.freezes;
  slot.shown_at = now;
  ++counters_.video_frames;
  sink_(frame, now);
}

std::vector<Rtcp> Receiver::advance(TimePoint now, Duration rtt, std::uint32_t own_ssrc) {
  std::vector<Rtcp> out;
  for (auto& feedback : arrivals_.feedback(now, own_ssrc, slots_.empty() ? 0 : slots_.begin()->first))
    out.emplace_back(std::move(feedback));
  const bool report = now - reported_ >= rtcp_interval;
  if (report) reported_ = now;
  ReceiverReport blocks{own_ssrc, {}};
  for (auto& [ssrc, slot] : slots_) {
    if (slot.picture) take_frames(slot, now);
    else open_held(slot, now);
    auto missing = slot.stream.nack(now, rtt);
    if (!missing.empty()) out.emplace_back(Nack{own_ssrc, ssrc, std::move(missing)});
    // A slot in which nothing comes any more does not want anything.
    auto heard = slot.stream.last_arrival();
    const bool alive = heard && now - *heard < rtcp_interval;
    if (slot.picture && alive && slot.key_frame.take(now)) {
      out.emplace_back(PictureLoss{own_ssrc, ssrc});
      ++counters_.key_frames_asked;
    }
    if (report && alive && blocks.blocks.size() < blocks_max) blocks.blocks.push_back(slot.stream.report(now));
  }
  if (report && !blocks.blocks.empty()) {
    // Reports lead a compound packet (RFC 3550, 6.1).
    out.insert(out.begin(), SourceDescription{own_ssrc, "member"});
    out.insert(out.begin(), std::move(blocks));
  }
  return out;
}

}  // namespace conclave::member
