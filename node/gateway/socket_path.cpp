#include "node/gateway/socket_path.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

namespace conclave::gateway {

Result<SocketPath> SocketPath::of(const std::filesystem::path& socket) {
  if (socket.string().size() < sizeof(sockaddr_un::sun_path)) return SocketPath(socket.string(), -1);
  int directory = ::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return fail(Error(errno, std::system_category()));
  auto short_name = "/proc/self/fd/" + std::to_string(directory) + "/" + socket.filename().string();
  return SocketPath(std::move(short_name), directory);
}

SocketPath::SocketPath(SocketPath&& other) noexcept
    : text_(std::move(other.text_)), directory_(std::exchange(other.directory_, -1)) {}

SocketPath::~SocketPath() {
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace conclave::gateway
