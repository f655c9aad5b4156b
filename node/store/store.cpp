#include "node/store/store.hpp"

#include "node/error.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace conclave::store {
namespace asio = boost::asio;

namespace {

using Done = asio::any_completion_handler<void(Error)>;

/// Runs one piece of work so that its failure undoes it alone.
Result<> run_apart(Database& db, const Store::Work& work) {
  CHECK(db.run("SAVEPOINT work"));
  auto outcome = work(db);
  if (!db.in_transaction()) return outcome ? fail(node::Errc::store_failed) : outcome;
  if (!outcome) CHECK(db.run("ROLLBACK TO work"));
  CHECK(db.run("RELEASE work"));
  return outcome;
}

/// All of `works` in one transaction; what each of them came to.
std::vector<Error> commit_together(Database& db, std::span<const Store::Work* const> works) {
  std::vector<Error> outcomes(works.size());
  auto all = [&](Error error) {
    if (db.in_transaction()) (void)db.run("ROLLBACK");
    std::fill(outcomes.begin(), outcomes.end(), error);
    return outcomes;
  };
  if (auto begun = db.run("BEGIN IMMEDIATE"); !begun) return all(begun.error());
  for (std::size_t i = 0; i < works.size(); ++i) {
    auto outcome = run_apart(db, *works[i]);
    if (!outcome) outcomes[i] = outcome.error();
    // SQLite undoes the whole transaction by itself when the disk is full: the others are undone, too.
    if (!db.in_transaction()) return all(outcomes[i]);
  }
  if (auto committed = db.run("COMMIT"); !committed) return all(committed.error());
  return outcomes;
}

bool disk_refuses(const Error& error) {
  return error == node::Errc::disk_full || error == node::Errc::store_failed ||
         error == node::Errc::store_damaged;
}

/// Tells of trouble once, and once of its end.
class TroubleTeller {
 public:
  void heard(const Error& outcome) {
    bool now = disk_refuses(outcome);
    if (now == troubled_ || (!now && outcome)) return;
    troubled_ = now;
    if (tell) tell(now ? node::advice(outcome) : std::string());
  }
  std::function<void(std::string)> tell;

 private:
  bool troubled_ = false;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(Database db, asio::any_io_executor executor)
      : db_(std::move(db)), executor_(std::move(executor)) {}

  asio::awaitable<Result<>> post(Work work) override {
    if (closed_) co_return fail(Errc::closed);
    const Work* one = &work;
    auto outcome = commit_together(db_, {&one, 1}).front();
    trouble_.heard(outcome);
    // The answer comes later, as it does from a disk.
    co_await asio::post(executor_, asio::use_awaitable);
    if (outcome) co_return fail(outcome);
    co_return Result<>();
  }
  void on_trouble(std::function<void(std::string)> tell) override { trouble_.tell = std::move(tell); }
  void close() override { closed_ = true; }

 private:
  Database db_;
  asio::any_io_executor executor_;
  TroubleTeller trouble_;
  bool closed_ = false;
};

class DiskStore final : public Store {
 public:
  DiskStore(Database db, asio::any_io_executor executor)
      : executor_(std::move(executor)), db_(std::move(db)), thread_([this] { work_off(); }) {}
  ~DiskStore() override { close(); }

  asio::awaitable<Result<>> post(Work work) override {
    auto error = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Error)>(
        [this, &work](auto handler) {
          Job job{std::move(work), Done(std::move(handler)), asio::make_work_guard(executor_)};
          std::unique_lock lock(mutex_);
          if (closing_) {
            lock.unlock();
            return answer(std::move(job), Errc::closed);
          }
          jobs_.push_back(std::move(job));
          lock.unlock();
          arrived_.notify_one();
        },
        asio::use_awaitable);
    if (error) co_return fail(error);
    co_return Result<>();
  }

  void on_trouble(std::function<void(std::string)> tell) override {
    std::lock_guard lock(mutex_);
    trouble_.tell = [tell = std::move(tell), executor = executor_](std::string words) {
      asio::post(executor, [tell, words = std::move(words)] { tell(words); });
    };
  }

  void close() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    arrived_.notify_one();
    if (thread_.joinable()) thread_.join();
    db_.reset();
  }

 private:
  struct Job {
    Work work;
    Done done;
    asio::executor_work_guard<asio::any_io_executor>
        guard;  ///< the node's loop goes on until the answer is there
  };

  void answer(Job job, Error outcome) { asio::post(executor_, asio::append(std::move(job.done), outcome)); }

  void work_off() {
    for (;;) {
      std::vector<Job> batch;
      {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        while (!jobs_.empty() && batch.size() < batch_max) {
          batch.push_back(std::move(jobs_.front()));
          jobs_.pop_front();
        }
      }
      std::vector<const Work*> works;
      for (auto& job : batch) works.push_back(&job.work);
      auto outcomes = commit_together(*db_, works);
      {
        std::lock_guard lock(mutex_);
        for (auto& outcome : outcomes) trouble_.heard(outcome);
      }
      for (std::size_t i = 0; i < batch.size(); ++i) answer(std::move(batch[i]), outcomes[i]);
    }
  }

  asio::any_io_executor executor_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job> jobs_;  ///< bounded by the coroutines that wait for their answers
  TroubleTeller trouble_;
  bool closing_ = false;
  std::optional<Database> db_;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file, Schema schema,
                                           asio::any_io_executor executor) {
  TRY(auto db, Database::open(file, schema));
  if (file.empty()) return std::make_unique<MemoryStore>(std::move(db), std::move(executor));
  return std::make_unique<DiskStore>(std::move(db), std::move(executor));
}

}  // namespace conclave::store
