#include "cli/context.hpp"

#include "cli/terminal.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace conclave::cli {

void Context::print(const Json& value) const {
  std::cout << value.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

void Context::print(const Json& value, const std::function<void()>& words) const {
  if (json) return print(value);
  words();
  std::cout << std::flush;
}

Outcome<std::optional<std::string>> Context::given_passphrase() const {
  if (passphrase_file) {
    std::ifstream in(*passphrase_file);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf()))
      return trouble(Exit::usage, "bad_file",
                     "The passphrase file " + passphrase_file->string() + " cannot be read.",
                     "Check the path and its permissions; it must not be empty.");
    std::string out = text.str();
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }
  const char* environment = std::getenv("CONCLAVE_PASSPHRASE");
  if (environment) return std::string(environment);
  return std::nullopt;
}

Outcome<std::string> Context::passphrase(std::string_view question, bool again) const {
  TRY(auto given, given_passphrase());
  if (!given) given = ask_secret(question);
  if (!given)
    return trouble(Exit::usage, "passphrase_needed",
                   "A passphrase is needed and there is no terminal to ask at.",
                   "Give --passphrase-file, or set CONCLAVE_PASSPHRASE.");
  if (given->empty())
    return trouble(Exit::usage, "passphrase_needed", "The passphrase is empty.",
                   "Choose one; a few words are best.");
  bool asked = !passphrase_file && !std::getenv("CONCLAVE_PASSPHRASE");
  if (again && asked && ask_secret("Again: ") != given)
    return trouble(Exit::usage, "passphrase_mismatch", "The two passphrases differ.", "Try again.");
  return std::move(*given);
}

}  // namespace conclave::cli
