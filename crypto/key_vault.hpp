#pragma once
/// Secrets at rest, as bytes: what a profile keeps in its key file, what a backup is, and how message bodies are sealed in
/// the database. Files are somebody else's business. Layouts: docs/identity.md, "At rest".
///
/// With a passphrase: Argon2id (RFC 9106) and XChaCha20-Poly1305. Without: the bytes as they are, behind a checksum that
/// tells a damaged file from a good one; then the file mode (0600) is all the protection there is.
///
/// Argon2id takes a tenth of a second to a second, and its memory: call `lock` and `unlock` on a worker.
#include <optional>

#include "crypto/random.hpp"
#include "crypto/secret.hpp"

namespace conclave::vault {

/// What is inside, so that a backup is not taken for a key file.
enum class Purpose : Byte { keys = 1, backup = 2 };

/// Argon2id's price. `passes` 1–16, `memory_kib` 8–1048576; a file that asks for more is refused, since whoever made it
/// could otherwise have our memory.
struct Cost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 64 * 1024;
};
inline constexpr Cost cost_of_keys{3, 64 * 1024};      ///< about 0.15 s: paid at every start
inline constexpr Cost cost_of_backup{4, 256 * 1024};   ///< about 1 s: a backup may lie with strangers

/// Backups are held in memory as a whole: this much is refused above.
inline constexpr std::size_t content_max = 256 * 1024 * 1024;

/// Fails with Errc::too_long or limit_reached (no memory for Argon2id). An empty passphrase is none.
Result<Bytes> lock(Purpose purpose, ByteView content, std::string_view passphrase, Random& random, Cost cost);
/// Whether `unlock` wants a passphrase. Fails with Errc::malformed (not such a file), unsupported (a newer version) or
/// unexpected_type (another purpose).
Result<bool> is_locked(Purpose purpose, ByteView file);
/// Fails as is_locked does, and with Errc::undecryptable (wrong passphrase, or damaged), bad_checksum (damaged, without a
/// passphrase), refused (a cost out of bounds), limit_reached.
Result<Bytes> unlock(Purpose purpose, ByteView file, std::string_view passphrase);

/// One record under a key that comes out of the vault: nonce (24) ‖ ciphertext ‖ tag. `associated` says which record it
/// is, so that rows cannot be exchanged.
Bytes seal_record(const Secret<32>& key, ByteView associated, ByteView plain, Random& random);
/// Fails with Errc::undecryptable.
Result<Bytes> open_record(const Secret<32>& key, ByteView associated, ByteView sealed);

}  // namespace conclave::vault
