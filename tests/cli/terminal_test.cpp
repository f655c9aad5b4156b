#include "cli/terminal.hpp"

#include "cli/outcome.hpp"
#include "node/error.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::cli {
namespace {

const std::string mark = "\xEF\xBF\xBD";

TEST(Terminal, prints_what_others_wrote_without_obeying_it) {
  EXPECT_EQ(printable("hällo 🙂"), "hällo 🙂");
  EXPECT_EQ(printable("a\x1b]0;pwned\x07z"), "a" + mark + "]0;pwned" + mark + "z");
  EXPECT_EQ(printable("\r> you: yes"), mark + "> you: yes");
  EXPECT_EQ(printable("a\xC2\x9Bz"), "a" + mark + "z") << "CSI of the C1 set";
  EXPECT_EQ(printable("a\xE2\x80\xAEz"), "a" + mark + "z") << "right-to-left override";
  EXPECT_EQ(printable("a\xFFz"), "a" + mark + "z");
  EXPECT_EQ(printable("\xC0\x80"), mark + mark) << "overlong";
  EXPECT_EQ(printable("a\nb", " "), "a b");
}

RC_GTEST_PROP(Terminal, no_control_character_comes_through, (const std::string& text)) {
  for (char byte : printable(text, " ")) RC_ASSERT(static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7F);
}

RC_GTEST_PROP(Terminal, printable_text_stays_as_it_is, (const std::string& text)) {
  auto once = printable(text);
  RC_ASSERT(printable(once) == once);
}

TEST(Terminal, a_qr_code_fits_or_is_not_drawn) {
  auto code = qr_code("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", 80);
  ASSERT_TRUE(code);
  auto width = code->find('\n');
  EXPECT_GT(std::count(code->begin(), code->end(), '\n'), 15);
  EXPECT_NE(width, std::string::npos);
  EXPECT_FALSE(qr_code("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", 20));
  EXPECT_FALSE(qr_code(std::string(10'000, 'x'), 1000));
}

TEST(Terminal, counts_bytes_for_people) {
  EXPECT_EQ(byte_count(0), "0 B");
  EXPECT_EQ(byte_count(999), "999 B");
  EXPECT_EQ(byte_count(1'400'000), "1.4 MB");
}

TEST(Outcome, an_error_of_the_node_has_its_exit_code_and_its_advice) {
  auto taken = trouble(make_error_code(node::Errc::profile_in_use)).error();
  EXPECT_EQ(taken.exit, Exit::taken);
  EXPECT_EQ(taken.code, "profile_in_use");
  EXPECT_FALSE(taken.hint.empty());
  EXPECT_EQ(trouble(make_error_code(node::Errc::store_damaged)).error().exit, Exit::damaged);
  EXPECT_EQ(trouble(make_error_code(Errc::bad_checksum)).error().exit, Exit::usage);
  EXPECT_EQ(trouble(Error(ENOSPC, std::system_category())).error().exit, Exit::failed);
}

}  // namespace
}  // namespace conclave::cli
