#pragma once
/// Opus in Ogg files (RFC 3533, RFC 7845): packets read into memory, and written a page each.
#include "node/member/ivf.hpp"

namespace conclave::member {

/// Samples at 48 kHz that an Opus packet stands for (RFC 6716, 3.1); 0 where it is malformed.
std::uint32_t opus_samples(ByteView packet);

struct Song {
  static constexpr std::size_t size_max = 256U << 20;
  std::vector<Bytes> packets;  ///< as long as their first byte says
};
/// The first logical stream. Fails with Errc::malformed, unsupported (no Opus), bad_checksum, too_long.
Result<Song> read_song(ByteView file);

class SongWriter {
 public:
  /// Fails with the system's error.
  static Result<SongWriter> create(const std::string& path, std::uint32_t serial);
  /// `ms` since the beginning: a hole of more than 200 ms stays a hole.
  void add(ByteView packet, std::int64_t ms);
  std::uint32_t packets() const { return packets_; }
  /// Writes the last page; the file is complete.
  void finish();

 private:
  SongWriter(File file, std::uint32_t serial) : file_(std::move(file)), serial_(serial) {}
  void page(ByteView packet, Byte flags, std::uint64_t granule);
  File file_;
  std::uint32_t serial_, sequence_ = 0, packets_ = 0;
  std::uint64_t granule_ = 0;
};

}  // namespace conclave::member
