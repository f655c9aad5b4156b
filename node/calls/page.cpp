#include "node/calls/page.hpp"

#include <algorithm>

namespace conclave::calls {

using namespace webrtc;

namespace {

/// What an audio slot takes, headers included.
constexpr double audio_bps = 50'000;
/// Of the estimate what pictures may take: the rest is for retransmissions and key frames.
constexpr double share = 0.9;
/// Nothing but audio goes out if even this is not there.
constexpr double useful_min = 300'000;

std::uint16_t nominal_height(MediaKind kind, Byte layer) {
  return kind == MediaKind::screen ? std::uint16_t{1080} : static_cast<std::uint16_t>(180 << layer);
}

/// Until half a second of a layer has come.
double nominal_bps(MediaKind kind, Byte layer) {
  constexpr std::array<double, 3> camera{200e3, 600e3, 1700e3};
  return kind == MediaKind::screen ? 1500e3 : camera[layer];
}

}  // namespace

std::vector<LayerOffer> offers_of(const Feeds& feeds, const MemberId& member, MediaKind kind, TimePoint now) {
  std::vector<LayerOffer> out;
  for (Byte layer = 0; layer < (kind == MediaKind::video ? 3 : 1); ++layer) {
    auto* feed = find(feeds, stream_number(member, kind, layer));
    if (!feed || !feed->available(now)) continue;
    auto height = feed->height != 0 ? feed->height : nominal_height(kind, layer);
    auto bps = feed->rate(now);
    out.push_back({layer, height, bps != 0 ? static_cast<double>(bps) : nominal_bps(kind, layer)});
  }
  return out;
}

Page::Page(SessionId session, const MemberId& member, const Claims& claims, Endpoint& endpoint, Feeds& feeds,
           Random& random, const BandwidthLimits& limits, TimePoint now)
    : session_(session),
      member_(member),
      claims_(claims),
      came_(now),
      endpoint_(endpoint),
      feeds_(feeds),
      random_(random),
      publisher_(member, claims_),
      estimator_(limits),
      pacer_(PacerLimits{.burst = burst}) {
  pacer_.set_rate(pace * estimator_.target(), now);
  prober_.start(estimator_.target(), now);
}

void Page::assign(PageSlot& slot, const std::optional<MemberId>& member, MediaKind kind) {
  if (slot.member == member && slot.kind == kind) return;
  slot.member = member;
  slot.kind = kind;
  slot.aim(0, 2);
  assigned_.push_back({slot.mid(), member, kind, PageSlot::ssrc_of(slot.mid())});
}

void Page::watch(std::span<const Watched> lines) {
  std::set<std::uint16_t> named;
  for (auto& line : lines) {
    bool video = line.kind != MediaKind::audio;
    auto found = slots_.find(line.mid);
    if (found == slots_.end()) {
      if (slots_.size() >= slots_max) continue;
      found = slots_.try_emplace(line.mid, line.mid, video, claims_, random_).first;
    }
    auto& slot = found->second;
    if (slot.video() != video) continue;
    named.insert(line.mid);
    if (!video) continue;
    slot.height = line.height;
    assign(slot, line.member, line.kind);
  }
  for (auto& [mid, slot] : slots_) {
    if (!named.contains(mid)) assign(slot, std::nullopt, slot.kind);
  }
}

void Page::listen(std::span<const MemberId> audible) {
  auto heard = [&](const MemberId& member) {
    return std::ranges::any_of(slots_, [&](auto& slot) { return !slot.second.video() && slot.second.member == member; });
  };
  for (auto& member : audible) {
    if (member == member_ || heard(member)) continue;
    // An empty slot, else that of somebody who is not audible any more.
    PageSlot* free = nullptr;
    for (auto& [mid, slot] : slots_) {
      if (slot.video()) continue;
      bool gone = slot.member && std::ranges::find(audible, *slot.member) == audible.end();
      if (!slot.member) {
        free = &slot;
        break;
      }
      if (gone && !free) free = &slot;
    }
    if (!free) continue;
    assign(*free, member, MediaKind::audio);
  }
  for (auto& [mid, slot] : slots_) {
    if (!slot.video() && slot.member) slot.aim(stream_number(*slot.member, MediaKind::audio, 0), 0);
  }
}

void Page::allocate(const std::optional<MemberId>& first, TimePoint now) {
  std::vector<LayerWish> wishes;
  std::vector<PageSlot*> slots;
  double audio = 0;
  for (auto& [mid, slot] : slots_) {
    if (!slot.member || !slot.video()) {
      if (slot.member) audio += audio_bps;
      continue;
    }
    LayerWish wish;
    wish.rank = -slot.height - (slot.kind == MediaKind::screen ? 20'000 : slot.member == first ? 10'000 : 0);
    wish.height = slot.height;
    if (*slot.member != member_) wish.offers = offers_of(feeds_, *slot.member, slot.kind, now);
    slot.offered = !wish.offers.empty();
    if (slot.stream() != 0) {
      wish.now = static_cast<Byte>(slot.stream() & 15);
      wish.temporal_now = slot.temporal();
    }
    wishes.push_back(std::move(wish));
    slots.push_back(&slot);
  }
  useful_ = std::max(useful_min, 1.3 * (full_rate(wishes) + audio));
  auto choices = calls::allocate(wishes, share * estimator_.target() - audio);
  pictures_.clear();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto& slot = *slots[i];
    auto& choice = choices[i];
    slot.aim(choice.layer ? stream_number(*slot.member, slot.kind, *choice.layer) : 0, choice.temporal);
    pictures_.push_back({slot.mid(), choice});
    auto* feed = find(feeds_, slot.target());
    if (!feed || !slot.waiting(*feed)) continue;
    if (slot.stream() == 0 && catch_up(slot, *feed, now)) ++cache_joins;
    else feed->key_frame.want();
  }
}

void Page::take(PageSlot& slot, Feed& feed, const MediaUnit& unit, const std::optional<Vp8Descriptor>& picture,
                TimePoint now) {
  auto departure = slot.take(feed, unit, picture, now);
  if (!departure) return;
  if (slot.video()) {
    auto& got = got_[unit.stream];
    bool further = got.generation != feed.generation() || static_cast<std::int32_t>(unit.sequence - got.newest) > 0;
    if (further) got = {feed.generation(), unit.sequence};
  }
  // Pictures leave in their order, whatever temporal layer: a page would ask for what was overtaken. Which layers go
  // out at all is the allocator's business.
  auto urgency = slot.video() ? Urgency::base : Urgency::audio;
  auto size = (unit.payload.size() + 60) * (slot.video() ? 1 : 1 + audio_copies_);
  pacer_.push(urgency, size, Item{&slot, *departure}, now);
  if (slot.video() && departure->header.marker && loss_.loss() > TailRepeat::loss_min && !estimator_.congested())
    tails_.push_back({now + Duration(TailRepeat::delay_us), &slot, departure->header.sequence});
}

void Page::push_again(PageSlot& slot, const std::optional<PageSlot::Departure>& departure, TimePoint now) {
  if (departure) pacer_.push(Urgency::retransmission, 1200, Item{&slot, *departure}, now);
}

void Page::repeat_tails(TimePoint now) {
  for (; !tails_.empty() && tails_.front().at <= now; tails_.pop_front()) {
    auto& tail = tails_.front();
    push_again(*tail.slot, tail.slot->lost(tail.sequence, now, rtt_), now);
  }
}

bool Page::catch_up(PageSlot& slot, Feed& feed, TimePoint now) {
  auto run = feed.key_run(now);
  if (!run || run->at <= came_) return false;
  std::erase_if(got_, [this](auto& entry) { return find(feeds_, entry.first) == nullptr; });
  auto got = got_.find(feed.number());
  bool had = got != got_.end() && got->second.generation == feed.generation() &&
             static_cast<std::int32_t>(run->first - got->second.newest) <= 0;
  if (had) return false;
  for (auto sequence = run->first; static_cast<std::int32_t>(*feed.newest() - sequence) >= 0; ++sequence) {
    auto unit = feed.find(sequence, now);
    if (!unit) break;
    auto picture = decode_vp8(unit->payload);
    take(slot, feed, *unit, picture ? std::optional(*picture) : std::nullopt, now);
  }
  drain(now);
  return true;
}

void Page::drain(TimePoint now) {
  repeat_tails(now);
  while (auto out = pacer_.pop(now)) send(out->item, now);
}

void Page::send(const Item& item, TimePoint now) {
  auto& departure = item.departure;
  auto* feed = find(feeds_, departure.stream);
  auto unit = feed ? feed->find_low(departure.sequence, now) : std::nullopt;
  if (!unit) return;
  auto head = item.slot->head(departure, unit->payload);
  auto rest = unit->payload.subspan(head.skip);
  RtpExtensions extensions;
  extensions.mid = item.slot->mid_text();
  if (claims_.extensions.transport_cc != 0)
    extensions.transport_cc =
        departures_.send(head.size + rest.size() + 60, now, departure.probe, Copy::of(*item.slot, departure).pack());
  auto& slot = *item.slot;
  if (!slot.recent.empty()) send_again(slot, now);
  auto sealed = endpoint_.send_rtp(session_, departure.header, extensions, head.view(), rest);
  if (!sealed) return;
  if (!slot.video() && audio_copies_ > 0) slot.recent.push_back({copy(*sealed), extensions.transport_cc, audio_copies_});
  ++sent;
  resent += departure.again && departure.probe == 0;
}

Page::Copy Page::Copy::of(const PageSlot& slot, const PageSlot::Departure& departure) {
  return {slot.mid(), departure.place.sequence, static_cast<std::uint32_t>(departure.copy)};
}

/// A browser asks no more for what it lacks of a picture as soon as a later one can do without it, as a sync picture of
/// an upper layer can; nor after ten times. What builds on the lost one stands still all the same. A full way is not filled
/// further.
void Page::repeat_lost(std::span<const PacketResult> results, TimePoint now) {
  if (estimator_.congested()) return;
  for (auto& result : results)
    if (!result.arrived && result.probe == 0) repeat_lost(Copy::unpack(result.tag), now);
  for (auto tag : departures_.untold()) repeat_lost(Copy::unpack(tag), now);
}

void Page::repeat_lost(const Copy& copy, TimePoint now) {
  auto found = slots_.find(copy.mid);
  if (found == slots_.end()) return;
  push_again(found->second, found->second.gone(copy.sequence, static_cast<int>(copy.number), now), now);
}

/// Browsers ask for no audio again. A copy goes out with each of the next packets, 20 ms later: what loses one packet
/// often loses its neighbour in time.
void Page::send_again(PageSlot& slot, TimePoint now) {
  for (auto& earlier : slot.recent) {
    --earlier.left;
    if (!endpoint_.send_sealed(session_, earlier.packet)) continue;
    if (earlier.number) departures_.again(*earlier.number, now);
    ++repeated;
  }
  std::erase_if(slot.recent, [](auto& earlier) { return earlier.left == 0; });
}

PageSlot* Page::slot_of(std::uint32_t ssrc, bool retransmission) {
  if (ssrc < 0x10000 || (ssrc & 1) != (retransmission ? 1u : 0u)) return nullptr;
  auto found = slots_.find(static_cast<std::uint16_t>((ssrc - 0x10000) / 2));
  return found == slots_.end() ? nullptr : &found->second;
}

std::vector<std::uint32_t> Page::hear(std::span<const Rtcp> messages, TimePoint now, UnixTime wall) {
  std::vector<std::uint32_t> wanted;
  auto want = [&](std::uint32_t ssrc) {
    auto* slot = slot_of(ssrc, false);
    if (slot && slot->video() && slot->stream() != 0) wanted.push_back(slot->stream());
  };
  for (auto& message : messages) {
    if (auto* report = std::get_if<SenderReport>(&message)) {
      for (auto& block : report->blocks) hear(block, wall);
    } else if (auto* received = std::get_if<ReceiverReport>(&message)) {
      for (auto& block : received->blocks) hear(block, wall);
    } else if (auto* nack = std::get_if<Nack>(&message)) {
      auto* slot = slot_of(nack->media, false);
      for (auto sequence : slot ? std::span(nack->lost) : std::span<const std::uint16_t>()) {
        push_again(*slot, slot->lost(sequence, now, rtt_), now);
      }
    } else if (auto* feedback = std::get_if<TransportFeedback>(&message)) {
      hear(*feedback, now);
    } else if (auto* picture = std::get_if<PictureLoss>(&message)) {
      want(picture->media);
    } else if (auto* intra = std::get_if<FullIntraRequest>(&message)) {
      want(intra->media);
    }
  }
  drain(now);
  return wanted;
}

void Page::hear(const ReportBlock& block, UnixTime wall) {
  auto* slot = slot_of(block.ssrc, false);
  if (!slot) return;
  slot->out().hear(block, NtpTime::from(wall));
  rtt_ = slot->out().rtt();
  estimator_.set_rtt(rtt_);
}

void Page::hear(const TransportFeedback& feedback, TimePoint now) {
  auto results = departures_.hear(feedback);
  estimator_.hear(results, now);
  repeat_lost(results, now);
  if (auto found = estimator_.take_probe_result()) prober_.found(*found, useful_, now);
  bool using_it = estimator_.delivered() > 0.8 * estimator_.target();
  prober_.consider(estimator_.target(), useful_, using_it, estimator_.congested(), now);
  pacer_.set_rate(pace * estimator_.target(), now);
}

void Page::probe(TimePoint now) {
  while (auto due = prober_.next(now)) {
    // Any picture will do: the largest is most likely to have something new to repeat.
    PageSlot* best = nullptr;
    for (auto& [mid, slot] : slots_) {
      if (can_probe(slot) && (!best || slot.stream() != 0) && (!best || best->stream() == 0 || slot.height > best->height))
        best = &slot;
    }
    auto size = best ? fill(*best, due->cluster, now) : 0;
    if (size == 0) return;
    prober_.sent(size, now);
  }
}

bool Page::can_probe(const PageSlot& slot) {
  return slot.video() && (slot.stream() != 0 || slot.offered) && slot.out().config().rtx_ssrc != 0;
}

/// Something that costs what a probe has to cost: what was sent last, or padding where nothing was. Its size, 0 if it
/// did not leave.
std::size_t Page::fill(PageSlot& slot, std::uint32_t cluster, TimePoint now) {
  auto departure = slot.stream() != 0 ? slot.filling(cluster) : std::nullopt;
  auto* feed = departure ? find(feeds_, departure->stream) : nullptr;
  auto unit = feed ? feed->find_low(departure->sequence, now) : std::nullopt;
  if (unit) {
    auto before = sent;
    send(Item{&slot, *departure}, now);
    return sent == before ? 0 : unit->payload.size() + 60;
  }
  // Before the first picture: else one that is larger than the first estimate would wait for ever.
  constexpr std::size_t padding = 255;  // RFC 3550: one byte says how much
  RtpExtensions extensions;
  extensions.mid = slot.mid_text();
  if (claims_.extensions.transport_cc != 0) extensions.transport_cc = departures_.send(padding + 60, now, cluster);
  return endpoint_.send_rtp(session_, slot.out().padding(), extensions, {}, {}, padding) ? padding + 60 : 0;
}

std::vector<Rtcp> Page::reports(TimePoint now, UnixTime wall) {
  std::vector<Rtcp> out;
  audio_copies_ = redundancy_.copies(loss_.hear(estimator_.loss()));
  for (auto& [mid, slot] : slots_) {
    if (auto report = slot.out().report(now, wall)) out.emplace_back(*report);
  }
  out.emplace_back(publisher_.report(now));
  out.emplace_back(SourceDescription{Publisher::our_ssrc, "node"});
  return out;
}

void Page::send(std::span<const Rtcp> messages) {
  // A feedback message may fill a packet; of the others a few dozen fit.
  constexpr std::size_t together = 16;
  std::size_t from = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    bool last = i + 1 == messages.size() || i + 1 - from == together ||
                std::holds_alternative<TransportFeedback>(messages[i]) ||
                std::holds_alternative<ReceiverReport>(messages[i]);
    if (!last) continue;
    // A page that has just gone fails here; it will be removed in a moment.
    (void)endpoint_.send_rtcp(session_, messages.subspan(from, i + 1 - from));
    from = i + 1;
  }
}

TimePoint Page::deadline() const {
  auto out = pacer_.deadline();
  if (!tails_.empty()) out = std::min(out, tails_.front().at);
  bool probes = std::ranges::any_of(slots_, [](auto& slot) { return can_probe(slot.second); });
  return probes ? std::min(out, prober_.deadline()) : out;
}

Quality Page::quality() const {
  Quality out;
  out.downlink_bps = estimator_.target();
  out.uplink_loss = publisher_.loss();
  for (auto& [mid, choice] : pictures_) {
    auto found = slots_.find(mid);
    if (found == slots_.end() || !found->second.member) continue;
    auto& slot = found->second;
    Quality::Picture picture{*slot.member, slot.kind, 0, slot.out().fraction_lost(), Smaller::none};
    auto* shown = find(feeds_, slot.stream());
    if (shown) picture.height = shown->height;
    auto* aimed = find(feeds_, slot.target());
    if (choice.short_of_bandwidth) picture.why = Smaller::downlink;
    else if (aimed && !aimed->local() && aimed->wanted() && slot.stream() != slot.target()) picture.why = Smaller::uplink;
    else if (choice.short_of_offer || !choice.layer) picture.why = Smaller::theirs;
    out.pictures.push_back(picture);
  }
  return out;
}

void Page::needs(std::set<std::uint32_t>& out) const {
  for (auto& [mid, slot] : slots_) {
    if (slot.target() != 0) out.insert(slot.target());
    if (slot.stream() != 0) out.insert(slot.stream());
  }
}

std::uint16_t Page::height_of(const MemberId& member) const {
  std::uint16_t out = 0;
  for (auto& [mid, slot] : slots_) {
    if (slot.member == member && slot.kind == MediaKind::video) out = std::max(out, slot.height);
  }
  return out;
}

}  // namespace conclave::calls
