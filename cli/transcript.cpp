#include "cli/transcript.hpp"

#include "cli/client.hpp"
#include "cli/terminal.hpp"

#include <nlohmann/json.hpp>

namespace conclave::cli {

Outcome<Names> Names::load(Client& client) {
  TRY(auto answer, client.call("contacts.list", Json::object()));
  Names out;
  for (auto& contact : answer["contacts"]) out.learn(contact);
  return out;
}

void Names::learn(const Json& contact) {
  names_[contact["account"].get<std::string>()] = contact["name"].get<std::string>();
}

std::string Names::of(const std::string& account) const {
  auto found = names_.find(account);
  if (found != names_.end() && !found->second.empty()) return printable(found->second, " ");
  return account.substr(0, 12) + "…";
}

std::string delivery_mark(const std::string& delivery) {
  if (delivery == "queued") return "…";
  if (delivery == "sent") return "→";
  if (delivery == "delivered") return "✓";
  if (delivery == "read") return "✓✓";
  return "";
}

std::string message_line(const Json& message, const Names& names) {
  bool ours = message["ours"].get<bool>();
  std::string who = ours ? "you" : names.of(message["author"].get<std::string>());
  std::string body = message["deleted"].get<bool>()
                         ? painted(Colour::dim, "(deleted)")
                         : printable(message["body"].get<std::string>(), "\n" + std::string(8, ' '));
  if (message["edited"].get<bool>()) body += painted(Colour::dim, " (edited)");
  for (auto& reaction : message["reactions"])
    body += "  " + printable(reaction["emoji"].get<std::string>(), " ");
  std::string out = painted(Colour::dim, clock_time(message["sent_ms"].get<std::int64_t>())) + "  " +
                    painted(ours ? Colour::cyan : Colour::green, who) + "  " + body;
  auto mark = delivery_mark(message["delivery"].get<std::string>());
  if (!mark.empty()) out += "  " + painted(Colour::dim, mark);
  return out;
}

}  // namespace conclave::cli
