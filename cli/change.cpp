// conclave edit, conclave delete, conclave react: changes to what has been written.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

struct Change {
  std::string contact, id, text;
};

Outcome<> ask_change(const Context& context, const std::string& method, const Change& change, const char* text_name,
                  const char* done) {
  Json params{{"with", change.contact}, {"id", change.id}};
  if (text_name) params[text_name] = change.text;
  TRY(auto answer, ask(context, method, params));
  context.print(answer, [&] { std::cout << done << "\n"; });
  return {};
}

CLI::App* add_changing(CLI::App& program, Change& change, const char* name, const char* about) {
  auto* command = program.add_subcommand(name, about);
  command->add_option("contact", change.contact, "Name or key")->required()->type_name("CONTACT");
  command->add_option("id", change.id, "The message, as `conclave history --ids` shows it")->required()->type_name("ID");
  return command;
}

}  // namespace

void add_change(CLI::App& program, Context& context) {
  auto change = std::make_shared<Change>();
  auto* editing = add_changing(program, *change, "edit", "Change a message that you have written");
  editing->add_option("text", change->text, "The new text")->required()->type_name("TEXT");
  editing->footer("Both sides see the new text, and that it was edited.\n\n"
                  "Example:\n  conclave edit alice 12D3KooW…/7 \"see you at nine\"");
  editing->callback([&context, change] {
    context.action = [&context, change] { return ask_change(context, "messages.edit", *change, "body", "Changed."); };
  });

  auto* deleting = add_changing(program, *change, "delete", "Take back a message that you have written");
  deleting->footer("Asks the other side to forget the text; whoever has read it has read it.\n\n"
                   "Example:\n  conclave delete alice 12D3KooW…/7");
  deleting->callback([&context, change] {
    context.action = [&context, change] { return ask_change(context, "messages.delete", *change, nullptr, "Deleted."); };
  });

  auto* reacting = add_changing(program, *change, "react", "React to a message with an emoji");
  reacting->add_option("emoji", change->text, "The reaction; none takes yours back")->type_name("EMOJI");
  reacting->footer("Example:\n  conclave react alice 12D3KooW…/7 👍");
  reacting->callback([&context, change] {
    context.action = [&context, change] { return ask_change(context, "messages.react", *change, "emoji", "Done."); };
  });
}

}  // namespace conclave::cli
