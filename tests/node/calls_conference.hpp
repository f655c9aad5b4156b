#pragma once
/// A conference of one node, or of two with a wire: its pages publish cameras and microphones while virtual time runs.
#include <memory>

#include "tests/node/calls_room.hpp"

namespace conclave::calls::test {

constexpr Duration second{1'000'000}, frame_span{33'333}, audio_span{20'000}, step{5'000};
constexpr std::uint16_t video_mid = 4, audio_mid = 3;

inline ForwarderLimits wide(double bps = 8e6) {
  ForwarderLimits out;
  out.page = {bps, 60'000, bps};
  out.link = {10e6, 60'000, 50e6};
  return out;
}

/// One node, or two with a wire; pages publish while time runs.
struct Conference {
  sim::World world;
  std::vector<std::unique_ptr<Site>> sites;
  std::unique_ptr<Wire> wire;
  std::set<TestPage*> cameras, microphones;
  std::map<TestPage*, Byte> levels;
  std::set<int> layers{0, 1, 2};
  std::set<int> key_layers;  ///< a key frame is asked for
  std::size_t frame = 0;
  TimePoint frame_at{}, audio_at{}, report_at{};
  bool temporal = true, answers_key_frames = true;
  std::map<std::pair<TestPage*, int>, std::size_t> key_frames_asked;

  explicit Conference(std::size_t count = 1, ForwarderLimits limits = wide()) {
    pass(world, std::chrono::hours(1));
    for (std::size_t i = 0; i < count; ++i) sites.push_back(std::make_unique<Site>(world, static_cast<Byte>(i + 1), limits));
  }
  void connect(std::function<bool()> lost = [] { return false; }) {
    wire = std::make_unique<Wire>(*sites[0], *sites[1], std::move(lost));
  }
  void watch(TestPage& page, const TestPage& whom, std::uint16_t height = 720) {
    std::vector<Watched> lines{{audio_mid, {}, MediaKind::audio, 0}, {video_mid, whom.id, MediaKind::video, height}};
    page.site.forwarder->watch(page.session, lines, world.now());
  }
  void publish() {
    auto now = world.now();
    if (now >= frame_at) {
      frame_at = now + frame_span;
      auto shape = temporal ? pattern(frame) : Frame{};
      for (auto* page : cameras) {
        for (auto layer : page->asked_key_frames()) {
          ++key_frames_asked[{page, layer}];
          if (answers_key_frames) key_layers.insert(layer);
        }
        // Browsers put a key frame where a base frame is due.
        bool key = (frame == 0 || !key_layers.empty()) && shape.temporal == 0;
        page->publish_video(now, layers, key, shape.temporal, shape.sync);
        if (key) key_layers.clear();
      }
      ++frame;
    }
    if (now >= audio_at) {
      audio_at = now + audio_span;
      for (auto* page : microphones) page->publish_audio(now, levels.contains(page) ? levels[page] : Byte{90});
    }
    if (now >= report_at) {
      report_at = now + Duration(500'000);
      for (auto* page : cameras) page->report(now);
    }
  }
  void run(Duration span) {
    for (auto end = world.now() + span; world.now() < end;) {
      publish();
      for (auto& site : sites) site->pump();
      if (wire) wire->pump();
      for (auto& site : sites) site->pump();
      pass(world, step);
    }
  }
};

}  // namespace conclave::calls::test
