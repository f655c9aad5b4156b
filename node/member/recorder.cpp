#include "node/member/recorder.hpp"

#include <filesystem>

namespace conclave::member {
namespace {

constexpr std::size_t name_max = 32;

std::string file_name(const Frame& frame, std::string_view name) {
  std::string out;
  for (char c : name.substr(0, name_max)) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (plain) out += c;
  }
  out += (out.empty() ? "" : "-") + hex(frame.from);
  if (frame.kind == e2ee::Kind::audio) return out + ".ogg";
  return out + (frame.kind == e2ee::Kind::screen ? "-screen.ivf" : ".ivf");
}

/// Picture size in the clear bytes of a VP8 key frame (RFC 6386, 9.1).
std::pair<std::uint16_t, std::uint16_t> size_of(ByteView key_frame) {
  if (key_frame.size() < 10) return {0, 0};
  auto number = [&](std::size_t at) {
    return static_cast<std::uint16_t>((key_frame[at + 1] << 8 | key_frame[at]) & 0x3fff);
  };
  return {number(6), number(8)};
}

}  // namespace

Result<Recorder> Recorder::open(std::string directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(error);
  return Recorder(std::move(directory));
}

void Recorder::add(const Frame& frame, std::string_view name, TimePoint at) {
  if (!begun_) begun_ = at;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at - *begun_).count();
  Key key{frame.from, frame.kind};
  auto path = directory_ + "/" + file_name(frame, name);
  if (frame.kind == e2ee::Kind::audio) {
    auto found = songs_.find(key);
    if (found == songs_.end()) {
      if (files() >= files_max) return;
      auto made = SongWriter::create(path, static_cast<std::uint32_t>(files()) + 1);
      if (!made) return;
      found = songs_.emplace(key, std::move(*made)).first;
    }
    return found->second.add(frame.bytes, ms);
  }
  auto found = films_.find(key);
  if (found == films_.end()) {
    if (!frame.key_frame || files() >= files_max) return;
    auto [width, height] = size_of(frame.bytes);
    auto made = FilmWriter::create(path, width, height);
    if (!made) return;
    found = films_.emplace(key, std::move(*made)).first;
  }
  found->second.add(frame.bytes, ms);
}

void Recorder::finish() {
  for (auto& [key, film] : films_) film.finish();
  for (auto& [key, song] : songs_) song.finish();
}

}  // namespace conclave::member
