#include "node/calls/invitation.hpp"

#include <gtest/gtest.h>

namespace conclave::calls {
namespace {

/// A node with `count` ways in, of which `proven` are.
Doors doors(Byte number, std::size_t count, std::size_t proven) {
  Doors out{{}, proven};
  for (std::size_t i = 0; i < count; ++i) {
    EntryNode entry{
        {io::IpAddress::v4(10, number, 0, static_cast<Byte>(i)), 4001}, std::string(24, 'a'), {}, {}};
    entry.node.bytes[0] = number;
    out.entries.push_back(entry);
  }
  return out;
}

std::vector<std::pair<int, int>> names(const std::vector<EntryNode>& entries) {
  std::vector<std::pair<int, int>> out;
  for (const auto& entry : entries) out.emplace_back(entry.node.bytes[0], entry.at.ip.bytes[3]);
  return out;
}
using Names = std::vector<std::pair<int, int>>;

TEST(EntriesForLink, are_the_proven_ones_where_there_are_enough) {
  auto made = entries_for_link(doors(1, 3, 1), {doors(2, 2, 2), doors(3, 3, 0), doors(4, 1, 1)});
  EXPECT_EQ(names(made), (Names{{1, 0}, {2, 0}, {4, 0}}));
}

TEST(EntriesForLink, are_five_at_most_and_of_as_many_nodes_as_possible) {
  std::vector<Doors> others;
  for (Byte i = 2; i < 10; ++i) others.push_back(doors(i, 3, 3));
  EXPECT_EQ(names(entries_for_link(doors(1, 3, 1), others)), (Names{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}));
}

TEST(EntriesForLink, are_filled_up_with_what_is_there) {
  // Behind a NAT: the others, who are proven, come before our own addresses, which may do in the same house.
  EXPECT_EQ(names(entries_for_link(doors(1, 2, 0), {doors(2, 2, 1), doors(3, 2, 1)})),
            (Names{{2, 0}, {3, 0}, {1, 0}, {1, 1}}));
  EXPECT_EQ(names(entries_for_link(doors(1, 3, 0), {doors(2, 2, 0), doors(3, 2, 0), doors(4, 2, 0)})),
            (Names{{1, 0}, {1, 1}, {1, 2}, {2, 0}, {3, 0}}));
  EXPECT_EQ(names(entries_for_link(doors(1, 1, 0), {})), (Names{{1, 0}}));
}

}  // namespace
}  // namespace conclave::calls
