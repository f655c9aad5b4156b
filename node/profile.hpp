#pragma once
/// The directory that holds one account's node.
///
///     keys           account key if this device holds it, node key, certificate; 0600, sealed by a
///     passphrase or not conclave.db    SQLite: contacts, conversations, peers lock           flock(2) while
///     a program uses the profile; its process id is inside, for people api.sock       where the command line
///     reaches the running node (node/gateway)
///
/// Nothing here is asynchronous: a profile is opened before a node starts.
#include "crypto/keys.hpp"
#include "crypto/random.hpp"
#include "crypto/time.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace conclave::node {

using Passphrase = std::optional<std::string>;

class Profile {
 public:
  /// $XDG_DATA_HOME/conclave, or ~/.local/share/conclave.
  static std::filesystem::path default_directory();
  static bool exists(const std::filesystem::path& directory);

  /// A new account with this device as its first. Makes the directory (0700). Errc::profile_exists,
  /// profile_unreadable. With a passphrase this takes about a second (Argon2id).
  static Result<Profile> create(const std::filesystem::path& directory, const Passphrase& passphrase,
                                Random& random, UnixTime now);
  /// A new device for an account that exists elsewhere: `node_key()` is shown to the person, who has the
  /// device that holds the account key certify it (`Node::add_device`) and hands the text to `adopt`.
  static Result<Profile> create_device(const std::filesystem::path& directory, const Passphrase& passphrase,
                                       Random& random);
  /// Errc::profile_missing, profile_in_use, profile_damaged, passphrase_needed, wrong_passphrase.
  static Result<Profile> open(const std::filesystem::path& directory, const Passphrase& passphrase);
  /// No directory, no lock, a database in memory: for simulations and tests. `account` certifies `node`.
  static Profile in_memory(const AccountKeys& account, const NodeKeys& node, UnixTime now);

  Profile(Profile&&) noexcept;
  Profile& operator=(Profile&&) noexcept;
  ~Profile();  ///< gives the lock back

  /// Whether this device has its certificate; a node does not start without.
  bool certified() const;
  /// Takes what `Node::add_device` gave on another device. Errc::bad_signature, malformed, refused (for
  /// another node).
  Result<> adopt(std::string_view certificate);
  /// Only when `certified()`.
  const AccountKey& account_key() const;
  const NodeKey& node_key() const;
  /// Whether this device can certify and revoke others.
  bool holds_account_key() const;
  bool sealed() const;                      ///< a passphrase protects it
  std::filesystem::path directory() const;  ///< empty in memory

  /// Everything in one file (0600), sealed by `passphrase`, which must not be empty. Fails with
  /// Errc::disk_full, profile_unreadable; a file that was there before is replaced at the end, or not at all.
  /// For a running node: `Node::backup`.
  Result<> backup(const std::filesystem::path& file, const std::string& passphrase, Random& random);
  /// Makes a profile of a backup. It is a *new device* of the account: its node key is fresh, so that the old
  /// device, should it still run, never numbers its messages alike. With `revoke_old` the old one is
  /// revoked, which contacts learn when they meet the new one. Needs the account key in the backup to
  /// certify itself (else Errc::no_account_key). Errc::wrong_passphrase, backup_damaged, profile_exists.
  static Result<Profile> restore(const std::filesystem::path& file, const std::string& file_passphrase,
                                 const std::filesystem::path& directory, const Passphrase& passphrase,
                                 bool revoke_old, Random& random, UnixTime now);

  struct Contents;
  Contents& contents() { return *contents_; }  ///< for node/ itself
  const Contents& contents() const { return *contents_; }

 private:
  explicit Profile(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

}  // namespace conclave::node
