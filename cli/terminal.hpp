#pragma once
/// What goes to a terminal: texts made harmless, colours where they are wanted, QR codes, questions.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace conclave::cli {

/// What somebody else wrote, safe to print: control characters (an escape sequence could retitle the window
/// or forge lines above) and direction overrides become U+FFFD; broken UTF-8 too. Newlines become `newline`.
std::string printable(std::string_view text, std::string_view newline = "\n");

/// Whether colours are wanted: a terminal, and no NO_COLOR (no-color.org).
bool colourful();
bool stdin_is_terminal();
bool stdout_is_terminal();
/// Columns; 80 where nobody says.
int terminal_width();

enum class Colour { plain, bold, dim, red, green, yellow, cyan };
std::string painted(Colour colour, std::string_view text);

/// A QR code (ISO/IEC 18004, level L) in half blocks, two modules a character; nothing where `text` is too
/// long for `columns`.
std::optional<std::string> qr_code(std::string_view text, int columns);

/// "14:03" today, "Nov 23 14:03" before; local time.
std::string clock_time(std::int64_t unix_ms);
/// "3 minutes ago"
std::string ago(std::int64_t unix_ms);
/// "1.4 MB"
std::string byte_count(double bytes);

/// Asks without echo; nothing where no terminal is there.
std::optional<std::string> ask_secret(std::string_view question);
/// Asks for yes or no; no where no terminal is there.
bool ask_yes(std::string_view question);

}  // namespace conclave::cli
