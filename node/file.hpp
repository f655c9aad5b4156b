#pragma once
/// Small files of a profile: read whole, written whole or not at all.
#include "crypto/bytes.hpp"

#include <filesystem>

namespace conclave::node {

/// Fails with Errc::profile_missing (no such file), Errc::too_long, Errc::profile_unreadable.
Result<Bytes> read_file(const std::filesystem::path& file, std::size_t size_max);
/// Mode 0600. Written beside it, flushed to the disk and renamed: whatever happens, `file` is the old one or
/// the new one. Fails with Errc::disk_full or Errc::profile_unreadable.
Result<> write_file(const std::filesystem::path& file, ByteView contents);

}  // namespace conclave::node
