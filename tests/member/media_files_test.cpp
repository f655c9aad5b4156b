#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>

#include "node/member/ogg.hpp"

namespace conclave::member {
namespace {

/// A file of this process that goes with the test.
struct Scratch {
  std::string path =
      (std::filesystem::temp_directory_path() / ("conclave-media-" + std::to_string(::getpid()))).string();
  ~Scratch() { std::filesystem::remove(path); }
  Bytes read() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

RC_GTEST_PROP(MediaFiles, a_film_is_read_as_it_was_written, ()) {
  auto frames = *rc::gen::nonEmpty(rc::gen::container<std::vector<Bytes>>(rc::gen::nonEmpty<Bytes>()));
  frames[0][0] &= 0xfe;  // a film begins with a key frame
  Scratch scratch;
  {
    auto writer = FilmWriter::create(scratch.path, 320, 180);
    RC_ASSERT(writer.has_value());
    std::int64_t ms = 0;
    for (auto& frame : frames) writer->add(frame, ms += 33);
    writer->finish();
  }
  auto read = read_film(scratch.read());
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->width == 320 && read->height == 180);
  RC_ASSERT(read->frames.size() == frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) RC_ASSERT(read->frames[i].bytes == frames[i]);
}

RC_GTEST_PROP(MediaFiles, a_song_is_read_as_it_was_written_and_no_bit_may_change, ()) {
  auto packets = *rc::gen::nonEmpty(rc::gen::container<std::vector<Bytes>>(rc::gen::arbitrary<Bytes>()));
  // Among the lengths are those at which lacing turns over.
  packets.push_back(Bytes(254));
  packets.push_back(Bytes(255));
  packets.push_back(Bytes(510));
  for (auto& packet : packets) packet.insert(packet.begin(), 0xf8);
  Scratch scratch;
  {
    auto writer = SongWriter::create(scratch.path, 5);
    RC_ASSERT(writer.has_value());
    for (auto& packet : packets) writer->add(packet, 0);
    writer->finish();
  }
  auto file = scratch.read();
  auto read = read_song(file);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->packets == packets);
  auto at = *rc::gen::inRange<std::size_t>(0, file.size());
  file[at] ^= static_cast<Byte>(1U << *rc::gen::inRange(0, 8));
  auto bent = read_song(file);
  RC_ASSERT(!bent || bent->packets.size() < packets.size());
}

TEST(MediaFiles, durations_of_opus_packets_are_those_of_the_specification) {
  auto packet = [](int config, int code, int count = 0) {
    return Bytes{static_cast<Byte>(config << 3 | code), static_cast<Byte>(count)};
  };
  EXPECT_EQ(opus_samples(packet(0, 0)), 480u);    // SILK, 10 ms
  EXPECT_EQ(opus_samples(packet(3, 0)), 2880u);   // SILK, 60 ms
  EXPECT_EQ(opus_samples(packet(13, 0)), 960u);   // hybrid, 20 ms
  EXPECT_EQ(opus_samples(packet(16, 1)), 240u);   // CELT, 2.5 ms twice
  EXPECT_EQ(opus_samples(packet(31, 3, 6)), 5760u);
  EXPECT_EQ(opus_samples(packet(31, 3, 7)), 0u) << "more than 120 ms";
  EXPECT_EQ(opus_samples({}), 0u);
}

}  // namespace
}  // namespace conclave::member
