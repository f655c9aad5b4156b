#include "node/error.hpp"

namespace conclave::node {

namespace {

struct Words {
  const char* what;
  const char* todo;
};

Words words(Errc code) {
  switch (code) {
    case Errc::profile_missing:
      return {"there is no profile in this directory", "Start with `conclave run`, which makes one"};
    case Errc::profile_exists:
      return {"there is a profile in this directory already", "Choose another directory with --profile"};
    case Errc::profile_in_use:
      return {"another program uses this profile", "Stop it, or choose another directory with --profile"};
    case Errc::profile_unreadable:
      return {"the profile cannot be read or written",
              "Check who owns the directory, its permissions, and the disk"};
    case Errc::profile_damaged:
      return {"the profile's keys are damaged", "Restore a backup with `conclave restore`"};
    case Errc::passphrase_needed:
      return {"the profile is sealed with a passphrase", "Give the passphrase"};
    case Errc::wrong_passphrase:
      return {"the passphrase does not fit", "Try again; mind Caps Lock"};
    case Errc::backup_damaged:
      return {"this is not a backup, or not a whole one", "Use another copy of it"};
    case Errc::store_damaged:
      return {"the database is damaged; nothing has been changed",
              "Restore a backup, or move conclave.db away to start with an empty history"};
    case Errc::store_too_new:
      return {"the database was written by a newer version of conclave", "Install that version"};
    case Errc::store_failed:
      return {"the disk refuses to read or write", "Check the disk and its permissions"};
    case Errc::disk_full:
      return {"the disk is full", "Free some space; what was acknowledged is safe"};
    case Errc::port_taken:
      return {"another program has the port", "Stop it, or choose another port (0 takes any free one)"};
    case Errc::nobody_known:
      return {"no other node is known that could be asked for this account",
              "Use the link that the other person's `conclave id` shows, or name a node with --bootstrap"};
    case Errc::unknown_account:
      return {"this account is not among your contacts", "Add it as a contact first"};
    case Errc::unknown_message:
      return {"there is no such message in this conversation", ""};
    case Errc::not_yours:
      return {"only its author can change a message", ""};
    case Errc::not_text:
      return {"this is not UTF-8 text", ""};
    case Errc::own_account:
      return {"this is your own account", ""};
    case Errc::blocked:
      return {"you have blocked this account", "Unblock it first"};
    case Errc::unreachable:
      return {"none of this account's nodes could be reached", "They may be offline; messages wait for them"};
    case Errc::no_account_key:
      return {"this device does not hold the account key",
              "Do this on the device where the account was made"};
    case Errc::not_a_node:
      return {"a node to start from is neither a multiaddr nor a whole link",
              "A multiaddr looks like /ip4/192.0.2.1/udp/4001/nquic/p2p/12D3KooW…; `conclave status` on that node shows "
              "its own, `conclave id` its link"};
    case Errc::no_such_address:
      return {"this machine has no such address to listen on",
              "Give one that `ip address` shows, or leave --listen away to listen on all"};
    case Errc::file_failed:
      return {"the file cannot be written", "Check that its directory exists and that you may write there"};
    case Errc::not_running:
      return {"the node is not running", "Start it with `conclave run`"};
  }
  return {"unknown error", ""};
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "node"; }
  std::string message(int value) const override { return words(static_cast<Errc>(value)).what; }
};

}  // namespace

std::error_code make_error_code(Errc code) {
  static const Category category;
  return {static_cast<int>(code), category};
}

std::string advice(const Error& error) {
  std::string out = error.message();
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  out += '.';
  if (error.category() != make_error_code(Errc::disk_full).category()) return out;
  std::string todo = words(static_cast<Errc>(error.value())).todo;
  return todo.empty() ? out : out + " " + todo + ".";
}

}  // namespace conclave::node
