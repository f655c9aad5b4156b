#pragma once
/// SQLite, with typed rows and errors as values. Not shared between threads: only the store's thread has one.
///
/// WAL and synchronous=FULL: what has been committed survives SIGKILL and a power cut, as far as the disk
/// keeps its promises.
#include "crypto/bytes.hpp"
#include "crypto/secret.hpp"

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3_stmt;

namespace conclave::store {

/// An argument of a statement. Refers to what it was made of: for the duration of one call.
class Bind {
 public:
  enum class Kind : Byte { null, integer, text, blob };
  Bind(std::nullopt_t) {}
  Bind(std::int64_t value) : kind_(Kind::integer), integer_(value) {}
  Bind(std::uint64_t value) : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {}
  Bind(int value) : kind_(Kind::integer), integer_(value) {}
  Bind(bool value) : kind_(Kind::integer), integer_(value ? 1 : 0) {}
  Bind(std::string_view value) : kind_(Kind::text), bytes_(view(value)) {}
  Bind(const std::string& value) : Bind(std::string_view(value)) {}
  Bind(const char* value) : Bind(std::string_view(value)) {}
  Bind(ByteView value) : kind_(Kind::blob), bytes_(value) {}
  Bind(const Bytes& value) : Bind(ByteView(value)) {}
  template <class Tag, std::size_t length>
  Bind(const Fixed<Tag, length>& value) : Bind(value.view()) {}

  Kind kind() const { return kind_; }
  std::int64_t integer() const { return integer_; }
  ByteView bytes() const { return bytes_; }

 private:
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;
  ByteView bytes_;
};

/// One row of a result, columns from 0. Views are valid until the next row.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool null(int column) const;
  std::int64_t integer(int column) const;
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  bool truth(int column) const { return integer(column) != 0; }
  std::string text(int column) const;
  ByteView blob(int column) const;
  /// A key of ours of fixed size; zeros where the column holds something else, which the schema excludes.
  template <class F>
  F key(int column) const {
    return F::from(blob(column)).value_or(F{});
  }

 private:
  sqlite3_stmt* statement_;
};

/// One step of the schema: SQL that takes a database of version n to n + 1.
using Schema = std::span<const std::string_view>;

class Database {
 public:
  /// Opens or makes the file (0600), checks it and upgrades it to the last version of `schema`; an empty path
  /// is a database in memory. node::Errc::store_damaged, store_too_new, disk_full, store_failed. A database
  /// that is damaged or too new is left as it was.
  static Result<Database> open(const std::filesystem::path& file, Schema schema);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  Result<> run(std::string_view sql, std::initializer_list<Bind> arguments = {});
  /// Calls `row` for each row, until it returns false.
  Result<> each(std::string_view sql, std::initializer_list<Bind> arguments,
                const std::function<bool(const Row&)>& row);
  /// What `take` makes of the first row, if there is one.
  template <class T>
  Result<std::optional<T>> first(std::string_view sql, std::initializer_list<Bind> arguments,
                                 const std::function<T(const Row&)>& take) {
    std::optional<T> out;
    CHECK(each(sql, arguments, [&](const Row& row) {
      out = take(row);
      return false;
    }));
    return out;
  }
  /// The first column of the first row; `otherwise` where there is no row or it is null.
  Result<std::int64_t> integer(std::string_view sql, std::initializer_list<Bind> arguments,
                               std::int64_t otherwise = 0);
  std::int64_t last_rowid() const;
  /// Rows that the last `run` changed.
  std::int64_t changes() const;
  bool in_transaction() const;

  /// The key under which bodies are opened and, with `seal`, sealed (XChaCha20-Poly1305): a profile with a
  /// passphrase seals.
  void body_key(const Secret<32>& key, bool seal);
  /// What a person wrote, as it goes into a column of the schema named body: one byte that says how, and the
  /// text.
  Bytes sealed(std::string_view body);
  /// The way back. node::Errc::store_damaged where it does not open.
  Result<std::string> opened(ByteView body);

  /// A consistent copy in a new file.
  Result<> copy_to(const std::filesystem::path& file);
  /// Limits the file to this many pages of 4096 bytes, as a full disk would. For tests; 0 lifts the limit.
  Result<> limit_pages(std::int64_t pages);

 private:
  struct Handle;
  explicit Database(std::unique_ptr<Handle> handle);
  Result<sqlite3_stmt*> prepare(std::string_view sql, std::initializer_list<Bind> arguments);
  std::unique_ptr<Handle> handle_;
};

}  // namespace conclave::store
