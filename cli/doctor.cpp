// conclave doctor: what works, what does not, and what to do, in plain words.
#include "cli/ask.hpp"
#include "cli/config.hpp"
#include "cli/terminal.hpp"
#include "node/findings.hpp"
#include "node/profile.hpp"
#include "node/store/database.hpp"
#include "node/store/schema.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace conclave::cli {
namespace {

using node::Finding;
using Findings = std::vector<Finding>;
using Kind = Finding::Kind;

// Below this SQLite may not be able to write a checkpoint.
constexpr double disk_low = 100e6;

void examine_config(const Context& context, Findings& out) {
  auto config = load_config(context.config);
  if (config) {
    out.push_back({Kind::good, "The config can be read."});
  } else {
    out.push_back({Kind::bad, config.error().message, config.error().hint});
  }
}

void examine_profile(const Context& context, Findings& out) {
  auto path = context.profile.string();
  if (!node::Profile::exists(context.profile)) {
    out.push_back({Kind::bad, "There is no profile in " + path + ".", "`conclave run` makes one."});
    return;
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    out.push_back({Kind::bad, "You may not use " + path + ".", "Run conclave as the user it belongs to."});
    return;
  }
  if ((info.st_mode & 077) != 0) {
    out.push_back({Kind::bad, "Others on this machine may look into " + path + ".", "chmod 700 " + path});
  } else {
    out.push_back({Kind::good, "The profile is in " + path + " and yours alone."});
  }
  struct statvfs disk{};
  if (::statvfs(path.c_str(), &disk) == 0) {
    double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
    if (free < disk_low)
      out.push_back({Kind::bad, "Only " + byte_count(free) + " are left on its disk.",
                     "Free some space; new messages are refused when it is full, and nothing old is lost."});
    else
      out.push_back({Kind::good, byte_count(free) + " are free on its disk."});
  }
}

/// While no node runs: a running one says for itself what its database refuses.
void examine_database(const Context& context, Findings& out) {
  auto file = context.profile / "conclave.db";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return;
  auto database = store::Database::open(file, store::schema());
  if (database) return out.push_back({Kind::good, "The database is whole."});
  auto why = trouble(database.error()).error();
  out.push_back({Kind::bad, why.message, why.hint});
}

void examine_node(const Context& context, Findings& out) {
  auto asked = ask(context, "status");
  if (!asked) {
    bool off = asked.error().exit == Exit::no_node;
    out.push_back({Kind::bad, off ? "The node is not running." : asked.error().message,
                   off ? "Start it: conclave run" : asked.error().hint});
    if (off) examine_database(context, out);
    return;
  }
  Json& status = *asked;
  out.push_back({Kind::good, "The node runs (conclave " + status["version"].get<std::string>() +
                                 ", process " + std::to_string(status["process"]["pid"].get<int>()) + ")."});
  if (status["version"] != CONCLAVE_VERSION)
    out.push_back({Kind::note,
                   "The running node is of another version than this program (" CONCLAVE_VERSION ").",
                   "Restart it."});
  auto examined = ask(context, "doctor");
  if (!examined) {
    out.push_back({Kind::bad, examined.error().message, examined.error().hint});
    return;
  }
  for (auto& finding : (*examined)["findings"]) {
    auto kind = finding["kind"].get<std::string>();
    out.push_back({kind == "good" ? Kind::good : kind == "note" ? Kind::note : Kind::bad,
                   finding["what"].get<std::string>(), finding["todo"].get<std::string>()});
  }
}

Outcome<> doctor(const Context& context) {
  Findings findings;
  examine_config(context, findings);
  examine_profile(context, findings);
  examine_node(context, findings);
  bool healthy = std::ranges::none_of(findings, [](auto& finding) { return finding.kind == Kind::bad; });
  Json list = Json::array();
  for (auto& finding : findings) {
    const char* kind = finding.kind == Kind::good ? "good" : finding.kind == Kind::note ? "note" : "bad";
    list.push_back({{"kind", kind}, {"what", finding.what}, {"todo", finding.todo}});
  }
  context.print({{"healthy", healthy}, {"findings", list}}, [&] {
    for (auto& finding : findings) {
      auto mark = finding.kind == Kind::good   ? painted(Colour::green, "✓")
                  : finding.kind == Kind::note ? painted(Colour::yellow, "!")
                                               : painted(Colour::red, "✗");
      std::cout << mark << " " << printable(finding.what, " ") << "\n";
      if (!finding.todo.empty()) std::cout << "  → " << printable(finding.todo, " ") << "\n";
    }
  });
  if (healthy) return {};
  return trouble(Exit::failed, "unhealthy", "Something does not work; see above.");
}

}  // namespace

void add_doctor(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("doctor", "Say what works, what does not, and what to do");
  command->footer("Exit code 0 when nothing is broken.\n\nExample:\n  conclave doctor");
  command->callback([&context] { context.action = [&context] { return doctor(context); }; });
}

}  // namespace conclave::cli
