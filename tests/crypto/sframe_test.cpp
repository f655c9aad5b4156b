#include "crypto/sframe.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/crypto/vectors.hpp"

using namespace conclave;

namespace {

std::size_t check_headers(const nlohmann::json& file) {
  std::size_t count = 0;
  for (const auto& vector : file["header"]) {
    sframe::Header header{vector["kid"].get<std::uint64_t>(), vector["ctr"].get<std::uint64_t>()};
    auto encoded = vector["encoded"].get<std::string>();
    EXPECT_EQ(hex(sframe::encode(header)), encoded);
    auto decoded = sframe::decode_header(*from_hex(encoded));
    EXPECT_TRUE(decoded && decoded->header == header && 2 * decoded->size == encoded.size()) << encoded;
    ++count;
  }
  return count;
}

std::size_t check_frames(const nlohmann::json& file) {
  std::size_t count = 0;
  for (const auto& vector : file["sframe"]) {
    if (vector["cipher_suite"] != 4) continue;
    sframe::Key key(vectors::bytes(vector["base_key"]), vector["kid"].get<std::uint64_t>());
    Bytes metadata = vectors::bytes(vector["metadata"]);
    Bytes frame = key.seal(vector["ctr"].get<std::uint64_t>(), metadata, vectors::bytes(vector["pt"]));
    EXPECT_EQ(hex(frame), vector["ct"].get<std::string>());
    auto opened = key.open(*sframe::decode_header(frame), metadata, frame);
    EXPECT_EQ(hex(*opened), vector["pt"].get<std::string>());
    ++count;
  }
  return count;
}

TEST(SFrame, vectors_of_rfc_9605) {
  VECTORS(auto file, "sframe/test-vectors.json");
  auto headers = check_headers(file);
  auto frames = check_frames(file);
  EXPECT_EQ(frames, 1u);
  vectors::figure("SFrame headers and frames (suite 4)", headers + frames);
}

TEST(SFrame, vectors_of_another_implementation) {
  VECTORS(auto file, "sframe/cisco-test-vectors.json");
  auto count = check_headers(file) + check_frames(file);
  EXPECT_GT(count, 0u);
  vectors::figure("SFrame headers and frames (cisco, suite 4)", count);
}

// RFC 9605, appendix C, typed in.
TEST(SFrame, headers_of_the_rfc) {
  EXPECT_EQ(hex(sframe::encode({0, 0})), "00");
  EXPECT_EQ(hex(sframe::encode({7, 7})), "77");
  EXPECT_EQ(hex(sframe::encode({8, 0})), "8008");
  EXPECT_EQ(hex(sframe::encode({291, 17767})), "9901234567");
  EXPECT_EQ(sframe::decode_header(*from_hex("0807")).error(), Errc::malformed) << "not the shortest";
  EXPECT_EQ(sframe::decode_header(*from_hex("99012345")).error(), Errc::malformed) << "cut off";
  EXPECT_EQ(sframe::decode_header({}).error(), Errc::malformed);
}

RC_GTEST_PROP(SFrame, headers_read_back, (std::uint64_t key_id, std::uint64_t counter, std::uint8_t shift)) {
  sframe::Header header{key_id >> shift % 64, counter >> shift % 61};
  Bytes bytes = sframe::encode(header);
  RC_ASSERT(bytes.size() <= sframe::header_max);
  RC_ASSERT(sframe::decode_header(bytes)->header == header);
}

// The attacker replays, reorders and drops; a plain set is the model.
RC_GTEST_PROP(SFrame, each_frame_opens_once_and_only_within_the_window, ()) {
  sframe::Sender sender(view("0123456789abcdef"), 77);
  sframe::Receiver receiver(3);
  receiver.add(view("0123456789abcdef"), 77);
  std::vector<Bytes> frames;
  for (int i = 0; i < 40; ++i) frames.push_back(sender.seal(view("m"), view("frame")));
  std::set<std::size_t> seen;
  auto order = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, frames.size()));
  for (auto i : order) {
    auto opened = receiver.open(view("m"), frames[i]);
    RC_ASSERT(opened.has_value() == seen.insert(i).second);
  }
}

TEST(SFrame, the_window_forgets_what_is_too_old) {
  sframe::Key key(view("0123456789abcdef"), 5);
  sframe::Receiver receiver(1);
  receiver.add(view("0123456789abcdef"), 5);
  auto open = [&](std::uint64_t counter) { return receiver.open({}, key.seal(counter, {}, view("x"))); };
  constexpr auto window = sframe::Receiver::window;
  EXPECT_TRUE(open(10));
  EXPECT_TRUE(open(10 + window));
  EXPECT_EQ(open(10).error(), Errc::refused) << "seen, and out of the window";
  EXPECT_TRUE(open(11));
  EXPECT_EQ(open(11).error(), Errc::refused);
  EXPECT_EQ(open(9).error(), Errc::refused);
  EXPECT_TRUE(open(~std::uint64_t{0}));
  EXPECT_TRUE(open(~std::uint64_t{0} - window + 1));
  EXPECT_EQ(open(~std::uint64_t{0}).error(), Errc::refused);
  EXPECT_EQ(open(500).error(), Errc::refused);
}

TEST(SFrame, forged_frames_are_refused_and_change_nothing) {
  sframe::Sender sender(view("0123456789abcdef"), 7);
  sframe::Receiver receiver(1);
  receiver.add(view("0123456789abcdef"), 7);
  Bytes frame = sender.seal(view("meta"), view("picture"));
  for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    frame[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    EXPECT_FALSE(receiver.open(view("meta"), frame)) << bit;
    frame[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
  }
  EXPECT_EQ(receiver.open(view("other"), frame).error(), Errc::undecryptable);
  EXPECT_EQ(text(receiver.open(view("meta"), frame)->plain), "picture");
}

TEST(SFrame, a_newcomer_with_the_next_key_cannot_read_the_past) {
  Bytes first = copy(view("0123456789abcdef"));
  auto second = sframe::ratchet(first);
  sframe::Receiver newcomer(2);
  newcomer.add(second.view(), 1);
  EXPECT_EQ(newcomer.open({}, sframe::Sender(first, 0).seal({}, view("x"))).error(), Errc::not_found);
  EXPECT_EQ(newcomer.open({}, sframe::Sender(first, 1).seal({}, view("x"))).error(), Errc::undecryptable);
  EXPECT_TRUE(newcomer.open({}, sframe::Sender(second.view(), 1).seal({}, view("x"))));
  newcomer.add(first, 2);
  newcomer.add(first, 3);
  EXPECT_FALSE(newcomer.knows(1)) << "the first added goes first";
  EXPECT_TRUE(newcomer.knows(2) && newcomer.knows(3));
}

}  // namespace
