#include "node/gateway/page_address.hpp"

#include <cerrno>
#include <charconv>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace conclave::gateway {
namespace {

// One line: "<port> <token>".
std::optional<PageAddress> parse(std::string_view line) {
  auto space = line.find(' ');
  if (space == line.npos) return std::nullopt;
  PageAddress out;
  auto number = line.substr(0, space);
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.port);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  auto token = Token::parse(line.substr(space + 1));
  if (!token) return std::nullopt;
  out.token = *token;
  return out;
}

Error last_error() { return {errno, std::system_category()}; }

}  // namespace

std::string PageAddress::url() const {
  return "http://127.0.0.1:" + std::to_string(port) + "/#token=" + token.text();
}

PageAddress load_page_address(const std::filesystem::path& file, Random& random) {
  std::ifstream in(file);
  std::string line;
  if (std::getline(in, line)) {
    if (auto known = parse(line)) return *known;
  }
  PageAddress fresh;
  random.fill(fresh.token.bytes.span());
  return fresh;
}

Result<> save_page_address(const std::filesystem::path& file, const PageAddress& address) {
  auto fresh = file.string() + ".new";
  std::string line = std::to_string(address.port) + " " + address.token.text() + "\n";
  int out = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) return fail(last_error());
  bool written = ::write(out, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  Error error = last_error();
  ::close(out);
  if (!written) return fail(error);
  if (::rename(fresh.c_str(), file.c_str()) != 0) return fail(last_error());
  return {};
}

}  // namespace conclave::gateway
