#pragma once
/// The path of a Unix socket, however long the profile's is.
#include "crypto/result.hpp"

#include <filesystem>
#include <string>

namespace conclave::gateway {

/// A name under which bind(2) and connect(2) reach `socket`. `sockaddr_un` holds 107 bytes; what is longer is
/// reached through an open descriptor of its directory, which this keeps while it lives.
class SocketPath {
 public:
  /// Fails with the system's error where the directory cannot be opened.
  static Result<SocketPath> of(const std::filesystem::path& socket);
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();
  const std::string& text() const { return text_; }

 private:
  SocketPath(std::string text, int directory) : text_(std::move(text)), directory_(directory) {}
  std::string text_;
  int directory_ = -1;
};

}  // namespace conclave::gateway
