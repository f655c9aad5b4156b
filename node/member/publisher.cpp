#include "node/member/publisher.hpp"

#include "transport/webrtc/big_endian.hpp"
#include "transport/webrtc/key_frame_request.hpp"

namespace conclave::member {
namespace {

using namespace webrtc;

constexpr Duration sender_report_interval{1'000'000};
/// Behind by more than this the programme goes on from now: a machine that stood still must not flood.
constexpr Duration lag_max{500'000};

/// The layer that a picture of this height is at a page that sends 720p: a quarter, a half, all.
std::string rid_for(std::uint16_t height) { return height <= 240 ? "q" : height <= 400 ? "h" : "f"; }

}  // namespace

Publisher::Publisher(Circle& circle, Programme programme, Random& random)
    : circle_(circle), programme_(std::move(programme)) {
  // Numbers start in the lower half, so that nobody misses the first wrap (transport/webrtc/srtp.hpp).
  auto prepare = [&](Line& line, std::string mid, std::uint32_t rate) {
    line.mid = std::move(mid);
    line.clock_rate = rate;
    line.ssrc = static_cast<std::uint32_t>(random.next() | 1U << 31);
    line.rtx_ssrc = line.ssrc ^ 1;
    line.sequence = static_cast<std::uint16_t>(random.below(0x8000));
    line.timestamp = static_cast<std::uint32_t>(random.next());
  };
  prepare(audio_, "0", 48000);
  prepare(video_, "1", 90000);
  if (programme_.film) {
    video_.rid = rid_for(programme_.film->height);
    if (programme_.fps <= 0) programme_.fps = programme_.film->fps;
    video_.at = random.below(programme_.film->frames.size());  // bots do not blink together
  }
}

Duration Publisher::frame_span() const { return Duration(static_cast<std::int64_t>(1e6 / programme_.fps)); }

void Publisher::attach(Page* page, TimePoint now) {
  page_ = page;
  departures_ = {};
  key_frame_wanted_ = true;
  audio_.next_at = video_.next_at = report_at_ = now;
}

TimePoint Publisher::deadline() const {
  if (!page_) return TimePoint::max();
  auto out = report_at_;
  if (programme_.film) out = std::min(out, video_.next_at);
  if (programme_.song) out = std::min(out, audio_.next_at);
  return out;
}

void Publisher::advance(UnixTime wall, TimePoint now) {
  if (!page_) return;
  for (auto* line : {&audio_, &video_}) {
    if (now - line->next_at > lag_max) line->next_at = now;
  }
  while (page_ && programme_.film && now >= video_.next_at) play_film(now);
  while (page_ && programme_.song && now >= audio_.next_at) play_song(now);
  if (page_ && now >= report_at_) report(wall, now);
}

/// On to the next key frame of the file: what is between is not sent.
void Publisher::skip_to_key_frame() {
  auto& frames = programme_.film->frames;
  while (!frames[video_.at].key_frame) video_.at = (video_.at + 1) % frames.size();
}

void Publisher::play_film(TimePoint now) {
  auto span = frame_span();
  if (key_frame_wanted_) skip_to_key_frame();
  auto& frame = programme_.film->frames[video_.at];
  video_.stamped_at = video_.next_at;
  video_.next_at += span;
  video_.timestamp += static_cast<std::uint32_t>(span.count() * 90 / 1000);
  video_.at = (video_.at + 1) % programme_.film->frames.size();
  auto sealed = circle_.seal(e2ee::Kind::video, frame.bytes);
  if (!sealed) {
    key_frame_wanted_ = true;
    return;
  }
  key_frame_wanted_ = false;
  ++counters_.frames;
  auto packets = packetizer_.packets(*sealed);
  for (std::size_t i = 0; i < packets.size(); ++i)
    send(video_, page_->claims().payload_types.vp8, i + 1 == packets.size(), {}, packets[i], now);
}

void Publisher::play_song(TimePoint now) {
  auto& packet = programme_.song->packets[audio_.at];
  audio_.at = (audio_.at + 1) % programme_.song->packets.size();
  auto samples = opus_samples(packet);
  audio_.stamped_at = audio_.next_at;
  audio_.next_at += Duration(std::int64_t{samples} * 1'000'000 / 48000);
  audio_.timestamp += samples;
  auto sealed = circle_.seal(e2ee::Kind::audio, packet);
  if (!sealed) return;
  ++counters_.frames;
  // Packets of a few bytes are silence (DTX).
  const bool speaks = packet.size() > 8;
  AudioLevel level{speaks, speaks ? programme_.audio_level : Byte{127}};
  send(audio_, page_->claims().payload_types.opus, false, level, *sealed, now);
}

void Publisher::send(Line& line, Byte payload_type, bool marker, std::optional<AudioLevel> level, ByteView payload,
                     TimePoint now) {
  RtpHeader header{marker, payload_type, line.sequence++, line.timestamp, line.ssrc};
  RtpExtensions extensions;
  extensions.mid = line.mid;
  extensions.rid = line.rid;
  extensions.audio_level = level;
  extensions.transport_cc = departures_.send(payload.size() + 48, now);
  if (&line == &video_) line.ring.keep(header, payload, now);
  auto sent = page_->send_rtp(header, extensions, {}, payload);
  if (!sent) return;
  ++line.packets;
  line.octets += static_cast<std::uint32_t>(payload.size());
  ++counters_.packets;
  counters_.bytes += *sent;
}

void Publisher::send_again(std::uint16_t sequence, TimePoint now) {
  auto stored = video_.ring.find(sequence, now);
  auto type = page_->claims().payload_types.vp8_rtx;
  if (!stored || type == 0) return;
  std::array<Byte, 2> original;
  put16(original.data(), sequence);
  RtpHeader header{stored->header.marker, type, video_.rtx_sequence++, stored->header.timestamp, video_.rtx_ssrc};
  RtpExtensions extensions;
  extensions.mid = video_.mid;
  extensions.repaired_rid = video_.rid;
  extensions.transport_cc = departures_.send(stored->payload.size() + 50, now);
  if (page_->send_rtp(header, extensions, original, stored->payload)) ++counters_.resent;
}

void Publisher::hear(std::span<const Rtcp> messages, TimePoint now) {
  for (auto& message : messages) {
    if (!page_) return;
    if (auto* nack = std::get_if<Nack>(&message); nack && nack->media == video_.ssrc) {
      for (auto sequence : nack->lost) send_again(sequence, now);
    } else if (auto* feedback = std::get_if<TransportFeedback>(&message)) {
      (void)departures_.hear(*feedback);
    }
    auto* loss = std::get_if<PictureLoss>(&message);
    auto* intra = std::get_if<FullIntraRequest>(&message);
    const bool ours = (loss && loss->media == video_.ssrc) || (intra && intra->media == video_.ssrc);
    if (!ours || now - key_frame_at_ < KeyFrameRequest::pause) continue;
    key_frame_at_ = now;
    key_frame_wanted_ = true;
    ++counters_.key_frames_on_request;
  }
}

void Publisher::report(UnixTime wall, TimePoint now) {
  report_at_ = now + sender_report_interval;
  std::vector<Rtcp> out;
  for (auto* line : {&audio_, &video_}) {
    if (line->packets == 0) continue;
    // The timestamp of this moment, not of the last frame.
    auto ahead = (now - line->stamped_at).count() * static_cast<std::int64_t>(line->clock_rate / 1000) / 1000;
    out.emplace_back(SenderReport{line->ssrc, NtpTime::from(wall),
                                  static_cast<std::uint32_t>(line->timestamp + ahead), line->packets, line->octets, {}});
    out.emplace_back(SourceDescription{line->ssrc, "member"});
  }
  if (!out.empty()) (void)page_->send_rtcp(out);
}

}  // namespace conclave::member
