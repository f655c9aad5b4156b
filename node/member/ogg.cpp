#include "node/member/ogg.hpp"

#include "node/member/little_endian.hpp"

#include <cerrno>
#include <optional>
#include <utility>

namespace conclave::member {
namespace {

constexpr std::size_t page_header_size = 27;
constexpr std::size_t packet_max = 64 * 1024;
constexpr Byte continued = 1, first_page = 2, last_page = 4;

/// RFC 3533 section 6: polynomial 0x04c11db7, not reflected, over the page with this field zero.
std::uint32_t ogg_crc(ByteView header, ByteView body) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      auto crc = i << 24;
      for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7U : 0U);
      out[i] = crc;
    }
    return out;
  }();
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    Byte byte = i >= 22 && i < 26 ? Byte{0} : header[i];
    crc = crc << 8 ^ table[crc >> 24 ^ byte];
  }
  for (auto byte : body) crc = crc << 8 ^ table[crc >> 24 ^ byte];
  return crc;
}

struct OggPage {
  Byte flags = 0;
  std::uint32_t serial = 0;
  ByteView lacing, body;
  std::size_t size = 0;
};

Result<OggPage> read_page(ByteView in) {
  if (in.size() < page_header_size || text(in.first(4)) != "OggS" || in[4] != 0) return fail(Errc::malformed);
  std::size_t segments = in[26];
  if (in.size() < page_header_size + segments) return fail(Errc::malformed);
  OggPage out{in[5], static_cast<std::uint32_t>(little(in.data() + 14, 4)), in.subspan(page_header_size, segments), {}, 0};
  std::size_t body = 0;
  for (auto size : out.lacing) body += size;
  auto header = page_header_size + segments;
  if (in.size() < header + body) return fail(Errc::malformed);
  out.body = in.subspan(header, body);
  out.size = header + body;
  if (ogg_crc(in.first(header), out.body) != little(in.data() + 22, 4)) return fail(Errc::bad_checksum);
  return out;
}

}  // namespace

std::uint32_t opus_samples(ByteView packet) {
  if (packet.empty()) return 0;
  // RFC 6716 table 2: SILK, hybrid and CELT frame lengths.
  auto config = packet[0] >> 3;
  std::uint32_t frame = config < 12   ? std::array{480U, 960U, 1920U, 2880U}[config & 3]
                        : config < 16 ? std::array{480U, 960U}[config & 1]
                                      : 120U << (config & 3);
  std::uint32_t count = 1;
  if (auto code = packet[0] & 3; code == 1 || code == 2) count = 2;
  else if (code == 3) count = packet.size() > 1 ? packet[1] & 63U : 0U;
  auto samples = frame * count;
  return samples > 5760 ? 0 : samples;  // 120 ms
}

Result<Song> read_song(ByteView file) {
  if (file.size() > Song::size_max) return fail(Errc::too_long);
  std::optional<std::uint32_t> serial;
  std::vector<Bytes> packets;
  Bytes partial;
  for (auto rest = file; !rest.empty();) {
    auto page = read_page(rest);
    if (!page && !packets.empty() && page.error() == Errc::malformed) break;  // cut off while it was written
    if (!page) return std::unexpected(page.error());
    rest = rest.subspan(page->size);
    if (!serial) serial = page->serial;
    if (page->serial != *serial) continue;
    if ((page->flags & continued) == 0) partial.clear();
    auto body = page->body;
    for (auto size : page->lacing) {
      append(partial, body.first(size));
      body = body.subspan(size);
      if (partial.size() > packet_max) return fail(Errc::too_long);
      if (size < 255) packets.push_back(std::exchange(partial, {}));
    }
  }
  if (packets.empty() || !text(packets[0]).starts_with("OpusHead")) return fail(Errc::unsupported);
  Song out;
  // The second packet has comments. Whatever does not have the form of an Opus packet is left out.
  for (std::size_t i = 2; i < packets.size(); ++i) {
    if (opus_samples(packets[i]) > 0) out.packets.push_back(std::move(packets[i]));
  }
  if (out.packets.empty()) return fail(Errc::malformed);
  return out;
}

Result<SongWriter> SongWriter::create(const std::string& path, std::uint32_t serial) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return fail(std::error_code(errno, std::generic_category()));
  SongWriter out(std::move(file), serial);
  Bytes head = copy(view("OpusHead"));  // RFC 7845, 5.1: version, channels, pre-skip, rate, gain, mapping family
  head.push_back(1);
  head.push_back(2);
  put_little(head, 0, 2);
  put_little(head, 48000, 4);
  put_little(head, 0, 3);
  out.page(head, first_page, 0);
  Bytes tags = copy(view("OpusTags"));
  constexpr std::string_view vendor = "conclave";
  put_little(tags, vendor.size(), 4);
  append(tags, view(vendor));
  put_little(tags, 0, 4);
  out.page(tags, 0, 0);
  return out;
}

void SongWriter::page(ByteView packet, Byte flags, std::uint64_t granule) {
  Bytes header = copy(view("OggS"));
  header.push_back(0);
  header.push_back(flags);
  put_little(header, granule, 8);
  put_little(header, serial_, 4);
  put_little(header, sequence_++, 4);
  put_little(header, 0, 4);
  auto segments = packet.empty() && flags == last_page ? 0 : packet.size() / 255 + 1;
  header.push_back(static_cast<Byte>(segments));
  for (std::size_t i = 0; i + 1 < segments; ++i) header.push_back(255);
  if (segments > 0) header.push_back(static_cast<Byte>(packet.size() % 255));
  auto crc = ogg_crc(header, packet);
  for (int i = 0; i < 4; ++i) header[22 + static_cast<std::size_t>(i)] = static_cast<Byte>(crc >> (8 * i));
  std::fwrite(header.data(), 1, header.size(), file_.get());
  std::fwrite(packet.data(), 1, packet.size(), file_.get());
}

void SongWriter::add(ByteView packet, std::int64_t ms) {
  auto samples = opus_samples(packet);
  if (samples == 0 || packet.size() >= std::size_t{255} * 255) return;
  auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms)) * 48;
  if (at > granule_ + std::uint64_t{200} * 48) granule_ = at;
  granule_ += samples;
  page(packet, 0, granule_);
  ++packets_;
}

void SongWriter::finish() {
  page({}, last_page, granule_);
  std::fflush(file_.get());
}

}  // namespace conclave::member
