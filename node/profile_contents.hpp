#pragma once
/// What is inside a profile: for node/ itself.
#include "crypto/certificate.hpp"
#include "node/profile.hpp"

namespace conclave::node {

/// What the key file holds. The account key is there on devices that may certify others.
struct Keys {
  static constexpr std::size_t file_max = 64 * 1024;
  std::optional<AccountKeys> account;
  NodeKeys node;
  std::optional<Certificate> certificate;
  Secret<32> body_key;  ///< seals message bodies in the database of a profile with a passphrase

  Bytes encode() const;
  /// Fails with Errc::profile_damaged.
  static Result<Keys> decode(ByteView in);
};

struct Profile::Contents {
  std::filesystem::path directory;  ///< empty in memory
  Passphrase passphrase;            ///< to write the key file anew
  Keys keys;
  int lock = -1;

  explicit Contents(Keys the_keys) : keys(std::move(the_keys)) {}
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  ~Contents();
  std::filesystem::path database() const;  ///< empty in memory
  Result<> take_lock();
  Result<> write_keys(Random& random) const;
};

/// How long a certificate holds. The device that holds the account key renews its own when half of it is
/// over.
inline constexpr std::chrono::milliseconds certificate_life = std::chrono::hours(24 * 730);

/// Copies the database, which others may be using, by way of `scratch`, and seals it with the keys into
/// `file`. Blocks for a second or more.
Result<> copy_and_seal(const Keys& keys, const std::filesystem::path& database,
                       const std::filesystem::path& scratch, const std::filesystem::path& file,
                       const std::string& passphrase, Random& random);

}  // namespace conclave::node
