#include "cli/terminal.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>

#include <qrencode.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace conclave::cli {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// One code point at the start of `text`, and how many bytes it takes; 0 bytes where it is not UTF-8.
std::pair<char32_t, std::size_t> first_code_point(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned char lead = byte(0);
  std::size_t size = lead < 0x80         ? 1
                     : (lead >> 5) == 6  ? 2
                     : (lead >> 4) == 14 ? 3
                     : (lead >> 3) == 30 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return {0, 0};
  if (size == 1) return {lead, 1};
  char32_t out = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0, 0};
    out = (out << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = out >= 0xD800 && out <= 0xDFFF;
  if (out < least[size] || out > 0x10FFFF || surrogate) return {0, 0};
  return {out, size};
}

bool harmful(char32_t code) {
  bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || direction || code == 0x2028 || code == 0x2029;
}

}  // namespace

std::string printable(std::string_view text, std::string_view newline) {
  std::string out;
  while (!text.empty()) {
    auto [code, size] = first_code_point(text);
    if (code == '\n') {
      out += newline;
    } else if (code == '\t') {
      out += "    ";
    } else if (size == 0 || harmful(code)) {
      out += replacement;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool colourful() {
  const char* no = std::getenv("NO_COLOR");
  return stdout_is_terminal() && !(no && *no);
}

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string painted(Colour colour, std::string_view text) {
  if (!colourful()) return std::string(text);
  const char* code = "0";
  switch (colour) {
    case Colour::plain:
      return std::string(text);
    case Colour::bold:
      code = "1";
      break;
    case Colour::dim:
      code = "2";
      break;
    case Colour::red:
      code = "31";
      break;
    case Colour::green:
      code = "32";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::cyan:
      code = "36";
      break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::optional<std::string> qr_code(std::string_view text, int columns) {
  std::string copy(text);
  std::unique_ptr<QRcode, decltype(&QRcode_free)> code(QRcode_encodeString8bit(copy.c_str(), 0, QR_ECLEVEL_L),
                                                       QRcode_free);
  constexpr int quiet = 2;  // the standard asks for four; every reader takes two
  if (!code || code->width + 2 * quiet > columns) return std::nullopt;
  auto dark = [&](int x, int y) {
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return inside && (code->data[y * code->width + x] & 1);
  };
  // Light modules are drawn and dark ones left out, as on paper for a terminal with a dark background; with
  // colours it is said outright, and holds on a light background too.
  const bool colours = colourful();
  std::string out;
  for (int y = -quiet; y < code->width + quiet; y += 2) {
    if (colours) out += "\x1b[40;97m";
    for (int x = -quiet; x < code->width + quiet; ++x) {
      bool upper = !dark(x, y), lower = !dark(x, y + 1) && y + 1 < code->width + quiet;
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += colours ? "\x1b[0m\n" : "\n";
  }
  return out;
}

std::string clock_time(std::int64_t unix_ms) {
  std::time_t when = unix_ms / 1000, now = std::time(nullptr);
  std::tm then{}, today{};
  ::localtime_r(&when, &then);
  ::localtime_r(&now, &today);
  bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  bool same_year = then.tm_year == today.tm_year;
  char out[40];
  std::strftime(out, sizeof out, same_day ? "%H:%M" : same_year ? "%b %d %H:%M" : "%Y-%m-%d %H:%M", &then);
  return out;
}

std::string ago(std::int64_t unix_ms) {
  std::int64_t s = std::time(nullptr) - unix_ms / 1000;
  auto say = [](std::int64_t count, const char* unit) {
    return std::to_string(count) + " " + unit + (count == 1 ? "" : "s") + " ago";
  };
  if (s < 5) return "just now";
  if (s < 60) return say(s, "second");
  if (s < 3600) return say(s / 60, "minute");
  if (s < 86400) return say(s / 3600, "hour");
  return say(s / 86400, "day");
}

std::string byte_count(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) {
    bytes /= 1000;
    ++unit;
  }
  char out[32];
  std::snprintf(out, sizeof out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return out;
}

std::optional<std::string> ask_secret(std::string_view question) {
  if (!stdin_is_terminal()) return std::nullopt;
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::cerr << question << std::flush;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::string answer;
  bool read = static_cast<bool>(std::getline(std::cin, answer));
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << "\n";
  if (!read) return std::nullopt;
  return answer;
}

bool ask_yes(std::string_view question) {
  if (!stdin_is_terminal()) return false;
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace conclave::cli
