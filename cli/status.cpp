// conclave status, conclave page: how the node is doing, and where its page is.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {

std::string display_name(const Json& contact) {
  auto name = contact.value("name", "");
  return printable(name.empty() ? contact.value("account", "") : name, " ");
}

namespace {

void line(std::string_view label, const std::string& text) {
  std::string padded(label);
  padded.resize(std::max<std::size_t>(padded.size(), 12), ' ');
  std::cout << painted(Colour::bold, padded) << printable(text, " ") << "\n";
}

std::string count(const Json& number, const std::string& unit) {
  auto n = number.get<std::uint64_t>();
  return std::to_string(n) + " " + unit + (n == 1 ? "" : "s");
}

void print_status(const Json& status) {
  auto& dht = status["dht"];
  auto& traffic = status["traffic"];
  line("Running", "conclave " + status["version"].get<std::string>() + ", started " +
                      ago(status["started_ms"].get<std::int64_t>()));
  line("Key", status["account"].get<std::string>());
  line("Reachable", status["reachability"]["words"].get<std::string>());
  for (auto& address : status["addresses"]) line("", address.get<std::string>());
  line("Peers", count(status["peers"].size(), "connected node"));
  for (auto& peer : status["peers"]) {
    char rtt[32];
    std::snprintf(rtt, sizeof rtt, "%.1f ms", peer["rtt_ms"].get<double>());
    line("", peer["address"].get<std::string>() + "  " + peer["transport"].get<std::string>() + "  " + rtt);
  }
  line("DHT", count(dht["table"], "verified node") + " of about " +
                  std::to_string(static_cast<std::uint64_t>(dht["network_estimate"].get<double>())) + "; " +
                  (dht["published"].get<bool>() ? "you can be found by your key"
                                                : "you cannot be found by your key yet"));
  line("Contacts", count(status["contacts"], "contact") + ", " + count(status["requests"], "request"));
  line("Outbox", count(status["outbox"], "message") + " on the way");
  line("Traffic", byte_count(traffic["sent_bytes"].get<double>()) + " sent, " +
                      byte_count(traffic["received_bytes"].get<double>()) + " received");
  line("Memory", byte_count(status["process"]["rss_bytes"].get<double>()));
  line("Page", status["page"].is_null() ? "none"
                                        : status["page"].get<std::string>() + "  (`conclave page` opens it)");
  if (auto trouble = status["store_trouble"].get<std::string>(); !trouble.empty()) line("Trouble", trouble);
}

Outcome<> show_status(const Context& context) {
  TRY(auto status, ask(context, "status"));
  context.print(status, [&] { print_status(status); });
  return {};
}

Outcome<> show_page(const Context& context, bool renew) {
  TRY(auto page, ask(context, "page.address", {{"renew", renew}}));
  context.print(page, [&] { std::cout << page["url"].get<std::string>() << "\n"; });
  return {};
}

}  // namespace

void add_status(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("status", "Show how your node is doing");
  command->footer("Example:\n  conclave status --json | jq .peers");
  command->callback([&context] { context.action = [&context] { return show_status(context); }; });
}

void add_page(CLI::App& program, Context& context) {
  auto* command =
      program.add_subcommand("page", "Print the address of your page, with the token that opens it");
  auto renew = std::make_shared<bool>(false);
  command->add_flag("--renew", *renew, "Make a new token; pages that are open have to be opened anew");
  command->footer(
      "Example:\n  xdg-open \"$(conclave page)\"\n\nWhoever has this address and an account on this machine "
      "can read and write as you.");
  command->callback(
      [&context, renew] { context.action = [&context, renew] { return show_page(context, *renew); }; });
}

}  // namespace conclave::cli
