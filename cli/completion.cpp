// conclave completion SHELL: a few lines for the shell, which ask `conclave complete WORD…` for the
// candidates. That walks the same tree of commands that parses the command line, and knows the names of
// contacts.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

constexpr std::string_view bash =
    R"sh(# conclave completion bash > /etc/bash_completion.d/conclave, or: source <(conclave completion bash)
_conclave() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(conclave complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _conclave conclave
)sh";
constexpr std::string_view zsh = R"sh(#compdef conclave
# conclave completion zsh > a directory of $fpath, as _conclave
_conclave() {
  local -a candidates
  candidates=("${(@f)$(conclave complete -- "${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  compadd -a candidates || _files
}
compdef _conclave conclave
)sh";
constexpr std::string_view fish = R"sh(# conclave completion fish > ~/.config/fish/completions/conclave.fish
complete -c conclave -f -a '(conclave complete -- (commandline -opc)[2..] 2>/dev/null)'
)sh";

bool wants_contact(const CLI::App& command) {
  for (auto* option : command.get_options()) {
    if (option->get_positional() && option->get_type_name() == "CONTACT") return true;
  }
  return false;
}

void print_contacts(const Context& context) {
  auto answer = ask(context, "contacts.list");
  if (!answer) return;  // no node, no names
  for (auto& contact : (*answer)["contacts"]) std::cout << display_name(contact) << "\n";
}

const CLI::App* subcommand(const CLI::App& command, const std::string& name) {
  for (auto* next : command.get_subcommands([&](const CLI::App* app) { return app->get_name() == name; }))
    return next;
  return nullptr;
}

Outcome<> complete(const Context& context, const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* command = &program;
  std::size_t arguments = 0;
  for (auto& word : words) {
    if (auto* deeper = subcommand(*command, word)) {
      command = deeper;
      arguments = 0;
    } else if (!word.starts_with("-")) {
      ++arguments;
    }
  }
  for (auto* next : command->get_subcommands([](const CLI::App*) { return true; })) {
    if (!next->get_group().empty()) std::cout << next->get_name() << "\n";
  }
  for (const CLI::App* at = command; at; at = at->get_parent()) {
    for (auto* option : at->get_options()) {
      for (auto& name : option->get_lnames()) std::cout << "--" << name << "\n";
    }
  }
  if (arguments == 0 && wants_contact(*command)) print_contacts(context);
  return {};
}

Outcome<> print_script(const std::string& shell) {
  if (shell == "bash") std::cout << bash;
  if (shell == "zsh") std::cout << zsh;
  if (shell == "fish") std::cout << fish;
  return {};
}

}  // namespace

void add_completion(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("completion", "Print the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example:\n  source <(conclave completion bash)");
  command->callback([&context, shell] { context.action = [shell] { return print_script(*shell); }; });

  auto* hidden = program.add_subcommand("complete", "What could stand next")->group("");
  auto words = std::make_shared<std::vector<std::string>>();
  hidden->add_option("words", *words, "What stands before");
  hidden->callback([&context, &program, words] {
    context.action = [&context, &program, words] { return complete(context, program, *words); };
  });
}

}  // namespace conclave::cli
