#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "transport/wire/byte_queue.hpp"
#include "transport/wire/protobuf.hpp"

using namespace conclave;
using wire::ProtobufReader;

namespace {

// protobuf.dev, "Encoding": field 1 = 150; field 2 = "testing".
TEST(Protobuf, reads_the_examples_of_its_specification) {
  auto bytes = *from_hex("089601120774657374696e67");
  ProtobufReader reader(bytes);
  auto first = *reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->number, 1u);
  EXPECT_FALSE(first->is_bytes);
  EXPECT_EQ(first->value, 150u);
  auto second = *reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, 2u);
  EXPECT_EQ(text(second->bytes), "testing");
  EXPECT_EQ(*reader.next(), std::nullopt);
  wire::ProtobufWriter writer;
  writer.number(1, 150);
  writer.text(2, "testing");
  EXPECT_EQ(writer.take(), bytes);
}

TEST(Protobuf, what_does_not_end_or_is_no_field_is_malformed) {
  for (auto digits : {"08", "0896", "12077465", "0b0c", "00", "0f", "09ffff", "08ffffffffffffffffffff01",
                      "12ffffffffffffffffff01"}) {
    auto bytes = *from_hex(digits);
    ProtobufReader reader(bytes);
    EXPECT_EQ(reader.next().error(), Errc::malformed) << digits;
  }
  auto fixed = *from_hex("0d01000000110200000000000000");
  ProtobufReader reader(fixed);
  EXPECT_EQ((*reader.next())->value, 1u);
  EXPECT_EQ((*reader.next())->value, 2u);
}

RC_GTEST_PROP(Protobuf, noise_gives_fields_or_an_error, (const Bytes& noise)) {
  ProtobufReader reader(noise);
  std::size_t fields = 0;
  for (;;) {
    auto field = reader.next();
    if (!field || !*field) break;
    ++fields;
  }
  RC_ASSERT(fields <= noise.size());
}

RC_GTEST_PROP(ByteQueue, gives_what_it_took_in_order, ()) {
  wire::ByteQueue queue;
  Bytes in;
  Bytes out;
  auto rounds = *rc::gen::inRange(1, 50);
  for (int i = 0; i < rounds; ++i) {
    Bytes more(*rc::gen::inRange<std::size_t>(0, 300), static_cast<Byte>(i));
    append(in, more);
    queue.push(more);
    auto taken = *rc::gen::inRange<std::size_t>(0, queue.size() + 1);
    append(out, queue.front().first(taken));
    queue.drop(taken);
    RC_ASSERT(queue.size() == in.size() - out.size());
  }
  append(out, queue.front());
  RC_ASSERT(out == in);
}

}  // namespace
