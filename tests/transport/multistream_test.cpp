#include "transport/tcp/multistream.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using tcp::Choice;
using tcp::Proposal;

namespace {

bool speaks_echo(std::string_view name) { return name == "/echo/1"; }

Bytes lines(const std::vector<std::string>& all) {
  Bytes out;
  for (const auto& line : all) append(out, tcp::encode_multistream(line));
  return out;
}

TEST(Multistream, a_line_is_its_length_with_the_newline_and_the_newline) {
  EXPECT_EQ(hex(tcp::encode_multistream("/noise")), "072f6e6f6973650a");
  EXPECT_EQ(tcp::encode_multistream(tcp::multistream_header).front(), 0x13);
}

TEST(Multistream, the_header_and_a_known_name_in_one_piece_with_data_behind) {
  Proposal ours("/echo/1");
  Choice theirs(speaks_echo);
  auto sent = ours.opening();
  EXPECT_EQ(sent.size(), 20u + 9u);
  append(sent, view("data"));
  auto used = theirs.receive(sent);
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, sent.size() - 4) << "the data is not theirs to take";
  EXPECT_EQ(theirs.chosen(), "/echo/1");
  auto reply = theirs.take_reply();
  append(reply, view("more"));
  used = ours.receive(reply);
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, reply.size() - 4);
  EXPECT_TRUE(ours.agreed());
}

TEST(Multistream, an_unknown_name_is_answered_na_and_another_may_follow) {
  Choice theirs(speaks_echo);
  ASSERT_TRUE(theirs.receive(lines({"/multistream/1.0.0", "/other/1", "/echo/1"})));
  EXPECT_EQ(theirs.take_reply(), lines({"/multistream/1.0.0", "na", "/echo/1"}));
  EXPECT_EQ(theirs.chosen(), "/echo/1");
  Proposal ours("/other/1");
  EXPECT_EQ(ours.receive(lines({"/multistream/1.0.0", "na"})).error(), Errc::unsupported);
}

TEST(Multistream, what_is_not_multistream_is_an_error) {
  EXPECT_EQ(Choice(speaks_echo).receive(lines({"/multistream/2.0.0"})).error(), Errc::malformed);
  EXPECT_EQ(Choice(speaks_echo).receive(Bytes{0}).error(), Errc::malformed) << "a line without its newline";
  EXPECT_EQ(Choice(speaks_echo).receive(Bytes{2, 'a', 'b'}).error(), Errc::malformed);
  EXPECT_EQ(Choice(speaks_echo).receive(Bytes{0x81, 0x08}).error(), Errc::too_long) << "1025 bytes";
  EXPECT_EQ(Proposal("/a").receive(lines({"/multistream/1.0.0", "/b"})).error(), Errc::malformed);
  std::vector<std::string> many(Choice::proposals_max + 2, "/other/1");
  many.front() = "/multistream/1.0.0";
  EXPECT_EQ(Choice(speaks_echo).receive(lines(many)).error(), Errc::limit_reached);
}

RC_GTEST_PROP(Multistream, does_not_depend_on_how_the_bytes_arrive, ()) {
  auto before = *rc::gen::inRange<std::size_t>(0, 4);
  std::vector<std::string> said{"/multistream/1.0.0"};
  for (std::size_t i = 0; i < before; ++i) said.push_back("/other/" + std::to_string(i));
  said.push_back("/echo/1");
  auto bytes = lines(said);
  auto behind = *rc::gen::container<Bytes>(rc::gen::element<Byte>(0, 1, 0x13, '\n', 0xff));
  append(bytes, behind);
  Choice theirs(speaks_echo);
  Bytes replies;
  ByteView rest = bytes;
  while (!rest.empty() && !theirs.chosen()) {
    auto piece = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
    auto used = theirs.receive(rest.first(piece));
    RC_ASSERT(used.has_value());
    append(replies, theirs.take_reply());
    rest = rest.subspan(*used);
  }
  RC_ASSERT(copy(rest) == behind);
  for (std::size_t i = 1; i + 1 < said.size(); ++i) said[i] = "na";
  RC_ASSERT(replies == lines(said));
}

RC_GTEST_PROP(Multistream, noise_gives_progress_or_an_error, ()) {
  auto noise = *rc::gen::container<Bytes>(rc::gen::element<Byte>(0, 1, 2, 3, 0x13, '/', '\n', 0x80, 0xff));
  Choice theirs(speaks_echo);
  auto used = theirs.receive(noise);
  RC_ASSERT((!used || *used == noise.size() || theirs.chosen()));
  Proposal ours("/echo/1");
  used = ours.receive(noise);
  RC_ASSERT((!used || *used == noise.size() || ours.agreed()));
}

}  // namespace
