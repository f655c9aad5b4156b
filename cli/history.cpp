// conclave history, conclave search, conclave watch.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"
#include "cli/transcript.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

struct Wanted {
  std::string contact;
  std::string query;
  std::uint64_t before = 0;
  unsigned limit = 50;
  bool ids = false;
};

Outcome<> history(const Context& context, const Wanted& wanted) {
  TRY(auto client, Client::connect(context.profile));
  TRY(auto names, Names::load(client));
  TRY(auto answer,
      client.call("messages.history",
                  {{"with", wanted.contact}, {"before", wanted.before}, {"limit", wanted.limit}}));
  if (context.json) {
    for (auto& message : answer["messages"]) context.print(message);
    return {};
  }
  for (auto& message : answer["messages"]) {
    std::cout << message_line(message, names);
    if (wanted.ids) std::cout << "  " << painted(Colour::dim, message["id"].get<std::string>());
    std::cout << "\n";
  }
  if (answer["messages"].empty()) std::cout << "Nothing has been written yet.\n";
  if (answer["messages"].size() == wanted.limit)
    std::cout << painted(Colour::dim,
                         "Older ones: --before " +
                             std::to_string(answer["messages"][0]["position"].get<std::uint64_t>()))
              << "\n";
  return {};
}

Outcome<> search(const Context& context, const Wanted& wanted) {
  TRY(auto client, Client::connect(context.profile));
  TRY(auto names, Names::load(client));
  TRY(auto answer, client.call("messages.search", {{"query", wanted.query}}));
  if (context.json) {
    for (auto& message : answer["messages"]) context.print(message);
    return {};
  }
  for (auto& message : answer["messages"])
    std::cout << painted(Colour::bold, names.of(message["conversation"].get<std::string>())) << "  "
              << message_line(message, names) << "\n";
  if (answer["messages"].empty()) std::cout << "No message has all of these words.\n";
  return {};
}

/// One line for an event that people care for; empty for the others.
std::string event_line(const Json& event, Names& names) {
  auto name = event["event"].get<std::string>();
  auto& data = event["data"];
  if (name == "message") {
    auto& message = data["message"];
    auto line = names.of(message["conversation"].get<std::string>()) + "  " + message_line(message, names);
    if (data["request"].get<bool>()) line += painted(Colour::yellow, "  (a stranger: conclave requests)");
    return line;
  }
  if (name == "delivery")
    return names.of(data["conversation"].get<std::string>()) + "  " +
           painted(Colour::dim, data["delivery"].get<std::string>() + "  " + data["id"].get<std::string>());
  if (name == "contact") {
    auto& contact = data["contact"];
    names.learn(contact);
    return names.of(contact["account"].get<std::string>()) +
           (contact["online"].get<bool>() ? "  online" : "  offline");
  }
  if (name == "request") return "A stranger knocks: " + data["request"]["account"].get<std::string>();
  if (name == "store") {
    auto trouble = data["trouble"].get<std::string>();
    return trouble.empty() ? "The database takes writes again." : painted(Colour::red, trouble);
  }
  if (name == "missed") return "Events were missed; see history.";
  return {};
}

Outcome<> watch(const Context& context) {
  TRY(auto client, Client::connect(context.profile));
  TRY(auto names, Names::load(client));
  if (!context.json) std::cerr << "Watching; Ctrl-C ends.\n";
  return client.listen([&](const Json& event) {
    if (context.json) {
      context.print(event);
    } else if (auto line = event_line(event, names); !line.empty()) {
      std::cout << line << std::endl;
    }
    return true;
  });
}

}  // namespace

void add_history(CLI::App& program, Context& context) {
  auto wanted = std::make_shared<Wanted>();
  auto* command = program.add_subcommand("history", "Show a conversation");
  command->add_option("contact", wanted->contact, "Name or key")->required()->type_name("CONTACT");
  command->add_option("--limit", wanted->limit, "How many messages")
      ->type_name("N")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  command->add_flag("--ids", wanted->ids, "Show each message's id, for send --reply-to, edit, delete and react");
  command->add_option("--before", wanted->before, "Older than this position")->type_name("POSITION");
  command->footer("With --json: one message a line.\n\nExample:\n  conclave history alice --limit 10");
  command->callback(
      [&context, wanted] { context.action = [&context, wanted] { return history(context, *wanted); }; });

  auto* searching = program.add_subcommand("search", "Find messages that have all the given words");
  searching->add_option("words", wanted->query, "The words")->required()->type_name("WORDS");
  searching->footer("Example:\n  conclave search \"train ticket\"");
  searching->callback(
      [&context, wanted] { context.action = [&context, wanted] { return search(context, *wanted); }; });
}

void add_watch(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("watch", "Print what happens as it happens");
  command->footer(
      "With --json: one event a line, as in docs/api.md.\n\nExample:\n  conclave watch --json | my-bot");
  command->callback([&context] { context.action = [&context] { return watch(context); }; });
}

}  // namespace conclave::cli
