#include "node/file.hpp"

#include "node/error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace conclave::node {

namespace {

struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

Error disk_error() { return errno == ENOSPC || errno == EDQUOT ? Errc::disk_full : Errc::profile_unreadable; }

Result<> write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(disk_error());
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (::fsync(descriptor) != 0) return fail(disk_error());
  return {};
}

}  // namespace

Result<Bytes> read_file(const std::filesystem::path& file, std::size_t size_max) {
  Descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.number < 0) return fail(errno == ENOENT ? Errc::profile_missing : Errc::profile_unreadable);
  struct stat status{};
  if (::fstat(in.number, &status) != 0) return fail(Errc::profile_unreadable);
  auto size = static_cast<std::size_t>(status.st_size);
  if (size > size_max) return fail(conclave::Errc::too_long);
  Bytes out(size);
  std::size_t have = 0;
  while (have < size) {
    auto count = ::read(in.number, out.data() + have, size - have);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(Errc::profile_unreadable);
    have += static_cast<std::size_t>(count);
  }
  return out;
}

Result<> write_file(const std::filesystem::path& file, ByteView contents) {
  auto fresh = file;
  fresh += ".new";
  {
    Descriptor out{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (out.number < 0) return fail(disk_error());
    if (auto written = write_all(out.number, contents); !written) {
      ::unlink(fresh.c_str());
      return written;
    }
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) return fail(disk_error());
  // The rename itself has to reach the disk.
  auto directory = file.parent_path().empty() ? std::filesystem::path(".") : file.parent_path();
  Descriptor parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (parent.number < 0 || ::fsync(parent.number) != 0) return fail(disk_error());
  return {};
}

}  // namespace conclave::node
