#pragma once
/// The database behind a thread of its own: post a transaction, get its result back on the node's thread.
///
/// Group commit: what was posted while the disk was busy is committed together, each piece of work within a
/// savepoint of its own, so that one that fails takes nobody along. A result arrives after the commit: what
/// it says is on the disk.
///
/// A full disk or a broken one fails the transactions concerned (node::Errc::disk_full, store_failed) and is
/// told to `on_trouble`; later transactions try again.
#include "node/store/database.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::store {

class Store {
 public:
  using Work = std::function<Result<>(Database&)>;
  /// How much one commit takes along at most: it bounds how long the first waits for the last.
  static constexpr std::size_t batch_max = 256;

  /// Opens `file` as `Database::open` does, or a database in memory where it is empty. That one has no
  /// thread: work is done when it is posted, so that simulations stay deterministic.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file, Schema schema,
                                             boost::asio::any_io_executor executor);
  virtual ~Store() = default;

  /// Runs `work` in a transaction; all of it is committed, or nothing. The error is that of `work` or of the
  /// commit. `work` runs on the store's thread: it must not touch what the node's thread owns.
  virtual boost::asio::awaitable<Result<>> post(Work work) = 0;

  /// The same with a value.
  template <class T>
  boost::asio::awaitable<Result<T>> transact(std::function<Result<T>(Database&)> work) {
    auto value = std::make_shared<std::optional<T>>();
    CO_CHECK(co_await post([value, work = std::move(work)](Database& db) -> Result<> {
      auto done = work(db);
      if (!done) return fail(done.error());
      *value = std::move(*done);
      return {};
    }));
    co_return std::move(**value);
  }

  /// Told on the node's thread, with a sentence when the disk refuses and with nothing when it takes writes
  /// again.
  virtual void on_trouble(std::function<void(std::string)> tell) = 0;
  /// Finishes what was posted and closes the file. Later posts fail with Errc::closed. Blocks for one commit.
  virtual void close() = 0;
};

}  // namespace conclave::store
