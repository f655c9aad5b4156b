#include "tests/browser/endpoint_room.hpp"

#include <cstdio>

#include "transport/webrtc/big_endian.hpp"

namespace conclave::test {
namespace {

using namespace webrtc;

/// The page's lines: 0 microphone, 1 camera, 2 and 3 the slot (tests/browser/endpoint_page.js).
constexpr std::string_view audio_mid = "2", video_mid = "3";
constexpr std::uint32_t audio_ssrc = 0x10004, video_ssrc = 0x10006, video_rtx_ssrc = 0x10007, our_ssrc = 1;
constexpr Duration tick_span{20'000}, report_span{1'000'000}, layer_silence{1'500'000};

SendStream make_stream(const Claims& claims, bool video, Random& random) {
  SendStreamConfig config;
  config.ssrc = video ? video_ssrc : audio_ssrc;
  config.rtx_ssrc = video ? video_rtx_ssrc : 0;
  config.payload_type = video ? claims.payload_types.vp8 : claims.payload_types.opus;
  config.rtx_payload_type = video ? claims.payload_types.vp8_rtx : Byte{0};
  config.clock_rate = video ? 90000 : 48000;
  return SendStream(config, Rewriter(config.clock_rate, static_cast<std::uint16_t>(random.below(0x8000)),
                                     static_cast<std::uint32_t>(random.next()), {1, 1}));
}

}  // namespace

void Room::start(Endpoint& endpoint, Attachment& attachment) {
  endpoint_ = &endpoint;
  attachment_ = &attachment;
  tick();
}

void Room::tick() {
  auto now = clock_.now();
  for (auto& [id, member] : members_) service(member, now);
  if (now - reported_ >= report_span) reported_ = now;
  attachment_->poke();
  clock_.at(now + tick_span, [this] { tick(); });
}

void Room::connected(SessionId session) {
  auto& claims = *endpoint_->claims(session);
  auto& member = members_
                     .emplace(session.raw(), Member{.id = session,
                                                    .table = {},
                                                    .sources = {},
                                                    .arrivals = {},
                                                    .departures = {},
                                                    .estimator = BandwidthEstimator(),
                                                    .prober = Prober(),
                                                    .audio = make_stream(claims, false, random_),
                                                    .video = make_stream(claims, true, random_)})
                     .first->second;
  member.prober.start(member.estimator.target(), clock_.now());
}

void Room::closed(SessionId session, Error) { members_.erase(session.raw()); }

void Room::message(SessionId session, const Sctp::Message& message) {
  (void)endpoint_->send_message(session, message.channel, message.bytes, message.text);
}

Room::Member* Room::other(const Member& member) {
  Member* out = nullptr;
  for (auto& [id, candidate] : members_) {
    if (&candidate != &member && !candidate.sources.empty()) out = &candidate;
  }
  return out;
}

Room::Source* Room::source_for(Member& member, const RtpPacket& packet, const SourceTable::Source& named) {
  auto ssrc = named.retransmission ? named.repairs : packet.header.ssrc;
  auto found = member.sources.find(ssrc);
  if (found != member.sources.end()) return &found->second;
  if (named.retransmission) return nullptr;
  bool video = packet.header.payload_type != endpoint_->claims(member.id)->payload_types.opus;
  Source made{.stream = ReceiveStream(ssrc, video ? 90000 : 48000, video),
              .ring = PacketRing(video ? 1024 : 128),
              .key_frame = {},
              .rid = named.rid,
              .video = video};
  return &member.sources.emplace(ssrc, std::move(made)).first->second;
}

void Room::rtp(SessionId from, const RtpPacket& packet, TimePoint arrival) {
  if (random_.unit() < loss_) return;
  auto& member = members_.at(from.raw());
  auto& claims = *endpoint_->claims(from);
  auto extensions = packet.extensions(claims.extensions);
  if (extensions.transport_cc) member.arrivals.hear(*extensions.transport_cc, arrival);
  bool rtx = packet.header.payload_type == claims.payload_types.vp8_rtx;
  auto* named = member.table.hear(packet.header, extensions, rtx);
  if (!named) return;
  auto* source = source_for(member, packet, *named);
  if (!source) return;
  auto header = packet.header;
  auto payload = packet.payload;
  if (rtx) {
    auto original = unwrap_rtx(payload);
    if (!original || original->payload.empty()) {
      ++padding_;  // Chromium probes with it; it ends here
      return;
    }
    header = {header.marker, claims.payload_types.vp8, original->sequence, header.timestamp, source->stream.ssrc()};
    payload = original->payload;
  }
  if (payload.empty()) ++padding_;
  auto verdict = source->stream.hear(header, packet.size, arrival, rtx);
  if (verdict == ReceiveStream::Verdict::duplicate) {
    padding_ += rtx;
    return;
  }
  repaired_ += rtx;
  if (source->stream.take_broken()) source->key_frame.want();
  source->ring.keep(header, payload, arrival);
  forward(member, *source, header, payload, arrival);
}

void Room::forward(Member& from, Source& source, const RtpHeader& header, ByteView payload, TimePoint now) {
  for (auto& [id, to] : members_) {
    if (other(to) != &from) continue;
    if (source.video) {
      forward_video(to, from, source, header, payload, now);
      continue;
    }
    if (to.audio_source != header.ssrc) {
      to.audio.rewriter().switch_source(header, {}, source.stream.mapping(), now);
      to.audio_source = header.ssrc;
    }
    auto place = to.audio.rewriter().place(header, {}, now);
    if (place) send(to, to.audio.send(*place, header, header.ssrc, payload.size(), now), audio_mid, {}, payload);
  }
}

/// The best layer that fits the estimate; layers that the page has stopped sending do not count.
Room::Source* Room::wanted(Member& to, Member& from, TimePoint now) {
  Source *best = nullptr, *least = nullptr;
  for (auto& [ssrc, source] : from.sources) {
    auto heard = source.stream.last_arrival();
    if (!source.video || !heard || now - *heard > layer_silence) continue;
    if (!least || source.bitrate < least->bitrate) least = &source;
    bool fits = static_cast<double>(source.bitrate) < 0.9 * to.estimator.target();
    if (fits && (!best || source.bitrate > best->bitrate)) best = &source;
  }
  return best ? best : least;
}

void Room::forward_video(Member& to, Member& from, Source& source, const RtpHeader& header, ByteView payload,
                         TimePoint now) {
  auto descriptor = decode_vp8(payload);
  if (!descriptor) {  // padding in the stream itself: the receiver's numbers close over it
    if (to.video_source == header.ssrc) to.video.rewriter().leave_out(header, false);
    return;
  }
  if (descriptor->key_frame) source.key_frame.satisfied();
  Rewriter::Picture picture{descriptor->picture_id.value_or(0), descriptor->tl0_index.value_or(0)};
  if (to.video_source != header.ssrc) {
    if (wanted(to, from, now) != &source) return;
    if (!descriptor->key_frame) {
      source.key_frame.want();
      return;
    }
    to.video.rewriter().switch_source(header, picture, source.stream.mapping(), now);
    to.video_source = header.ssrc;
    ++switches_;
  }
  auto place = to.video.rewriter().place(header, picture, now);
  if (!place) return;
  std::array<Byte, 8> head;
  std::copy_n(payload.begin(), descriptor->size, head.begin());
  rewrite_vp8(MutableBytes(head).first(descriptor->size), *descriptor, place->picture.id, place->picture.tl0);
  send(to, to.video.send(*place, header, header.ssrc, payload.size(), now), video_mid,
       ByteView(head).first(descriptor->size), payload.subspan(descriptor->size));
}

void Room::send(Member& to, const RtpHeader& header, std::string_view mid, ByteView head, ByteView payload,
                std::uint32_t probe) {
  RtpExtensions extensions;
  extensions.mid = mid;
  auto size = head.size() + payload.size() + 40;
  extensions.transport_cc = to.departures.send(size, clock_.now(), probe);
  ++forwarded_;
  if (random_.unit() < loss_) return;
  (void)endpoint_->send_rtp(to.id, header, extensions, head, payload);
}

/// A packet again, under the retransmission's SSRC, with the same rewritten descriptor as the first time: a browser
/// may take a double for a frame of its own, and foreign picture ids then spoil its references.
std::size_t Room::send_again(Member& member, const SendStream::Again& again, std::uint32_t probe, TimePoint now) {
  for (auto& [id, from] : members_) {
    auto source = from.sources.find(again.source);
    if (source == from.sources.end()) continue;
    auto stored = source->second.ring.find(again.source_sequence, now);
    auto descriptor = stored ? decode_vp8(stored->payload) : fail(Errc::not_found);
    if (!descriptor) continue;
    auto [header, osn] = member.video.retransmission(again);
    std::array<Byte, 10> head{osn[0], osn[1]};
    std::copy_n(stored->payload.begin(), descriptor->size, head.begin() + 2);
    rewrite_vp8(MutableBytes(head).subspan(2, descriptor->size), *descriptor, again.place.picture.id,
                again.place.picture.tl0);
    send(member, header, video_mid, ByteView(head).first(2 + descriptor->size),
         stored->payload.subspan(descriptor->size), probe);
    return stored->payload.size() + 42;
  }
  return 0;
}

void Room::answer_nack(Member& member, const Nack& nack, TimePoint now) {
  if (nack.media != video_ssrc) return;
  for (auto sequence : nack.lost) {
    auto again = member.video.lost(sequence, now, member.video.rtt());
    if (again && send_again(member, *again, 0, now) > 0) ++resent_;
  }
}

void Room::rtcp(SessionId from, std::span<const Rtcp> messages, TimePoint arrival) {
  auto& member = members_.at(from.raw());
  auto ntp = NtpTime::from(clock_.unix_now());
  auto hear_blocks = [&](const std::vector<ReportBlock>& blocks) {
    for (auto& block : blocks) {
      if (block.ssrc == video_ssrc) member.video.hear(block, ntp);
      if (block.ssrc == audio_ssrc) member.audio.hear(block, ntp);
    }
    member.estimator.set_rtt(member.video.rtt());
  };
  for (auto& message : messages) {
    if (auto* report = std::get_if<SenderReport>(&message)) {
      auto source = member.sources.find(report->ssrc);
      if (source != member.sources.end()) source->second.stream.hear(*report, arrival);
      hear_blocks(report->blocks);
    } else if (auto* received = std::get_if<ReceiverReport>(&message)) {
      hear_blocks(received->blocks);
    } else if (auto* nack = std::get_if<Nack>(&message)) {
      answer_nack(member, *nack, arrival);
    } else if (auto* feedback = std::get_if<TransportFeedback>(&message)) {
      auto results = member.departures.hear(*feedback);
      member.estimator.hear(results, arrival);
      if (auto found = member.estimator.take_probe_result()) member.prober.found(*found, 4e6, arrival);
      member.prober.consider(member.estimator.target(), 4e6, false, member.estimator.congested(), arrival);
    } else if (std::holds_alternative<PictureLoss>(message) || std::holds_alternative<FullIntraRequest>(message)) {
      if (auto* sender = other(member)) {
        auto source = sender->sources.find(member.video_source);
        if (source != sender->sources.end()) source->second.key_frame.want();
      }
    }
  }
}

void Room::probe(Member& member, TimePoint now) {
  while (auto probe = member.prober.next(now)) {
    auto again = member.video.newest();
    auto size = again ? send_again(member, *again, probe->cluster, now) : 0;
    if (size == 0) return;
    member.prober.sent(size, now);
  }
}

void Room::service(Member& member, TimePoint now) {
  std::vector<Rtcp> out;
  bool report = now - reported_ >= report_span;
  if (report) {
    ReceiverReport blocks{our_ssrc, {}};
    for (auto& [ssrc, source] : member.sources) {
      source.bitrate = source.stream.bitrate(now);
      if (blocks.blocks.size() < 31) blocks.blocks.push_back(source.stream.report(now));
    }
    for (auto* stream : {&member.audio, &member.video}) {
      if (auto words = stream->report(now, clock_.unix_now())) out.emplace_back(*words);
    }
    out.emplace_back(std::move(blocks));
    out.emplace_back(SourceDescription{our_ssrc, "node"});
  }
  // Chromium takes feedback only if it names an SSRC of its own.
  auto any = member.sources.empty() ? 0 : member.sources.begin()->first;
  for (auto& feedback : member.arrivals.feedback(now, our_ssrc, any)) out.emplace_back(std::move(feedback));
  auto rtt = member.video.rtt();
  for (auto& [ssrc, source] : member.sources) {
    auto lost = source.stream.nack(now, rtt);
    asked_ += lost.size();
    if (!lost.empty()) out.emplace_back(Nack{our_ssrc, ssrc, std::move(lost)});
    if (source.stream.take_broken()) source.key_frame.want();
    if (source.video && source.key_frame.take(now)) {
      out.emplace_back(PictureLoss{our_ssrc, ssrc});
      ++key_frames_asked_;
    }
  }
  // A slot that could show a better layer waits for that layer's key frame.
  auto* sender = other(member);
  auto* best = sender ? wanted(member, *sender, now) : nullptr;
  if (best && report && best->stream.ssrc() != member.video_source) best->key_frame.want();
  probe(member, now);
  if (!out.empty()) (void)endpoint_->send_rtcp(member.id, out);
}

void Room::report() const {
  auto& counters = endpoint_->counters();
  auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("figure forwarder: %llu packets out, %llu padding packets ended here, asked for %llu, repaired %llu, "
              "sent again %llu, %llu key frames asked, %llu layer switches; %llu undecryptable, %llu replayed\n",
              number(forwarded_), number(padding_), number(asked_), number(repaired_), number(resent_),
              number(key_frames_asked_), number(switches_), number(counters.undecryptable), number(counters.replayed));
}

}  // namespace conclave::test
