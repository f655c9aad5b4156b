#pragma once
/// Messages as lines of a terminal. `history`, `chat` and `watch` print the same.
#include "cli/outcome.hpp"

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace conclave::cli {

using Json = nlohmann::json;
class Client;

/// Names of contacts by their key.
class Names {
 public:
  static Outcome<Names> load(Client& client);
  /// The contact's name, "you" for `own`, or the key's first characters.
  std::string of(const std::string& account) const;
  void learn(const Json& contact);

 private:
  std::map<std::string, std::string> names_;
};

/// `14:03  alice  hello   ✓✓`, with edits, deletions and reactions marked. No newline at the end.
std::string message_line(const Json& message, const Names& names);
/// One mark for queued, sent, delivered and read.
std::string delivery_mark(const std::string& delivery);

}  // namespace conclave::cli
