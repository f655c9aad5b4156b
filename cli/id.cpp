// conclave id: who you are, to hand to others.
#include "cli/ask.hpp"
#include "cli/face.hpp"
#include "cli/terminal.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/link.hpp"
#include "node/error.hpp"
#include "node/profile.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

Outcome<Json> id_of_running(const Context& context) {
  TRY(auto status, ask(context, "status"));
  return Json{{"account", status["account"]},
              {"did", status["did"]},
              {"node", status["node"]},
              {"link", status["link"]},
              {"running", true}};
}

// Without a running node nobody knows good nodes to start from: the link is the bare key.
Outcome<Json> id_of_stopped(const Context& context) {
  TRY(auto given, context.given_passphrase());
  auto profile = node::Profile::open(context.profile, given);
  if (!profile && profile.error() == node::Errc::passphrase_needed) {
    TRY(auto asked, context.passphrase("Passphrase of the profile: ", /*again=*/false));
    profile = node::Profile::open(context.profile, asked);
  }
  if (!profile) return trouble(profile.error());
  if (!profile->certified())
    return Json{{"account", nullptr},
                {"did", nullptr},
                {"node", codec::to_text(profile->node_key())},
                {"link", nullptr},
                {"running", false}};
  auto account = profile->account_key();
  return Json{{"account", codec::to_text(account)},
              {"did", codec::to_did(account)},
              {"node", codec::to_text(profile->node_key())},
              {"link", to_text(Link{account, {}})},
              {"running", false}};
}

Outcome<> show(const Context& context, bool no_qr) {
  auto running = id_of_running(context);
  if (!running && running.error().exit != Exit::no_node) return std::unexpected(running.error());
  Json id;
  if (running) {
    id = std::move(*running);
  } else {
    TRY(id, id_of_stopped(context));
  }
  context.print(id, [&] {
    if (id["account"].is_null()) {
      std::cout << "Node  " << id["node"].get<std::string>()
                << "\n\nThis device is not certified yet. On the first "
                << "device:\n  conclave device add " << id["node"].get<std::string>() << "\n";
      return;
    }
    auto link = id["link"].get<std::string>();
    if (!no_qr) std::cout << link_qr(link, std::min(terminal_width(), 80)) << "\n";
    std::cout << painted(Colour::bold, "Key   ") << id["account"].get<std::string>() << "\n"
              << painted(Colour::bold, "Node  ") << id["node"].get<std::string>() << "\n"
              << painted(Colour::bold, "Link  ") << link << "\n";
    if (!id["running"].get<bool>())
      std::cout
          << "\nThe node is not running, so the link names no nodes to start from; `conclave run` first.\n";
  });
  return {};
}

}  // namespace

void add_id(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("id", "Show your key, your link and its QR code");
  auto no_qr = std::make_shared<bool>(false);
  command->add_flag("--no-qr", *no_qr, "Leave the QR code out");
  command->footer(
      "The link carries your key and some nodes to start from; whoever has it can add you without knowing "
      "anybody\n"
      "else. Examples:\n  conclave id\n  conclave id --json | jq -r .link");
  command->callback(
      [&context, no_qr] { context.action = [&context, no_qr] { return show(context, *no_qr); }; });
}

}  // namespace conclave::cli
