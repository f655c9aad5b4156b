#include "node/member/ivf.hpp"

#include "node/member/little_endian.hpp"

#include <cerrno>

namespace conclave::member {
namespace {

constexpr std::size_t header_size = 32, frame_header_size = 12;
constexpr std::size_t frames_at = 24;  // the frame count's place in the header

}  // namespace

Result<Film> read_film(ByteView file) {
  if (file.size() > Film::size_max) return fail(Errc::too_long);
  if (file.size() < header_size || text(file.first(4)) != "DKIF") return fail(Errc::malformed);
  if (text(file.subspan(8, 4)) != "VP80") return fail(Errc::unsupported);
  auto header = little(file.data() + 6, 2);
  if (header < header_size || header > file.size()) return fail(Errc::malformed);
  Film out;
  out.width = static_cast<std::uint16_t>(little(file.data() + 12, 2));
  out.height = static_cast<std::uint16_t>(little(file.data() + 14, 2));
  auto rate = static_cast<double>(little(file.data() + 16, 4)), scale = static_cast<double>(little(file.data() + 20, 4));
  if (rate > 0 && scale > 0 && rate / scale >= 1 && rate / scale <= 120) out.fps = rate / scale;
  for (auto rest = file.subspan(header); !rest.empty();) {
    if (rest.size() < frame_header_size) break;  // cut off while it was written
    auto size = little(rest.data(), 4);
    if (size > rest.size() - frame_header_size) break;
    auto frame = rest.subspan(frame_header_size, size);
    bool key_frame = !frame.empty() && (frame[0] & 1) == 0;
    // What stands before the first key frame cannot be shown.
    if (!frame.empty() && (key_frame || !out.frames.empty())) out.frames.push_back({copy(frame), key_frame});
    rest = rest.subspan(frame_header_size + size);
  }
  if (out.frames.empty()) return fail(Errc::malformed);
  return out;
}

Result<FilmWriter> FilmWriter::create(const std::string& path, std::uint16_t width, std::uint16_t height) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return fail(std::error_code(errno, std::generic_category()));
  Bytes header = copy(view("DKIF"));
  put_little(header, 0, 2);
  put_little(header, header_size, 2);
  append(header, view("VP80"));
  put_little(header, width, 2);
  put_little(header, height, 2);
  put_little(header, 1000, 4);
  put_little(header, 1, 4);
  put_little(header, 0, 8);
  std::fwrite(header.data(), 1, header.size(), file.get());
  return FilmWriter(std::move(file));
}

void FilmWriter::add(ByteView frame, std::int64_t ms) {
  last_ = std::max(ms, last_ + 1);
  Bytes header;
  put_little(header, frame.size(), 4);
  put_little(header, static_cast<std::uint64_t>(last_), 8);
  std::fwrite(header.data(), 1, header.size(), file_.get());
  std::fwrite(frame.data(), 1, frame.size(), file_.get());
  ++frames_;
}

void FilmWriter::finish() {
  Bytes count;
  put_little(count, frames_, 4);
  std::fseek(file_.get(), frames_at, SEEK_SET);
  std::fwrite(count.data(), 1, count.size(), file_.get());
  std::fseek(file_.get(), 0, SEEK_END);
  std::fflush(file_.get());
}

}  // namespace conclave::member
