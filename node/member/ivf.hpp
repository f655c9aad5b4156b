#pragma once
/// IVF: VP8 frames in a file, as libvpx and ffmpeg write it. A header of 32 bytes, then frames of size (4), pts (8) and
/// bytes; all little endian.
#include <cstdio>
#include <memory>
#include <vector>

#include "crypto/bytes.hpp"

namespace conclave::member {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// A whole film in memory: bots play a few seconds again and again.
struct Film {
  static constexpr std::size_t size_max = 512U << 20;
  struct Frame {
    Bytes bytes;
    bool key_frame = false;
  };
  std::uint16_t width = 0, height = 0;
  double fps = 30;
  std::vector<Frame> frames;  ///< the first is a key frame
};
/// Fails with Errc::malformed, unsupported (no VP8), too_long.
Result<Film> read_film(ByteView file);

class FilmWriter {
 public:
  /// Timestamps are milliseconds. Fails with the system's error.
  static Result<FilmWriter> create(const std::string& path, std::uint16_t width, std::uint16_t height);
  /// `ms` goes up from frame to frame; one that does not is moved behind the last.
  void add(ByteView frame, std::int64_t ms);
  std::uint32_t frames() const { return frames_; }
  /// Writes the number of frames into the header; the file is complete.
  void finish();

 private:
  explicit FilmWriter(File file) : file_(std::move(file)) {}
  File file_;
  std::uint32_t frames_ = 0;
  std::int64_t last_ = -1;
};

}  // namespace conclave::member
