#include "crypto/link.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/codec/key_text.hpp"

using namespace conclave;

namespace {

Link some_link(std::uint64_t seed, std::size_t nodes) {
  SeededRandom random(seed);
  Link out{AccountKeys::generate(random).public_key(), {}};
  for (std::size_t i = 0; i < nodes; ++i) {
    Bytes address(random.below(Link::address_max + 1));
    random.fill(address);
    out.nodes.push_back({NodeKeys::generate(random).public_key(), address});
  }
  return out;
}

RC_GTEST_PROP(Link, is_read_as_written, (std::uint64_t seed)) {
  auto link = some_link(seed, seed % (Link::nodes_max + 1));
  auto text = to_text(link);
  RC_ASSERT(text.size() <= Link::text_max);
  RC_ASSERT(*link_from_text(text) == link);
  RC_ASSERT(*link_from_text(" \n" + text + "\t") == link);
  RC_ASSERT(*link_from_text("https://example.org/page.html#" + text.substr(9)) == link);
}

TEST(Link, every_wrong_character_is_noticed) {
  auto text = to_text(some_link(3, 3));
  std::size_t tried = 0;
  for (std::size_t i = 9; i < text.size(); ++i)
    for (char wrong : {'A', 'x', '0', '-', '!'}) {
      if (text[i] == wrong) continue;
      auto typo = text;
      typo[i] = wrong;
      EXPECT_EQ(link_from_text(typo).error(), Errc::bad_checksum) << typo;
      ++tried;
    }
  for (std::size_t i = 10; i < text.size(); ++i)
    EXPECT_EQ(link_from_text(text.substr(0, i)).error(), Errc::bad_checksum) << "cut off";
  std::printf("figure link typing errors, all noticed: %zu\n", tried);
}

TEST(Link, a_bare_key_is_a_link_without_nodes) {
  auto link = some_link(4, 0);
  EXPECT_EQ(link_from_text(codec::to_text(link.account)), link);
  EXPECT_EQ(link_from_text("  " + codec::to_did(link.account) + "\n"), link);
}

TEST(Link, what_is_no_link_is_said_to_be_none) {
  EXPECT_EQ(link_from_text("").error(), Errc::malformed);
  EXPECT_EQ(link_from_text("conclave:").error(), Errc::malformed);
  EXPECT_EQ(link_from_text(std::string(4000, 'a')).error(), Errc::too_long);
  EXPECT_FALSE(link_from_text("hello"));
}

RC_GTEST_PROP(Link, noise_gives_an_error, (const std::string& noise)) { RC_ASSERT(!link_from_text(noise)); }

}  // namespace
