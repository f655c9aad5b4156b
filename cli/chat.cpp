// conclave chat: one conversation, interactively. Lines typed are sent; what the other writes appears above.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"
#include "cli/transcript.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

class Chat {
 public:
  Chat(const Context& context, Client& client, Names names, std::string account)
      : context_(context), client_(client), names_(std::move(names)), account_(std::move(account)) {}

  Outcome<> run() {
    TRY(auto past, client_.call("messages.history", {{"with", account_}, {"limit", 20}}));
    if (!context_.json) {
      for (auto& message : past["messages"]) std::cout << message_line(message, names_) << "\n";
      std::cout << painted(Colour::dim, "Writing to " + names_.of(account_) +
                                            ". Enter sends, /quit or Ctrl-D leaves, /help tells more.")
                << "\n";
    }
    CHECK(client_.call("messages.read", {{"with", account_}}));
    prompt();
    CHECK(client_.listen([this](const Json& event) { return hear(event); },
                         [this](std::string line) { return say(std::move(line)); }));
    if (failed_) return std::unexpected(*failed_);
    if (!context_.json && stdout_is_terminal()) std::cout << "\n";
    return {};
  }

 private:
  void prompt() {
    if (stdout_is_terminal() && stdin_is_terminal() && !context_.json) std::cout << "> " << std::flush;
  }

  /// Above the line that is being typed.
  void print(const std::string& line) {
    if (stdout_is_terminal() && stdin_is_terminal()) std::cout << "\r\x1b[K";
    std::cout << line << std::endl;
    prompt();
  }

  bool hear(const Json& event) {
    auto& data = event["data"];
    auto name = event["event"].get<std::string>();
    bool here = (name == "message" && data["message"]["conversation"] == account_) ||
                (name == "delivery" && data["conversation"] == account_) ||
                (name == "contact" && data["contact"]["account"] == account_);
    if (!here) return true;
    if (context_.json) {
      context_.print(event);
    } else if (name == "message" && !(data["message"]["ours"].get<bool>() && data["fresh"].get<bool>())) {
      print(message_line(data["message"], names_));
    } else if (name == "contact") {
      bool online = data["contact"]["online"].get<bool>();
      if (online != online_)
        print(painted(Colour::dim, names_.of(account_) + (online ? " is online" : " is offline")));
      online_ = online;
    } else if (name == "delivery" && data["delivery"] == "read") {
      print(painted(Colour::dim, "read"));
    }
    if (name == "message" && !data["message"]["ours"].get<bool>())
      return check(client_.call("messages.read", {{"with", account_}}));
    return true;
  }

  bool say(std::string line) {
    if (line == "/quit") return false;
    if (line == "/help") {
      print("/quit leaves. // at the start of a line sends a line that starts with /.");
      return true;
    }
    if (line.starts_with("//")) line.erase(0, 1);
    if (line.empty()) {
      prompt();
      return true;
    }
    bool good = check(client_.call("messages.send", {{"to", account_}, {"body", line}}));
    prompt();
    return good;
  }

  bool check(const Outcome<Json>& outcome) {
    if (outcome) return true;
    if (outcome.error().exit == Exit::no_node) {
      failed_ = outcome.error();
      return false;
    }
    print(painted(Colour::red, outcome.error().message + " " + outcome.error().hint));
    return true;
  }

  const Context& context_;
  Client& client_;
  Names names_;
  std::string account_;
  bool online_ = false;
  std::optional<Trouble> failed_;
};

Outcome<> chat(const Context& context, const std::string& contact) {
  TRY(auto client, Client::connect(context.profile));
  TRY(auto names, Names::load(client));
  TRY(auto known, client.call("contacts.get", {{"contact", contact}}));
  return Chat(context, client, std::move(names), known["contact"]["account"].get<std::string>()).run();
}

}  // namespace

void add_chat(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("chat", "Talk with a contact, line by line");
  auto contact = std::make_shared<std::string>();
  command->add_option("contact", *contact, "Name or key")->required()->type_name("CONTACT");
  command->footer("Reads lines until /quit, Ctrl-D or Ctrl-C.\n\nExample:\n  conclave chat alice");
  command->callback(
      [&context, contact] { context.action = [&context, contact] { return chat(context, *contact); }; });
}

}  // namespace conclave::cli
