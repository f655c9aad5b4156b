// conclave backup, conclave restore.
#include "cli/ask.hpp"
#include "cli/terminal.hpp"
#include "crypto/codec/key_text.hpp"
#include "node/error.hpp"
#include "node/profile.hpp"

#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>

namespace conclave::cli {
namespace {

struct Options {
  std::filesystem::path file;
  bool keep_old = false;
  bool seal = false;
};

// A running node has the database open, so it writes the backup itself.
Outcome<> write_backup(const Context& context, const std::filesystem::path& file,
                       const std::string& passphrase) {
  auto client = Client::connect(context.profile);
  if (client) {
    CHECK(client->call("backup", {{"file", file.string()}, {"passphrase", passphrase}}));
    return {};
  }
  if (client.error().exit != Exit::no_node) return std::unexpected(client.error());
  auto profile = node::Profile::open(context.profile, std::nullopt);
  if (!profile && profile.error() == node::Errc::passphrase_needed) {
    auto own = ask_secret("Passphrase of the profile: ");
    profile = node::Profile::open(context.profile, own ? own : passphrase);
  }
  if (!profile) return trouble(profile.error());
  SystemRandom random;
  if (auto done = profile->backup(file, passphrase, random); !done) return trouble(done.error());
  return {};
}

Outcome<> backup(const Context& context, const Options& options) {
  if (!node::Profile::exists(context.profile)) return trouble(make_error_code(node::Errc::profile_missing));
  auto file = std::filesystem::absolute(options.file);
  TRY(auto passphrase, context.passphrase("Passphrase for the backup: ", /*again=*/true));
  CHECK(write_backup(context, file, passphrase));
  context.print({{"file", file.string()}}, [&] {
    std::cout << "Everything is in " << file.string() << ", sealed with your passphrase.\n"
              << "Keep both, in different places; without the passphrase nobody can open it, you neither.\n";
  });
  return {};
}

Outcome<> restore(const Context& context, const Options& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.file, error))
    return trouble(Exit::usage, "bad_file", "There is no file " + options.file.string() + ".",
                   "Check the path.");
  TRY(auto passphrase, context.passphrase("Passphrase of the backup: ", /*again=*/false));
  node::Passphrase own;
  if (options.seal) own = passphrase;
  SystemRandom random;
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  auto profile = node::Profile::restore(options.file, passphrase, context.profile, own, !options.keep_old,
                                        random, UnixTime{now.count()});
  if (!profile && profile.error() == node::Errc::wrong_passphrase)
    return trouble(Exit::damaged, "wrong_passphrase",
                   "The passphrase does not fit, or the backup has been damaged or cut short.",
                   "Try again; mind Caps Lock; use another copy of the file.");
  if (!profile) return trouble(profile.error());
  auto account = codec::to_text(profile->account_key());
  context.print({{"account", account}, {"profile", context.profile.string()}}, [&] {
    std::cout << "Restored the account " << account << " in " << context.profile.string() << ".\n"
              << (options.keep_old
                      ? "The old device stays valid beside this one.\n"
                      : "The old device is revoked as soon as your contacts hear from this one.\n")
              << "Start it: conclave run\n";
  });
  return {};
}

}  // namespace

void add_backup(CLI::App& program, Context& context) {
  auto options = std::make_shared<Options>();
  auto* saving = program.add_subcommand("backup", "Write everything into one sealed file");
  saving->add_option("file", options->file, "Where to")->required()->type_name("FILE");
  saving->footer(
      "Works while the node runs and while it does not. Whoever has the file and the passphrase is you.\n\n"
      "Example:\n  conclave backup /media/stick/conclave.backup");
  saving->callback(
      [&context, options] { context.action = [&context, options] { return backup(context, *options); }; });

  auto* restoring =
      program.add_subcommand("restore", "Make a profile of a backup, as a new device of the account");
  restoring->add_option("file", options->file, "The backup")->required()->type_name("FILE");
  restoring->add_flag("--keep-old", options->keep_old, "The old device still runs: do not revoke it");
  restoring->add_flag("--seal", options->seal, "Seal the new profile with the same passphrase");
  restoring->footer("Example:\n  conclave restore /media/stick/conclave.backup");
  restoring->callback(
      [&context, options] { context.action = [&context, options] { return restore(context, *options); }; });
}

}  // namespace conclave::cli
