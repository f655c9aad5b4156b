// What the forwarder does by the clock: feedback to pages, questions for what is missing, who is heard, which layers
// go where, and telling all of that.
#include <algorithm>
#include <cmath>

#include "node/calls/forwarder.hpp"

namespace conclave::calls {

using namespace webrtc;

namespace {

constexpr Duration choose_span{100'000}, report_span{1'000'000}, published_span{300'000};
constexpr std::size_t speakers_told = 8;
/// Silence and speech differ tenfold; nobody should plan anew for that.
constexpr std::uint32_t audio_bps = 50'000;

/// Small changes of rate and level are nobody's business.
bool alike(const Published& a, const Published& b) {
  auto near = [](double x, double y) { return std::abs(x - y) <= 0.1 * std::max(x, y); };
  return a.stream == b.stream && a.width == b.width && a.height == b.height && near(a.bps, b.bps) &&
         std::abs(a.level - b.level) < 10;
}

}  // namespace

void Forwarder::tick(TimePoint now) {
  service_pages(now);
  ask_gaps(now);
  if (now >= choose_at_) choose(now);
  if (now >= report_at_) {
    tell_quality(now);
    report_at_ = now + report_span;
  }
}

void Forwarder::service_pages(TimePoint now) {
  std::map<Page*, std::vector<Rtcp>> out;
  bool report = now >= report_at_;
  for (auto& [id, page] : pages_) {
    auto& messages = out[page.get()];
    if (report) messages = page->reports(now, clock_.unix_now());
    page->publisher().collect(now, page->rtt(), messages);
    for (const auto& lost : page->publisher().take_given_up()) {
      auto* feed = find(feeds_, lost.stream);
      if (feed && lost.all) feed->key_frame.want();
      for (auto sequence : lost.sequences)
        if (feed) feed->given_up(sequence);
    }
  }
  for (auto& [page, messages] : out) {
    if (!messages.empty()) page->send(messages);
  }
  ask_key_frames(now);
}

void Forwarder::ask_key_frames(TimePoint now) {
  for (auto& [number, feed] : feeds_) {
    if (feed->name().kind == MediaKind::audio || !feed->alive(now) || !feed->key_frame.take(now)) continue;
    ++figures_.key_frames_asked;
    if (!feed->local()) {
      outputs_.ask_key_frame(number);
    } else if (auto* page = page_of(feed->name().member)) {
      std::vector<Rtcp> question;
      if (page->publisher().ask_key_frame(number, question)) page->send(question);
    }
  }
}

void Forwarder::ask_gaps(TimePoint now) {
  auto rtt = [this](LinkId id) {
    auto link = links_.find(id);
    return link == links_.end() ? Duration(100'000) : link->second->rtt();
  };
  for (auto& [number, feed] : feeds_) {
    if (feed->local() || feed->name().kind == MediaKind::audio) continue;
    for (auto& gap : feed->gaps(now, rtt)) {
      auto link = links_.find(gap.link);
      if (link != links_.end()) link->second->ask(number, gap.part, gap.sequences, now);
    }
  }
}

/// Who has spoken lately, then who was heard before, then whoever else has a microphone on.
std::vector<MemberId> Forwarder::audible(TimePoint now) {
  std::vector<MemberId> out;
  auto add = [&](const MemberId& member) {
    auto* feed = find(feeds_, stream_number(member, MediaKind::audio, 0));
    if (out.size() < limits_.audible && feed && feed->available(now) && std::ranges::find(out, member) == out.end())
      out.push_back(member);
  };
  for (auto& member : speakers_.order(now)) add(member);
  for (auto& member : audible_) add(member);
  std::set<MemberId> others;
  for (auto& [number, feed] : feeds_) {
    if (feed->name().kind == MediaKind::audio) others.insert(feed->name().member);
  }
  for (auto& member : others) add(member);
  return out;
}

void Forwarder::choose(TimePoint now) {
  choose_at_ = now + choose_span;
  audible_ = audible(now);
  auto order = speakers_.order(now);
  auto first = order.empty() ? std::nullopt : std::optional(order.front());
  order = order.first(std::min(order.size(), speakers_told));
  if (!std::ranges::equal(order, told_speakers_)) {
    told_speakers_.assign(order.begin(), order.end());
    outputs_.speakers(told_speakers_);
  }
  for (auto& [id, page] : pages_) {
    if (!page->may_send) continue;
    page->listen(audible_);
    // The page hears of new assignments before it gets what they promise.
    tell_slots(*page);
    page->allocate(first, now);
  }
  join_all();
  tell_wanted(now);
  tell_published(now);
}

void Forwarder::tell_slots(Page& page) {
  auto assigned = page.take_assigned();
  if (!assigned.empty()) outputs_.slots_changed(page.session(), assigned);
}

void Forwarder::tell_wanted(TimePoint now) {
  std::set<std::uint32_t> needed;
  for (auto& [id, page] : pages_) {
    if (page->may_send) page->needs(needed);
  }
  std::set<std::uint32_t> wanted;
  for (auto& [number, feed] : feeds_) {
    bool here = needed.contains(number);
    // A muted microphone is silent and yet there: only pictures are given up.
    feed->want((here || !feed->children.empty()) && feed->name().kind != MediaKind::audio, now);
    if (here && !feed->local()) wanted.insert(number);
  }
  if (wanted == wanted_) return;
  wanted_ = std::move(wanted);
  outputs_.wanted(wanted_);
}

void Forwarder::tell_published(TimePoint now) {
  if (now < published_at_) return;
  std::vector<Published> all;
  for (auto& [number, feed] : feeds_) {
    auto& name = feed->name();
    if (!feed->local() || !feed->available(now)) continue;
    Published one{name.member, name.kind, name.layer, number, feed->width, feed->height, feed->usual_rate(now), 127};
    if (name.kind == MediaKind::audio) {
      one.bps = audio_bps;
      one.level = static_cast<Byte>(127 - std::lround(std::min(127.0, speakers_.loudness(name.member, now))));
    }
    all.push_back(one);
  }
  std::ranges::sort(all, {}, &Published::stream);
  if (std::ranges::equal(all, published_, alike)) return;
  published_ = all;
  published_at_ = now + published_span;
  outputs_.published(std::move(all));
}

/// By height where our own pages watch it; by subscriptions where other nodes do. A node that knows of no watcher yet
/// leaves the page alone.
Byte Forwarder::layers_watched(const MemberId& member) const {
  Byte out = 0;
  for (auto& [id, page] : pages_) {
    auto height = page->height_of(member);
    if (height == 0) continue;
    for (Byte layer = 0; layer < 3; ++layer) {
      out = static_cast<Byte>(out | 1 << layer);
      auto* feed = find(feeds_, stream_number(member, MediaKind::video, layer));
      auto tall = feed && feed->height != 0 ? feed->height : 180 << layer;
      if (tall >= height) break;
    }
  }
  for (Byte layer = 0; layer < 3; ++layer) {
    auto* feed = find(feeds_, stream_number(member, MediaKind::video, layer));
    if (feed && !feed->children.empty()) out = static_cast<Byte>(out | 1 << layer);
  }
  return out;
}

void Forwarder::tell_quality(TimePoint) {
  for (auto& [id, page] : pages_) {
    auto quality = page->quality();
    quality.layers_watched = layers_watched(page->member());
    quality.audio_copies = static_cast<Byte>(page->publisher().audio_copies());
    auto& told = page->told;
    bool same = quality.pictures.size() == told.pictures.size() && quality.layers_watched == told.layers_watched &&
                quality.audio_copies == told.audio_copies &&
                std::abs(quality.uplink_loss - told.uplink_loss) < 0.02;
    for (std::size_t i = 0; same && i < quality.pictures.size(); ++i) {
      auto &a = quality.pictures[i], &b = told.pictures[i];
      same = a.member == b.member && a.kind == b.kind && a.height == b.height && a.why == b.why &&
             std::abs(a.loss - b.loss) < 0.02;
    }
    if (same) continue;
    told = quality;
    outputs_.quality(page->session(), quality);
  }
}

}  // namespace conclave::calls
