#include "node/profile.hpp"

#include "crypto/codec/base_n.hpp"
#include "node/error.hpp"
#include "node/profile_contents.hpp"
#include "node/store/schema.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace conclave;
using node::Profile;
namespace fs = std::filesystem;

namespace {

constexpr UnixTime now{1'800'000'000'000};

struct ProfileTest : testing::Test {
  ProfileTest() {
    std::string pattern = (fs::temp_directory_path() / "profile-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~ProfileTest() override { fs::remove_all(directory); }
  static unsigned mode(const fs::path& file) {
    struct stat status{};
    ::stat(file.c_str(), &status);
    return status.st_mode & 0777;
  }
  /// Something in the database of the profile at `where`.
  static Result<> note(const Profile& profile) {
    TRY(auto db, store::Database::open(profile.contents().database(), store::schema()));
    return db.run("INSERT INTO setting(name, value) VALUES('note', x'2a')");
  }
  static std::int64_t notes(const Profile& profile) {
    auto db = store::Database::open(profile.contents().database(), store::schema());
    return *db->integer("SELECT count(*) FROM setting WHERE name = 'note'", {});
  }
  fs::path directory;
  SystemRandom random;
};

TEST_F(ProfileTest, is_private_and_the_same_when_opened_again) {
  auto at = directory / "p";
  AccountKey account;
  NodeKey node;
  {
    auto made = Profile::create(at, std::nullopt, random, now);
    ASSERT_TRUE(made) << made.error().message();
    account = made->account_key();
    node = made->node_key();
    EXPECT_TRUE(made->holds_account_key() && made->certified());
    EXPECT_EQ(Profile::open(at, std::nullopt).error(), node::Errc::profile_in_use);
  }
  EXPECT_EQ(mode(at), 0700u);
  EXPECT_EQ(mode(at / "keys"), 0600u);
  auto opened = Profile::open(at, std::nullopt);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->account_key(), account);
  EXPECT_EQ(opened->node_key(), node);
  EXPECT_EQ(Profile::create(at, std::nullopt, random, now).error(), node::Errc::profile_exists);
  EXPECT_EQ(Profile::open(directory / "q", std::nullopt).error(), node::Errc::profile_missing);
}

TEST_F(ProfileTest, a_passphrase_is_asked_for_and_a_damaged_key_file_refused) {
  auto at = directory / "p";
  ASSERT_TRUE(Profile::create(at, "correct horse", random, now));
  EXPECT_EQ(Profile::open(at, std::nullopt).error(), node::Errc::passphrase_needed);
  EXPECT_EQ(Profile::open(at, "wrong").error(), node::Errc::wrong_passphrase);
  EXPECT_TRUE(Profile::open(at, "correct horse")->sealed());
  std::ofstream(at / "keys", std::ios::trunc) << "rubbish";
  EXPECT_EQ(Profile::open(at, "correct horse").error(), node::Errc::profile_damaged);
}

TEST_F(ProfileTest, a_new_device_is_adopted_by_its_certificate_only) {
  auto first = Profile::create(directory / "first", std::nullopt, random, now);
  ASSERT_TRUE(first);
  auto second = Profile::create_device(directory / "second", std::nullopt, random);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->certified());
  auto& account = *first->contents().keys.account;
  auto text = [&](const NodeKey& node) {
    return codec::base64url(encode(certify(account, node, 1, now, now + node::certificate_life, "tablet")));
  };
  EXPECT_EQ(second->adopt(text(first->node_key())).error(), conclave::Errc::refused);
  EXPECT_FALSE(second->adopt("nonsense!"));
  ASSERT_TRUE(second->adopt(text(second->node_key()) + "\n"));
  EXPECT_EQ(second->account_key(), first->account_key());
  EXPECT_FALSE(second->holds_account_key());
  auto at = second->directory();
  second = fail(conclave::Errc::closed);
  EXPECT_TRUE(Profile::open(at, std::nullopt)->certified());
}

TEST_F(ProfileTest, a_backup_becomes_a_new_device_with_everything_in_it) {
  auto old = Profile::create(directory / "old", std::nullopt, random, now);
  ASSERT_TRUE(old);
  ASSERT_TRUE(note(*old));
  auto file = directory / "backup";
  EXPECT_EQ(old->backup(file, "", random).error(), node::Errc::passphrase_needed);
  auto backed_up = old->backup(file, "horse", random);
  ASSERT_TRUE(backed_up) << backed_up.error().message();
  EXPECT_EQ(mode(file), 0600u);
  auto restore = [&](const std::string& passphrase) {
    return Profile::restore(file, passphrase, directory / "new", std::nullopt, /*revoke_old=*/true, random,
                            now);
  };
  EXPECT_EQ(restore("cow").error(), node::Errc::wrong_passphrase);
  EXPECT_FALSE(Profile::exists(directory / "new"));
  auto made = restore("horse");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->account_key(), old->account_key());
  EXPECT_NE(made->node_key(), old->node_key());
  EXPECT_TRUE(made->certified());
  EXPECT_EQ(notes(*made), 1);
  auto db = store::Database::open(made->contents().database(), store::schema());
  EXPECT_EQ(*db->integer("SELECT count(*) FROM revocation", {}), 1);
  std::ofstream(file, std::ios::trunc) << "rubbish";
  EXPECT_EQ(Profile::restore(file, "horse", directory / "third", std::nullopt, true, random, now).error(),
            node::Errc::backup_damaged);
}

}  // namespace
