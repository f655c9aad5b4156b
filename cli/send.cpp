// conclave send, conclave ping.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"

#include <chrono>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {
using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
}

struct Sending {
  std::string to;
  std::string body;
  std::string reply_to;
  bool wait = false;
  double timeout_s = 30;
};

Outcome<> send(const Context& context, const Sending& sending) {
  auto begin = Steady::now();
  std::string body = sending.body;
  if (body == "-") {
    std::ostringstream text;
    text << std::cin.rdbuf();
    body = text.str();
    if (body.ends_with('\n')) body.pop_back();
  }
  Json params{{"to", sending.to}, {"body", body}};
  if (!sending.reply_to.empty()) params["reply_to"] = sending.reply_to;
  if (sending.wait) params["wait_ms"] = static_cast<std::int64_t>(sending.timeout_s * 1000);
  TRY(auto client, Client::connect(context.profile));
  double connected_ms = ms_since(begin);
  TRY(auto answer, client.call("messages.send", params));
  answer["connected_ms"] = connected_ms;
  answer["total_ms"] = ms_since(begin);
  auto delivery = answer["delivery"].get<std::string>();
  bool arrived = delivery == "delivered" || delivery == "read";
  context.print(answer, [&] {
    if (arrived) {
      std::printf("Delivered after %.0f ms.\n", answer["total_ms"].get<double>());
    } else if (!sending.wait) {
      std::cout << "On its way.\n";
    }
  });
  if (sending.wait && !arrived) {
    if (context.json)
      return trouble(Exit::not_reached, "timed_out", "Not delivered yet.", "It stays in the outbox.");
    return trouble(
        Exit::not_reached, "timed_out", "No receipt yet: the other side may be offline.",
        "The message is kept and goes out when one of their nodes is reachable; nothing more to do.");
  }
  return {};
}

struct Pinging {
  std::string contact;
  double timeout_s = 10;
};

Outcome<> ping(const Context& context, const Pinging& pinging) {
  TRY(auto answer, ask(context, "ping",
                       {{"contact", pinging.contact},
                        {"patience_ms", static_cast<std::int64_t>(pinging.timeout_s * 1000)}}));
  context.print(answer, [&] {
    for (auto& one : answer["pings"]) {
      std::cout << one["node"].get<std::string>() << "  " << one["transport"].get<std::string>() << "  "
                << printable(one["address"].get<std::string>()) << "\n";
      std::printf("  found in %.1f ms, dialled in %.1f ms, round trip %.1f ms\n",
                  one["found_ms"].get<double>(), one["dialled_ms"].get<double>(),
                  one["rtt_ms"].get<double>());
    }
  });
  return {};
}

}  // namespace

void add_send(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("send", "Send a message");
  auto sending = std::make_shared<Sending>();
  command->add_option("contact", sending->to, "Name or key")->required()->type_name("CONTACT");
  command->add_option("message", sending->body, "The text; - reads it from standard input")
      ->required()
      ->type_name("TEXT");
  command->add_option("--reply-to", sending->reply_to, "Id of the message that this answers")
      ->type_name("ID");
  command->add_flag("--wait", sending->wait, "Wait for the receipt");
  command->add_option("--timeout", sending->timeout_s, "Seconds to wait for it")
      ->type_name("S")
      ->check(CLI::Range(0.001, 600.0))
      ->capture_default_str();
  command->footer(
      "Returns when the message is safe in the outbox; it is delivered when one of the other's nodes can be "
      "reached.\n"
      "With --wait and --json, the times are in milliseconds from the start of the command.\n\n"
      "Examples:\n  conclave send alice \"see you at eight\"\n  date | conclave send bob - --wait");
  command->callback(
      [&context, sending] { context.action = [&context, sending] { return send(context, *sending); }; });
}

void add_ping(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("ping", "Find a contact's nodes, connect, and measure the way");
  auto pinging = std::make_shared<Pinging>();
  command->add_option("contact", pinging->contact, "Name or key")->required()->type_name("CONTACT");
  command->add_option("--timeout", pinging->timeout_s, "Seconds to try")
      ->type_name("S")
      ->check(CLI::Range(0.001, 600.0))
      ->capture_default_str();
  command->footer("Example:\n  conclave ping alice");
  command->callback(
      [&context, pinging] { context.action = [&context, pinging] { return ping(context, *pinging); }; });
}

}  // namespace conclave::cli
