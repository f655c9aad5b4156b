// A profile in one sealed file, and back: Profile::backup, Profile::restore.
#include "crypto/codec/msgpack.hpp"
#include "crypto/key_vault.hpp"
#include "node/error.hpp"
#include "node/file.hpp"
#include "node/profile_contents.hpp"
#include "node/store/schema.hpp"

#include <unistd.h>

namespace conclave::node {
namespace fs = std::filesystem;

namespace {

constexpr std::uint8_t version = 1;
// version, key file's content, database
using BackupWire = std::tuple<std::uint8_t, Bytes, Bytes>;

/// A file that goes when this goes.
struct Passing {
  fs::path path;
  ~Passing() {
    std::error_code gone;
    fs::remove(path, gone);
  }
};

struct Backup {
  Keys keys;
  Bytes database;
};

Result<Backup> read_backup(const fs::path& file, const std::string& passphrase) {
  TRY(auto sealed, read_file(file, vault::content_max + 1024));
  auto plain = vault::unlock(vault::Purpose::backup, sealed, passphrase);
  if (!plain) {
    bool wrong = plain.error() == conclave::Errc::undecryptable;
    return fail(wrong ? Errc::wrong_passphrase : Errc::backup_damaged);
  }
  auto wire = codec::unpack<BackupWire>(*plain);
  wipe(*plain);
  if (!wire || std::get<0>(*wire) != version) return fail(Errc::backup_damaged);
  auto keys = Keys::decode(std::get<1>(*wire));
  wipe(std::get<1>(*wire));
  if (!keys || !keys->certificate) return fail(Errc::backup_damaged);
  return Backup{std::move(*keys), std::move(std::get<2>(*wire))};
}

/// Turns the database of the old device into the new one's: the old log is that of another device of ours
/// now, and nobody has anything of the new one yet.
Result<> hand_over(const fs::path& database, const Keys& old, const std::optional<Revocation>& revocation) {
  TRY(auto db, store::Database::open(database, store::schema()));
  CHECK(db.run("BEGIN IMMEDIATE"));
  CHECK(db.run("DELETE FROM setting WHERE name IN ('udp_port', 'tcp_port')"));
  CHECK(db.run("UPDATE receiver SET base = 0, acked = 0"));
  auto& account = old.certificate->account;
  auto& node = old.node.public_key();
  if (revocation) {
    CHECK(db.run("INSERT INTO revocation(account, node, statement) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
                 {account, node, encode(*revocation)}));
    CHECK(db.run("DELETE FROM receiver WHERE node = ?", {node}));
  } else {
    CHECK(db.run(
        "INSERT INTO receiver(conversation, node, account, base, acked) VALUES(?, ?, ?, 0, 0) ON CONFLICT DO "
        "NOTHING",
        {account, node, account}));
  }
  return db.run("COMMIT");
}

}  // namespace

Result<> copy_and_seal(const Keys& keys, const fs::path& database, const fs::path& scratch,
                       const fs::path& file, const std::string& passphrase, Random& random) {
  Passing copy{scratch};
  std::error_code gone;
  fs::remove(copy.path, gone);
  {
    TRY(auto db, store::Database::open(database, store::schema()));
    CHECK(db.copy_to(copy.path));
  }
  TRY(auto copied, read_file(copy.path, vault::content_max));
  BackupWire wire{version, keys.encode(), std::move(copied)};
  auto plain = codec::pack(wire);
  wipe(std::get<1>(wire));
  auto sealed = vault::lock(vault::Purpose::backup, plain, passphrase, random, vault::cost_of_backup);
  wipe(plain);
  if (!sealed) return fail(sealed.error());
  auto written = write_file(file, *sealed);
  if (!written && written.error() == Errc::profile_unreadable) return fail(Errc::file_failed);
  return written;
}

Result<> Profile::backup(const fs::path& file, const std::string& passphrase, Random& random) {
  if (passphrase.empty()) return fail(Errc::passphrase_needed);
  if (!certified()) return fail(Errc::profile_damaged);
  return copy_and_seal(contents_->keys, contents_->database(), contents_->directory / "backup.tmp", file,
                       passphrase, random);
}

Result<Profile> Profile::restore(const fs::path& file, const std::string& file_passphrase,
                                 const fs::path& directory, const Passphrase& passphrase, bool revoke_old,
                                 Random& random, UnixTime now) {
  if (exists(directory)) return fail(Errc::profile_exists);
  TRY(auto backup, read_backup(file, file_passphrase));
  auto& old = backup.keys;
  if (!old.account) return fail(Errc::no_account_key);
  Keys keys{old.account, NodeKeys::generate(random), std::nullopt, old.body_key};
  keys.certificate = certify(*keys.account, keys.node.public_key(), static_cast<std::uint64_t>(now.ms), now,
                             now + certificate_life, old.certificate->name);
  std::optional<Revocation> revocation;
  if (revoke_old) revocation = revoke(*keys.account, old.node.public_key(), now);

  std::error_code wrong;
  fs::create_directories(directory, wrong);
  if (wrong) return fail(Errc::profile_unreadable);
  fs::permissions(directory, fs::perms::owner_all, wrong);
  auto contents = std::make_unique<Contents>(std::move(keys));
  contents->directory = directory;
  contents->passphrase = passphrase;
  CHECK(contents->take_lock());
  CHECK(write_file(contents->database(), backup.database));
  CHECK(hand_over(contents->database(), old, revocation));
  // The keys come last: without them there is no profile, and the whole can be done again.
  CHECK(contents->write_keys(random));
  return Profile(std::move(contents));
}

}  // namespace conclave::node
