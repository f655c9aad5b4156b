// conclave device list | add | revoke on a device of the account; device new | adopt on one that joins it.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"
#include "crypto/codec/key_text.hpp"
#include "node/profile.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

struct Given {
  std::string node;
  std::string name;
  std::string certificate;
  bool yes = false;
};

Outcome<> list(const Context& context) {
  TRY(auto answer, ask(context, "devices.list"));
  context.print(answer, [&] {
    for (auto& device : answer["devices"]) {
      std::string state = device["revoked"].get<bool>()    ? painted(Colour::red, "revoked")
                          : device["this_one"].get<bool>() ? painted(Colour::green, "this one")
                          : device["online"].get<bool>()   ? painted(Colour::green, "online")
                                                           : painted(Colour::dim, "offline");
      std::cout << device["node"].get<std::string>() << "  " << state << "  "
                << printable(device["name"].get<std::string>(), " ") << "\n";
    }
  });
  return {};
}

Outcome<> add(const Context& context, const Given& given) {
  TRY(auto answer, ask(context, "devices.add", {{"node", given.node}, {"name", given.name}}));
  context.print(answer, [&] {
    std::cout << "On the new device:\n\n  conclave device adopt " << answer["certificate"].get<std::string>()
              << "\n";
  });
  return {};
}

Outcome<> revoke(const Context& context, const Given& given) {
  if (!given.yes && !ask_yes("Revoke " + given.node + " for good?"))
    return trouble(Exit::usage, "not_confirmed", "Not revoked.", "Say --yes where nobody can be asked.");
  TRY(auto answer, ask(context, "devices.revoke", {{"node", given.node}}));
  context.print(answer, [] { std::cout << "Revoked. Your contacts learn it from your other devices.\n"; });
  return {};
}

Outcome<> make(const Context& context) {
  SystemRandom random;
  TRY(auto passphrase, context.given_passphrase());
  auto profile = node::Profile::create_device(context.profile, passphrase, random);
  if (!profile) return trouble(profile.error());
  auto node = codec::to_text(profile->node_key());
  context.print({{"node", node}}, [&] {
    std::cout << "Made a device in " << context.profile.string()
              << ". On the first device of your account:\n\n"
              << "  conclave device add " << node << "\n";
  });
  return {};
}

Outcome<> adopt(const Context& context, const Given& given) {
  TRY(auto passphrase, context.given_passphrase());
  auto profile = node::Profile::open(context.profile, passphrase);
  if (!profile) return trouble(profile.error());
  if (auto done = profile->adopt(given.certificate); !done) {
    if (done.error() == conclave::Errc::refused)
      return trouble(Exit::usage, "refused", "This certificate is for another device.",
                     "Certify this one: conclave device add " + codec::to_text(profile->node_key()) + ".");
    return trouble(Exit::usage, "bad_certificate", "This is not a whole, genuine certificate.",
                   "Copy it anew.");
  }
  auto account = codec::to_text(profile->account_key());
  context.print({{"account", account}},
                [&] { std::cout << "This is now a device of " << account << ". Start it: conclave run\n"; });
  return {};
}

}  // namespace

void add_device(CLI::App& program, Context& context) {
  auto* group = program.add_subcommand("device", "The devices of your account");
  group->require_subcommand(1)->fallthrough();
  auto given = std::make_shared<Given>();
  group->footer(
      "A second device: `conclave device new` there shows its node key; `conclave device add KEY` here "
      "prints a\n"
      "certificate; `conclave device adopt CERTIFICATE` there makes it yours.");

  auto* listing = group->add_subcommand("list", "List them");
  listing->callback([&context] { context.action = [&context] { return list(context); }; });

  auto* adding = group->add_subcommand("add", "Certify another device's node");
  adding->add_option("node", given->node, "Its node key, 12D3KooW…")->required()->type_name("NODE");
  adding->add_option("--name", given->name, "What you call it")->type_name("NAME");
  adding->callback(
      [&context, given] { context.action = [&context, given] { return add(context, *given); }; });

  auto* revoking = group->add_subcommand("revoke", "Take a device's certificate back for good");
  revoking->add_option("node", given->node, "Its node key")->required()->type_name("NODE");
  revoking->add_flag("--yes", given->yes, "Do not ask");
  revoking->callback(
      [&context, given] { context.action = [&context, given] { return revoke(context, *given); }; });

  auto* making = group->add_subcommand("new", "Make a profile that is to be a device of an existing account");
  making->callback([&context] { context.action = [&context] { return make(context); }; });

  auto* adopting = group->add_subcommand("adopt", "Take the certificate that `device add` printed elsewhere");
  adopting->add_option("certificate", given->certificate, "The certificate")->required()->type_name("TEXT");
  adopting->callback(
      [&context, given] { context.action = [&context, given] { return adopt(context, *given); }; });
}

}  // namespace conclave::cli
