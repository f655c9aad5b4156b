#include "node/profile.hpp"

#include "crypto/codec/base_n.hpp"
#include "crypto/ensure.hpp"
#include "crypto/key_vault.hpp"
#include "node/error.hpp"
#include "node/file.hpp"
#include "node/profile_contents.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace conclave::node {
namespace fs = std::filesystem;

namespace {

fs::path key_file(const fs::path& directory) { return directory / "keys"; }

Keys fresh_keys(Random& random) {
  Keys keys{std::nullopt, NodeKeys::generate(random), std::nullopt, {}};
  random.fill(keys.body_key.span());
  return keys;
}

void certify_self(Keys& keys, UnixTime now) {
  keys.certificate = certify(*keys.account, keys.node.public_key(), static_cast<std::uint64_t>(now.ms), now,
                             now + certificate_life, {});
}

std::string_view words(const Passphrase& passphrase) { return passphrase ? *passphrase : std::string_view(); }

}  // namespace

Profile::Contents::~Contents() {
  if (lock >= 0) ::close(lock);
}

fs::path Profile::Contents::database() const {
  return directory.empty() ? fs::path() : directory / "conclave.db";
}

Result<> Profile::Contents::take_lock() {
  lock = ::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return fail(errno == ENOSPC ? Errc::disk_full : Errc::profile_unreadable);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) return fail(Errc::profile_in_use);
  // For people who wonder who it is; the lock itself is the kernel's.
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock, 0) == 0) (void)!::pwrite(lock, pid.data(), pid.size(), 0);
  return {};
}

Result<> Profile::Contents::write_keys(Random& random) const {
  if (directory.empty()) return {};
  auto plain = keys.encode();
  auto sealed = vault::lock(vault::Purpose::keys, plain, words(passphrase), random, vault::cost_of_keys);
  wipe(plain);
  if (!sealed) return fail(sealed.error());
  return write_file(key_file(directory), *sealed);
}

Profile::Profile(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
Profile::Profile(Profile&&) noexcept = default;
Profile& Profile::operator=(Profile&&) noexcept = default;
Profile::~Profile() = default;

fs::path Profile::default_directory() {
  if (auto* data = std::getenv("XDG_DATA_HOME"); data && *data == '/') return fs::path(data) / "conclave";
  auto* home = std::getenv("HOME");
  return fs::path(home ? home : "/") / ".local" / "share" / "conclave";
}

bool Profile::exists(const fs::path& directory) {
  std::error_code unreadable;
  return fs::exists(key_file(directory), unreadable);
}

namespace {

/// Makes the directory, takes its lock and writes the keys.
Result<std::unique_ptr<Profile::Contents>> settle(Keys keys, const fs::path& directory,
                                                  const Passphrase& passphrase, Random& random) {
  std::error_code wrong;
  fs::create_directories(directory, wrong);
  if (wrong) return fail(wrong == std::errc::no_space_on_device ? Errc::disk_full : Errc::profile_unreadable);
  if (::chmod(directory.c_str(), 0700) != 0) return fail(Errc::profile_unreadable);
  auto contents = std::make_unique<Profile::Contents>(std::move(keys));
  contents->directory = directory;
  contents->passphrase = passphrase;
  CHECK(contents->take_lock());
  if (Profile::exists(directory)) return fail(Errc::profile_exists);
  CHECK(contents->write_keys(random));
  return contents;
}

}  // namespace

Result<Profile> Profile::create(const fs::path& directory, const Passphrase& passphrase, Random& random,
                                UnixTime now) {
  if (exists(directory)) return fail(Errc::profile_exists);
  auto keys = fresh_keys(random);
  keys.account = AccountKeys::generate(random);
  certify_self(keys, now);
  TRY(auto contents, settle(std::move(keys), directory, passphrase, random));
  return Profile(std::move(contents));
}

Result<Profile> Profile::create_device(const fs::path& directory, const Passphrase& passphrase,
                                       Random& random) {
  if (exists(directory)) return fail(Errc::profile_exists);
  TRY(auto contents, settle(fresh_keys(random), directory, passphrase, random));
  return Profile(std::move(contents));
}

Result<Profile> Profile::open(const fs::path& directory, const Passphrase& passphrase) {
  if (!exists(directory)) return fail(Errc::profile_missing);
  TRY(auto sealed, read_file(key_file(directory), Keys::file_max));
  auto locked = vault::is_locked(vault::Purpose::keys, sealed);
  if (!locked) return fail(Errc::profile_damaged);
  if (*locked && !passphrase) return fail(Errc::passphrase_needed);
  auto plain = vault::unlock(vault::Purpose::keys, sealed, *locked ? words(passphrase) : std::string_view());
  if (!plain) {
    bool wrong = plain.error() == conclave::Errc::undecryptable;
    return fail(wrong ? Errc::wrong_passphrase : Errc::profile_damaged);
  }
  auto keys = Keys::decode(*plain);
  wipe(*plain);
  if (!keys) return fail(keys.error());
  auto contents = std::make_unique<Contents>(std::move(*keys));
  contents->directory = directory;
  if (*locked) contents->passphrase = passphrase;
  CHECK(contents->take_lock());
  return Profile(std::move(contents));
}

Profile Profile::in_memory(const AccountKeys& account, const NodeKeys& node, UnixTime now) {
  Keys keys{account, node, std::nullopt, {}};
  certify_self(keys, now);
  return Profile(std::make_unique<Contents>(std::move(keys)));
}

bool Profile::certified() const { return contents_->keys.certificate.has_value(); }

Result<> Profile::adopt(std::string_view certificate) {
  while (!certificate.empty() && (certificate.back() == '\n' || certificate.back() == ' '))
    certificate.remove_suffix(1);
  while (!certificate.empty() && certificate.front() == ' ') certificate.remove_prefix(1);
  TRY(auto bytes, codec::from_base64url(certificate));
  TRY(auto decoded, decode_certificate(bytes));
  CHECK(verify(decoded, decoded.created));  // the signature; the time is the node's affair when it starts
  auto& keys = contents_->keys;
  if (decoded.node != keys.node.public_key()) return fail(conclave::Errc::refused);
  if (keys.certificate && keys.certificate->account != decoded.account) return fail(conclave::Errc::refused);
  keys.certificate = std::move(decoded);
  SystemRandom random;
  return contents_->write_keys(random);
}

const AccountKey& Profile::account_key() const {
  ensure(certified(), "the profile belongs to an account");
  return contents_->keys.certificate->account;
}
const NodeKey& Profile::node_key() const { return contents_->keys.node.public_key(); }
bool Profile::holds_account_key() const { return contents_->keys.account.has_value(); }
bool Profile::sealed() const { return contents_->passphrase.has_value(); }
fs::path Profile::directory() const { return contents_->directory; }

}  // namespace conclave::node
