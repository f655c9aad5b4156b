#include "node/store/database.hpp"

#include "crypto/aead.hpp"
#include "crypto/ensure.hpp"
#include "crypto/random.hpp"
#include "node/error.hpp"

#include <cerrno>
#include <map>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace conclave::store {

namespace {

Error error_of(int code, sqlite3* db) {
  // The write-ahead log's index is a file of its own; no room for it is an input/output error to SQLite.
  if (int system = sqlite3_system_errno(db); (code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
    return node::Errc::disk_full;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return node::Errc::disk_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return node::Errc::store_damaged;
    default:
      return node::Errc::store_failed;
  }
}

/// A check of everything is linear in the file; up to this size it costs less than 20 ms. Larger files are
/// checked when they were not closed properly.
constexpr std::int64_t always_checked_bytes = 8 << 20;

/// How a body is kept. A profile may get its passphrase later: both kinds then stand in one table.
enum class Body : Byte { clear = 0, sealed = 1 };
constexpr std::size_t nonce_size = crypto::nonce_size(crypto::AeadAlgorithm::xchacha20_poly1305);

}  // namespace

struct Database::Handle {
  sqlite3* db = nullptr;
  std::optional<crypto::Aead> body_seal;
  bool seals = false;
  SystemRandom nonces;
  /// Statements are few and fixed, so the cache needs no bound.
  std::map<std::string, sqlite3_stmt*, std::less<>> statements;
  ~Handle() {
    for (auto& [sql, statement] : statements) sqlite3_finalize(statement);
    sqlite3_close(db);
  }
};

bool Row::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string Row::text(int column) const { return std::string(conclave::text(blob(column))); }
ByteView Row::blob(int column) const {
  auto* data = static_cast<const Byte*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<sqlite3_stmt*> Database::prepare(std::string_view sql, std::initializer_list<Bind> arguments) {
  auto found = handle_->statements.find(sql);
  if (found == handle_->statements.end()) {
    sqlite3_stmt* fresh = nullptr;
    int code = sqlite3_prepare_v3(handle_->db, sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &fresh, nullptr);
    ensure(code != SQLITE_ERROR, "a statement of ours does not parse");
    if (code != SQLITE_OK) return fail(error_of(code, handle_->db));
    found = handle_->statements.emplace(std::string(sql), fresh).first;
  }
  auto* statement = found->second;
  int at = 0;
  for (auto& argument : arguments) {
    ++at;
    auto size = static_cast<int>(argument.bytes().size());
    switch (argument.kind()) {
      case Bind::Kind::null:
        sqlite3_bind_null(statement, at);
        break;
      case Bind::Kind::integer:
        sqlite3_bind_int64(statement, at, argument.integer());
        break;
      case Bind::Kind::text:
        sqlite3_bind_text(statement, at, size == 0 ? "" : text(argument.bytes()).data(), size, SQLITE_STATIC);
        break;
      case Bind::Kind::blob:
        if (size == 0) {
          sqlite3_bind_zeroblob(statement, at, 0);
        } else {
          sqlite3_bind_blob(statement, at, argument.bytes().data(), size, SQLITE_STATIC);
        }
        break;
    }
  }
  ensure(at == sqlite3_bind_parameter_count(statement), "a statement takes as many arguments as it names");
  return statement;
}

Result<> Database::each(std::string_view sql, std::initializer_list<Bind> arguments,
                        const std::function<bool(const Row&)>& row) {
  TRY(auto* statement, prepare(sql, arguments));
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (!row(Row(statement))) break;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW) return fail(error_of(code, handle_->db));
  return {};
}

Result<> Database::run(std::string_view sql, std::initializer_list<Bind> arguments) {
  return each(sql, arguments, [](const Row&) { return true; });
}

Result<std::int64_t> Database::integer(std::string_view sql, std::initializer_list<Bind> arguments,
                                       std::int64_t otherwise) {
  CHECK(each(sql, arguments, [&](const Row& row) {
    if (!row.null(0)) otherwise = row.integer(0);
    return false;
  }));
  return otherwise;
}

std::int64_t Database::last_rowid() const { return sqlite3_last_insert_rowid(handle_->db); }
std::int64_t Database::changes() const { return sqlite3_changes64(handle_->db); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_->db) == 0; }

void Database::body_key(const Secret<32>& key, bool seal) {
  handle_->body_seal.emplace(crypto::AeadAlgorithm::xchacha20_poly1305, key.view());
  handle_->seals = seal;
}

Bytes Database::sealed(std::string_view body) {
  Bytes out{static_cast<Byte>(handle_->seals ? Body::sealed : Body::clear)};
  if (!handle_->seals) {
    append(out, view(body));
    return out;
  }
  std::array<Byte, nonce_size> nonce;  // random ones of this length do not repeat
  handle_->nonces.fill(nonce);
  append(out, nonce);
  append(out, handle_->body_seal->seal(nonce, {}, view(body)));
  return out;
}

Result<std::string> Database::opened(ByteView body) {
  if (body.empty()) return fail(node::Errc::store_damaged);
  auto rest = body.subspan(1);
  if (body[0] == static_cast<Byte>(Body::clear)) return std::string(text(rest));
  if (!handle_->body_seal || rest.size() < nonce_size + crypto::Aead::tag_size)
    return fail(node::Errc::store_damaged);
  auto plain = handle_->body_seal->open(rest.first(nonce_size), {}, rest.subspan(nonce_size));
  if (!plain) return fail(node::Errc::store_damaged);
  return std::string(text(*plain));
}

Result<> Database::copy_to(const std::filesystem::path& file) {
  return run("VACUUM INTO ?", {file.string()});
}

Result<> Database::limit_pages(std::int64_t pages) {
  return run("PRAGMA max_page_count = " + std::to_string(pages == 0 ? 0xfffffffe : pages));
}

Result<Database> Database::open(const std::filesystem::path& file, Schema schema) {
  bool on_disk = !file.empty();
  if (on_disk) {  // SQLite would make it readable by the group
    int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail(errno == ENOSPC ? node::Errc::disk_full : node::Errc::store_failed);
    ::close(descriptor);
  }
  auto handle = std::make_unique<Handle>();
  // One thread uses it: no mutex.
  int code = sqlite3_open_v2(on_disk ? file.c_str() : ":memory:", &handle->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return fail(error_of(code, handle->db));
  sqlite3_extended_result_codes(handle->db, 1);
  // Until it is known to be good and ours, not even closing it may change the file.
  sqlite3_db_config(handle->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  Database db(std::move(handle));
  TRY(auto version, db.integer("PRAGMA user_version", {}));
  if (version > static_cast<std::int64_t>(schema.size())) return fail(node::Errc::store_too_new);
  std::error_code no_file;
  auto bytes = on_disk ? static_cast<std::int64_t>(std::filesystem::file_size(file, no_file)) : 0;
  // A write-ahead log that is still there was not closed by its writer.
  bool unclosed = on_disk && std::filesystem::exists(file.string() + "-wal", no_file);
  if (version > 0 && (unclosed || bytes <= always_checked_bytes)) {
    std::string verdict;
    CHECK(db.each("PRAGMA quick_check(1)", {}, [&](const Row& row) {
      verdict = row.text(0);
      return false;
    }));
    if (verdict != "ok") return fail(node::Errc::store_damaged);
  }
  // The cache stays small, because a node is to fit 15 MB. What a person deleted is overwritten.
  for (auto pragma :
       {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON",
        "PRAGMA cache_size = -512", "PRAGMA secure_delete = ON", "PRAGMA temp_store = MEMORY"}) {
    CHECK(db.run(pragma));
  }
  sqlite3_db_config(db.handle_->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (version == static_cast<std::int64_t>(schema.size())) return db;
  CHECK(db.run("BEGIN IMMEDIATE"));
  for (auto step = static_cast<std::size_t>(version); step < schema.size(); ++step) {
    char* wrong = nullptr;
    code = sqlite3_exec(db.handle_->db, std::string(schema[step]).c_str(), nullptr, nullptr, &wrong);
    sqlite3_free(wrong);
    if (code != SQLITE_OK) return fail(error_of(code, db.handle_->db));
  }
  CHECK(db.run("PRAGMA user_version = " + std::to_string(schema.size())));
  CHECK(db.run("COMMIT"));
  return db;
}

}  // namespace conclave::store
