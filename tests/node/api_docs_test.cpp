// docs/api.md says what there is: every method, every event, every code; and nothing that there is not.
#include "node/api.hpp"
#include "node/api_failure.hpp"
#include "node/api_json.hpp"
#include "simulations/network.hpp"

#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace conclave::node {
namespace {

std::string documentation() {
  std::ifstream in(CONCLAVE_DOCS "/api.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What stands between two headings.
std::string section(const std::string& text, const std::string& from, const std::string& to) {
  auto begin = text.find("\n## " + from + "\n");
  auto end = text.find("\n## " + to + "\n");
  EXPECT_TRUE(begin != text.npos && end != text.npos && begin < end) << from;
  return begin < end ? text.substr(begin, end - begin) : "";
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> out;
  std::regex expression(pattern, std::regex::multiline);
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) out.insert((*at)[1]);
  return out;
}

const std::string first_cell = "^\\| `([a-z_.]+)`[ ¹]*\\|";

TEST(ApiDocs, name_every_method_and_no_other) {
  sim::World world;
  sim::Network network(world, 1);
  SeededRandom random(1);
  io::Endpoint at{io::IpAddress::v4(20, 1, 7, 1), 4000};
  auto socket = network.open(at);
  auto account = AccountKeys::generate(random);
  auto keys = NodeKeys::generate(random);
  Node node({world.context().get_executor(), world, random, socket.get(), {at}},
            Profile::in_memory(account, keys, world.unix_now()), Options());
  gateway::Gateway gateway(world.context().get_executor(), world, random, {"/nonexistent", "/nonexistent", false, 0});
  Api api(world.context().get_executor(), world, node, gateway);
  auto there = gateway.registry().names();
  there.insert("hello");  // each connection answers it for itself
  EXPECT_GT(there.size(), 30u);
  EXPECT_EQ(matches(section(documentation(), "Methods", "Events"), first_cell), there);
}

template <std::size_t... index>
std::set<std::string> event_names(std::index_sequence<index...>) {
  return {std::string(event_json(Event(std::in_place_index<index>)).first)...};
}

TEST(ApiDocs, name_every_event_and_no_other) {
  EXPECT_EQ(matches(section(documentation(), "Events", "Codes"), first_cell),
            event_names(std::make_index_sequence<std::variant_size_v<Event>>()));
}

TEST(ApiDocs, name_every_code_that_an_error_can_have) {
  auto documented = matches(section(documentation(), "Codes", "Adding methods"), "`([a-z_]+)`");
  std::set<std::string> missing;
  for (int value = 1; value < 64; ++value) {
    for (auto* category : {&make_error_code(Errc::disk_full).category(),
                           &conclave::make_error_code(conclave::Errc::malformed).category()}) {
      auto code = failure(Error(value, *category)).code;
      if (!documented.contains(code)) missing.insert(code);
    }
  }
  EXPECT_EQ(missing, std::set<std::string>());
}

}  // namespace
}  // namespace conclave::node
