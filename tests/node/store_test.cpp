#include "node/store/store.hpp"

#include "crypto/random.hpp"
#include "node/error.hpp"
#include "node/store/schema.hpp"

#include <fstream>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace conclave;
using store::Database;
using store::Store;
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view first_version[] = {"CREATE TABLE line(id INTEGER PRIMARY KEY, words TEXT)"};
constexpr std::string_view second_version[] = {first_version[0],
                                               "ALTER TABLE line ADD COLUMN stars INTEGER DEFAULT 3"};

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (fs::temp_directory_path() / "store-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~StoreTest() override { fs::remove_all(directory); }

  std::unique_ptr<Store> open(store::Schema schema = first_version) {
    auto opened = Store::open(file(), schema, context.get_executor());
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? std::move(*opened) : nullptr;
  }
  fs::path file() const { return directory / "a.db"; }
  /// What `work` came to.
  Result<> post(Store& store, Store::Work work) {
    std::optional<Result<>> outcome;
    asio::co_spawn(
        context,
        [](Store& to, Store::Work job, std::optional<Result<>>& out) -> asio::awaitable<void> {
          out = co_await to.post(std::move(job));
        }(store, std::move(work), outcome),
        asio::detached);
    context.restart();
    context.run();
    return *outcome;
  }
  static Store::Work insert(std::string words) {
    return [words](Database& db) { return db.run("INSERT INTO line(words) VALUES(?)", {words}); };
  }
  std::int64_t count(Store& store) {
    std::int64_t lines = -1;
    EXPECT_TRUE(post(store, [&lines](Database& db) -> Result<> {
      TRY(lines, db.integer("SELECT count(*) FROM line", {}));
      return {};
    }));
    return lines;
  }

  fs::path directory;
  asio::io_context context{1};
};

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(StoreTest, work_that_fails_is_undone_alone) {
  auto store = open();
  std::vector<Result<>> outcomes(3);
  auto run = [](Store& to, Store::Work job, Result<>& out) -> asio::awaitable<void> {
    out = co_await to.post(std::move(job));
  };
  asio::co_spawn(context, run(*store, insert("one"), outcomes[0]), asio::detached);
  asio::co_spawn(context,
                 run(
                     *store,
                     [](Database& db) -> Result<> {
                       CHECK(db.run("INSERT INTO line(words) VALUES('never')"));
                       return fail(Errc::refused);
                     },
                     outcomes[1]),
                 asio::detached);
  asio::co_spawn(context, run(*store, insert("two"), outcomes[2]), asio::detached);
  context.run();
  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error(), Errc::refused);
  EXPECT_TRUE(outcomes[2]);
  EXPECT_EQ(count(*store), 2);
}

TEST_F(StoreTest, is_readable_by_its_owner_only_and_keeps_what_it_took) {
  ASSERT_TRUE(post(*open(), insert("kept")));
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(count(*open()), 1);
}

TEST_F(StoreTest, upgrades_by_itself_and_refuses_what_is_newer) {
  ASSERT_TRUE(post(*open(), insert("old")));
  auto store = open(second_version);
  std::int64_t stars = 0;
  ASSERT_TRUE(post(*store, [&stars](Database& db) -> Result<> {
    TRY(stars, db.integer("SELECT stars FROM line", {}));
    return {};
  }));
  EXPECT_EQ(stars, 3);
  store.reset();
  auto before = contents(file());
  auto older = Store::open(file(), first_version, context.get_executor());
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error(), node::Errc::store_too_new);
  EXPECT_EQ(contents(file()), before);
}

TEST_F(StoreTest, refuses_a_damaged_file_and_leaves_it_as_it_was) {
  ASSERT_TRUE(post(*open(), [](Database& db) -> Result<> {
    for (int i = 0; i < 2000; ++i)
      CHECK(db.run("INSERT INTO line(words) VALUES(?)", {std::string(100, 'x')}));
    return {};
  }));
  auto good = contents(file());
  for (auto at : {std::size_t(0), good.size() / 2}) {
    auto bad = good;
    for (std::size_t i = 0; i < 4096 && at + i < bad.size(); ++i) bad[at + i] = static_cast<char>(i * 7 + 1);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bad;
    auto opened = Store::open(file(), first_version, context.get_executor());
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error(), node::Errc::store_damaged) << at;
    EXPECT_EQ(contents(file()), bad);
  }
}

TEST_F(StoreTest, a_full_disk_is_said_and_costs_nothing_that_was_committed) {
  auto store = open();
  std::vector<std::string> troubles;
  store->on_trouble([&](std::string words) { troubles.push_back(words); });
  ASSERT_TRUE(post(*store, insert("before")));
  ASSERT_TRUE(post(*store, [](Database& db) { return db.limit_pages(8); }));
  Result<> outcome;
  int taken = 0;
  for (; taken < 100 && outcome; ++taken) outcome = post(*store, insert(std::string(2000, 'x')));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), node::Errc::disk_full);
  EXPECT_EQ(count(*store), taken);  // "before", and all but the last
  ASSERT_TRUE(post(*store, [](Database& db) { return db.limit_pages(0); }));
  EXPECT_TRUE(post(*store, insert("after")));
  context.restart();
  context.run();
  ASSERT_EQ(troubles.size(), 2u);
  EXPECT_NE(troubles[0].find("full"), std::string::npos);
  EXPECT_EQ(troubles[1], "");
  store.reset();
  EXPECT_EQ(count(*open()), taken + 1);
}

TEST_F(StoreTest, closing_finishes_what_was_posted) {
  auto store = open();
  Result<> outcome = fail(Errc::timed_out);
  auto run = [](Store& to, Store::Work job, Result<>& out) -> asio::awaitable<void> {
    out = co_await to.post(std::move(job));
  };
  asio::co_spawn(context, run(*store, insert("last"), outcome), asio::detached);
  context.poll();
  store->close();
  EXPECT_EQ(post(*store, insert("too late")).error(), Errc::closed);
  EXPECT_TRUE(outcome);
  store.reset();
  EXPECT_EQ(count(*open()), 1);
}

TEST_F(StoreTest, in_memory_keeps_the_same_promises_without_a_thread) {
  auto store = std::move(*Store::open({}, store::schema(), context.get_executor()));
  EXPECT_TRUE(post(
      *store, [](Database& db) { return db.run("INSERT INTO setting(name, value) VALUES('a', x'01')"); }));
  EXPECT_EQ(post(*store,
                 [](Database& db) -> Result<> {
                   CHECK(db.run("DELETE FROM setting"));
                   return fail(Errc::refused);
                 })
                .error(),
            Errc::refused);
  std::int64_t settings = 0;
  EXPECT_TRUE(post(*store, [&](Database& db) -> Result<> {
    TRY(settings, db.integer("SELECT count(*) FROM setting", {}));
    return {};
  }));
  EXPECT_EQ(settings, 1);
}

// The child inserts 1, 2, 3, … and reports each after its commit; it is killed at some moment.
[[noreturn]] void insert_until_killed(const fs::path& file, int report) {
  asio::io_context context{1};
  auto store = std::move(*Store::open(file, first_version, context.get_executor()));
  asio::co_spawn(
      context,
      [](Store& to, int pipe) -> asio::awaitable<void> {
        for (;;) {
          std::int64_t id = 0;
          auto done = co_await to.post([&id](Database& db) -> Result<> {
            CHECK(db.run("INSERT INTO line(words) VALUES('x')"));
            id = db.last_rowid();
            return {};
          });
          if (!done || ::write(pipe, &id, sizeof id) != sizeof id) ::_exit(1);
        }
      }(*store, report),
      asio::detached);
  context.run();
  ::_exit(0);
}

TEST_F(StoreTest, what_was_committed_survives_sigkill) {
  SystemRandom random;
  std::int64_t reported = 0;
  constexpr int kills = 20;
  for (int round = 0; round < kills; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) insert_until_killed(file(), ends[1]);
    ::close(ends[1]);
    std::int64_t id = 0;
    ASSERT_EQ(::read(ends[0], &id, sizeof id), static_cast<ssize_t>(sizeof id));
    ::usleep(static_cast<useconds_t>(random.below(20'000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    do reported = std::max(reported, id);
    while (::read(ends[0], &id, sizeof id) == sizeof id);
    ::close(ends[0]);
    auto store = open();
    ASSERT_NE(store, nullptr);
    EXPECT_GE(count(*store), reported) << "round " << round;
  }
  std::printf("figure %lld commits over %d kills, none lost\n", static_cast<long long>(reported), kills);
}

}  // namespace
