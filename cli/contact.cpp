// conclave contact add | list | remove | verify | block | unblock; conclave requests.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

struct Given {
  std::string contact;
  std::string name;
  std::vector<std::string> bootstrap;
  bool yes = false;
};

Outcome<> add(const Context& context, const Given& given) {
  TRY(auto client, Client::connect(context.profile));
  if (!given.bootstrap.empty()) {
    CHECK(client.call("nodes.add", {{"nodes", given.bootstrap}}));
  }
  TRY(auto added, client.call("contacts.add", {{"link", given.contact}, {"name", given.name}}));
  context.print(added, [&] {
    std::cout << "Added " << display_name(added["contact"]) << ".\n"
              << "Compare the safety number when you meet or talk: conclave contact verify "
              << display_name(added["contact"]) << "\n";
  });
  return {};
}

Outcome<> list(const Context& context) {
  TRY(auto answer, ask(context, "contacts.list"));
  context.print(answer, [&] {
    auto& contacts = answer["contacts"];
    if (contacts.empty()) std::cout << "No contacts yet. Add one: conclave contact add LINK NAME\n";
    for (auto& contact : contacts) {
      bool online = contact["online"].get<bool>();
      std::string state = contact["blocked"].get<bool>() ? "blocked"
                          : online                       ? "online"
                          : contact["seen_ms"].is_null()
                              ? "not seen yet"
                              : "seen " + ago(contact["seen_ms"].get<std::int64_t>());
      std::string name = printable(contact["name"].get<std::string>(), " ");
      name.resize(std::max<std::size_t>(name.size(), 16), ' ');
      std::cout << painted(Colour::bold, name) << " " << contact["account"].get<std::string>() << "  "
                << painted(online ? Colour::green : Colour::dim, state)
                << (contact["verified"].get<bool>() ? painted(Colour::green, "  verified") : "") << "\n";
    }
  });
  return {};
}

Outcome<> remove(const Context& context, const Given& given) {
  if (!given.yes && !ask_yes("Remove " + printable(given.contact, " ") + " and the whole conversation?"))
    return trouble(Exit::usage, "not_confirmed", "Not removed.", "Say --yes where nobody can be asked.");
  TRY(auto answer, ask(context, "contacts.remove", {{"contact", given.contact}}));
  context.print(answer, [] { std::cout << "Removed.\n"; });
  return {};
}

Outcome<> verify(const Context& context, const Given& given) {
  TRY(auto client, Client::connect(context.profile));
  TRY(auto known, client.call("contacts.get", {{"contact", given.contact}}));
  if (!context.json)
    std::cout << "Safety number with " << display_name(known["contact"]) << ":\n\n  "
              << known["safety_number"].get<std::string>() << "\n\n";
  bool already = known["contact"]["verified"].get<bool>();
  bool same = given.yes || already || ask_yes("Does the other side read the same number?");
  if (same && !already) {
    CHECK(client.call("contacts.verify", {{"contact", given.contact}}));
  }
  known["contact"]["verified"] = same;
  context.print(known, [&] {
    std::cout << (same ? "Verified.\n"
                       : "Not marked as verified. `conclave contact verify --yes` marks it.\n");
  });
  return {};
}

Outcome<> block(const Context& context, const Given& given, bool blocked) {
  TRY(auto answer, ask(context, "contacts.block", {{"contact", given.contact}, {"blocked", blocked}}));
  context.print(answer, [&] { std::cout << (blocked ? "Blocked.\n" : "Not blocked any more.\n"); });
  return {};
}

Outcome<> list_requests(const Context& context) {
  TRY(auto answer, ask(context, "requests.list"));
  context.print(answer, [&] {
    auto& requests = answer["requests"];
    if (requests.empty()) std::cout << "Nobody has knocked.\n";
    for (auto& request : requests) {
      std::cout << painted(Colour::bold, request["account"].get<std::string>()) << "  "
                << ago(request["first_ms"].get<std::int64_t>()) << "\n  "
                << printable(request["preview"].get<std::string>(), " ") << "\n";
    }
    if (!requests.empty()) std::cout << "\nconclave requests accept KEY [NAME], or refuse KEY\n";
  });
  return {};
}

Outcome<> accept(const Context& context, const Given& given) {
  TRY(auto answer, ask(context, "requests.accept", {{"account", given.contact}, {"name", given.name}}));
  context.print(answer, [&] { std::cout << "Added " << display_name(answer["contact"]) << ".\n"; });
  return {};
}

Outcome<> refuse(const Context& context, const Given& given) {
  TRY(auto answer, ask(context, "requests.refuse", {{"account", given.contact}}));
  context.print(answer, [] { std::cout << "Refused; it is not told.\n"; });
  return {};
}

/// A subcommand about one contact.
template <class Run>
CLI::App* about_contact(CLI::App& parent, Context& context, std::shared_ptr<Given> given, const char* name,
                        const char* what, Run run) {
  auto* command = parent.add_subcommand(name, what);
  command->add_option("contact", given->contact, "Name or key")->required()->type_name("CONTACT");
  command->callback(
      [&context, given, run] { context.action = [&context, given, run] { return run(context, *given); }; });
  return command;
}

}  // namespace

void add_contact(CLI::App& program, Context& context) {
  auto* group = program.add_subcommand("contact", "Add, list, remove, verify and block contacts");
  group->require_subcommand(1)->fallthrough();
  auto given = std::make_shared<Given>();

  auto* adding = group->add_subcommand("add", "Add a contact by link or key");
  adding->add_option("link", given->contact, "The other person's link or key")->required()->type_name("LINK");
  adding->add_option("name", given->name, "What you call them")->type_name("NAME");
  adding->add_option("--bootstrap", given->bootstrap, "A node to start from; may be repeated")
      ->type_name("NODE")
      ->allow_extra_args(false);
  adding->footer("Examples:\n  conclave contact add conclave:AQ… alice\n  conclave contact add z6Mk… bob");
  adding->callback(
      [&context, given] { context.action = [&context, given] { return add(context, *given); }; });

  auto* listing = group->add_subcommand("list", "List contacts");
  listing->callback([&context] { context.action = [&context] { return list(context); }; });

  about_contact(*group, context, given, "remove", "Remove a contact and the conversation", remove)
      ->add_flag("--yes", given->yes, "Do not ask");
  about_contact(*group, context, given, "verify",
                "Compare the safety number, and mark the contact as verified", verify)
      ->add_flag("--yes", given->yes, "The numbers are the same: do not ask");
  about_contact(*group, context, given, "block", "Drop everything from a contact; it is not told",
                [](const Context& c, const Given& g) { return block(c, g, /*blocked=*/true); });
  about_contact(*group, context, given, "unblock", "Hear a contact again",
                [](const Context& c, const Given& g) { return block(c, g, /*blocked=*/false); });
}

void add_requests(CLI::App& program, Context& context) {
  auto* group = program.add_subcommand("requests", "Strangers who knock: list, accept, refuse");
  group->require_subcommand(0, 1)->fallthrough();
  auto given = std::make_shared<Given>();
  auto* listing = group->add_subcommand("list", "List them (the default)");
  listing->callback([&context] { context.action = [&context] { return list_requests(context); }; });
  about_contact(*group, context, given, "accept", "Make a stranger a contact", accept)
      ->add_option("name", given->name, "What you call them")
      ->type_name("NAME");
  about_contact(*group, context, given, "refuse",
                "Forget what a stranger wrote, and do not hear them for 30 days", refuse);
  group->callback([&context, group] {
    if (group->get_subcommands().empty()) context.action = [&context] { return list_requests(context); };
  });
}

}  // namespace conclave::cli
