#include "cli/config.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace conclave::cli {
namespace {

TEST(Config, takes_every_documented_key) {
  auto config = parse_config(R"(
udp_port = 4001
tcp_port = 4002
page_port = 4800
listen = "127.0.0.1"
tcp = false
lan = false
map_port = false
read_receipts = false
page = false
log_level = "debug"
bootstrap = ["/ip4/192.0.2.1/udp/4001/nquic/p2p/12D3KooW"]
)",
                             "config.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->node.udp_port, 4001);
  EXPECT_EQ(config->node.tcp_port, 4002);
  EXPECT_EQ(config->page_port, 4800);
  EXPECT_EQ(config->node.listen, "127.0.0.1");
  EXPECT_FALSE(config->node.tcp || config->node.lan || config->node.map_port || config->node.read_receipts);
  EXPECT_FALSE(config->page);
  EXPECT_EQ(config->log_level, "debug");
  ASSERT_EQ(config->node.bootstrap.size(), 1u);
}

TEST(Config, names_the_line_of_what_is_wrong) {
  struct Case {
    const char* text;
    const char* where;
    const char* what;
  };
  for (auto& [text, where, what] :
       {Case{"udp_port = 1\nudp_prot = 2\n", "line 2", "udp_prot"},
        Case{"\n\nudp_port = 70000\n", "line 3", "0 to 65535"},
        Case{"udp_port = \"4001\"\n", "line 1", "a port"}, Case{"tcp = 1\n", "line 1", "true or false"},
        Case{"bootstrap = [1]\n", "line 1", "list of texts"},
        Case{"log_level = \"loud\"\n", "line 1", "trace"}, Case{"[node]\nudp_port = 1\n", "line 1", "node"},
        Case{"tcp = true\ntcp\n", "line 2", "not TOML"}}) {
    auto config = parse_config(text, "c.toml");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().exit, Exit::damaged);
    EXPECT_NE(config.error().message.find(where), std::string::npos) << config.error().message;
    EXPECT_NE(config.error().message.find(what), std::string::npos) << config.error().message;
  }
}

RC_GTEST_PROP(Config, noise_gives_a_config_or_a_sentence, (const std::string& noise)) {
  auto config = parse_config(noise, "c.toml");
  // In parentheses: RapidCheck takes expressions apart, and then both sides of || are evaluated.
  RC_ASSERT((config || config.error().message.starts_with("c.toml, line ")));
}

}  // namespace
}  // namespace conclave::cli
