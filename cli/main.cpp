// The program `conclave`: reads the command line, runs one command, ends with its exit code.
#include "cli/context.hpp"
#include "cli/terminal.hpp"
#include "crypto/keys.hpp"
#include "node/profile.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace conclave::cli {
namespace {

void add_options(CLI::App& program, Context& context) {
  program.add_option("--profile", context.profile, "Directory of the profile")
      ->type_name("DIR")
      ->capture_default_str();
  program.add_option("--config", context.config, "Config file (default: ~/.config/conclave/config.toml)")
      ->type_name("FILE");
  program.add_flag("--json", context.json, "Print JSON, one value a line");
  program.add_option("--log-level", context.log_level, "trace, debug, info, warning, error or off")
      ->type_name("LEVEL");
  program.add_option("--passphrase-file", context.passphrase_file, "File that holds the passphrase")
      ->type_name("FILE");
}

void add_commands(CLI::App& program, Context& context) {
  add_run(program, context);
  add_id(program, context);
  add_status(program, context);
  add_page(program, context);
  add_contact(program, context);
  add_requests(program, context);
  add_send(program, context);
  add_change(program, context);
  add_chat(program, context);
  add_call(program, context);
  add_history(program, context);
  add_watch(program, context);
  add_ping(program, context);
  add_backup(program, context);
  add_device(program, context);
  add_doctor(program, context);
  add_completion(program, context);
  auto* version = program.add_subcommand("version", "Print the version");
  version->callback([&context] {
    context.action = [&context]() -> Outcome<> {
      context.print({{"version", CONCLAVE_VERSION}}, [] { std::cout << "conclave " CONCLAVE_VERSION "\n"; });
      return {};
    };
  });
}

int complain(const Context& context, const Trouble& trouble) {
  if (context.json) {
    Json error{{"code", trouble.code}, {"message", trouble.message}};
    if (!trouble.hint.empty()) error["hint"] = trouble.hint;
    context.print({{"error", error}});
  } else {
    std::cerr << "conclave: " << printable(trouble.message, " ") << "\n";
    if (!trouble.hint.empty()) std::cerr << "          " << printable(trouble.hint, " ") << "\n";
  }
  return static_cast<int>(trouble.exit);
}

int run(int argc, char** argv) {
  Context context;
  context.profile = node::Profile::default_directory();
  CLI::App program("Conclave: a messenger with no company in it. Your node, your key, your friends' nodes.",
                   "conclave");
  program.footer(
      "Examples:\n"
      "  conclave run                         start your node; shows your key and link\n"
      "  conclave contact add LINK alice      add the person whose link you got\n"
      "  conclave send alice \"hello\"          write\n"
      "  conclave chat alice                  talk\n"
      "  conclave doctor                      what works, what does not, what to do\n"
      "\nEvery command explains itself: conclave COMMAND --help. More in conclave(1).");
  program.require_subcommand(1);
  program.fallthrough();  // --json and --profile may stand behind the command as well
  program.set_version_flag("--version", "conclave " CONCLAVE_VERSION);
  add_options(program, context);
  add_commands(program, context);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11's own door; --help and --version come through it too
    if (error.get_exit_code() == 0) return program.exit(error);
    return complain(context,
                    {Exit::usage, "usage", error.what(), "conclave --help lists commands and options."});
  }
  context.profile = std::filesystem::absolute(context.profile);
  auto outcome = context.action();
  return outcome ? static_cast<int>(Exit::good) : complain(context, outcome.error());
}

}  // namespace
}  // namespace conclave::cli

int main(int argc, char** argv) {
  conclave::crypto::init();
  return conclave::cli::run(argc, argv);
}
