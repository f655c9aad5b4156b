#include "transport/tcp/yamux.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace std::chrono_literals;
using tcp::Yamux;
using tcp::YamuxHeader;
using tcp::YamuxId;
using tcp::YamuxLimits;
using Type = YamuxHeader::Type;
using What = Yamux::Event::What;

namespace {

constexpr TimePoint start{};

Bytes frame(const YamuxHeader& header, ByteView body = {}) {
  auto bytes = tcp::encode(header);
  Bytes out(bytes.begin(), bytes.end());
  append(out, body);
  return out;
}
Bytes data(std::uint32_t stream, std::size_t size, std::uint16_t flags = 0) {
  return frame({Type::data, flags, YamuxId(stream), static_cast<std::uint32_t>(size)}, Bytes(size, 'x'));
}

Bytes everything(Yamux& from, TimePoint now = start) {
  Bytes out;
  Bytes room(70'000);
  while (from.pending()) {
    auto size = from.produce(room, now);
    if (size == 0) break;
    append(out, ByteView(room).first(size));
  }
  return out;
}

std::vector<YamuxHeader> headers(ByteView bytes) {
  std::vector<YamuxHeader> out;
  while (!bytes.empty()) {
    out.push_back(*tcp::decode_yamux_header(bytes.first(YamuxHeader::size)));
    auto body = out.back().type == Type::data ? out.back().length : 0;
    bytes = bytes.subspan(YamuxHeader::size + body);
  }
  return out;
}

/// Two sessions, connected.
struct Pair {
  explicit Pair(const YamuxLimits& limits = {})
      : dialler(Yamux::Role::dialler, limits, start), listener(Yamux::Role::listener, limits, start) {}
  void exchange(TimePoint now = start) {
    while (dialler.pending() || listener.pending()) {
      EXPECT_TRUE(listener.receive(everything(dialler, now), now));
      EXPECT_TRUE(dialler.receive(everything(listener, now), now));
    }
  }
  Yamux dialler;
  Yamux listener;
};

TEST(YamuxFrame, has_the_layout_of_the_specification) {
  YamuxHeader header{Type::window_update, YamuxHeader::syn | YamuxHeader::ack, YamuxId(0x01020304), 0x0a0b0c0d};
  auto bytes = tcp::encode(header);
  EXPECT_EQ(hex(bytes), "00010003010203040a0b0c0d");
  EXPECT_EQ(tcp::decode_yamux_header(bytes), header);
  EXPECT_EQ(tcp::decode_yamux_header(*from_hex("010000000000000100000000")).error(), Errc::unsupported);
  EXPECT_EQ(tcp::decode_yamux_header(*from_hex("000400000000000100000000")).error(), Errc::malformed);
  EXPECT_EQ(tcp::decode_yamux_header(*from_hex("000000100000000100000000")).error(), Errc::malformed);
  EXPECT_EQ(tcp::decode_yamux_header(*from_hex("000000000000000000000000")).error(), Errc::malformed);
  EXPECT_EQ(tcp::decode_yamux_header(*from_hex("000200010000000100000000")).error(), Errc::malformed);
  EXPECT_EQ(tcp::decode_yamux_header(Bytes(11)).error(), Errc::wrong_length);
}

TEST(Yamux, a_stream_carries_data_before_it_is_acknowledged) {
  Pair pair;
  auto id = *pair.dialler.open();
  EXPECT_EQ(id, YamuxId(1));
  Bytes hello = copy(view("hello"));
  pair.dialler.lend(id, hello);
  auto sent = everything(pair.dialler);
  EXPECT_EQ(headers(sent), (std::vector<YamuxHeader>{{Type::data, YamuxHeader::syn, id, 5}}));
  ASSERT_TRUE(pair.listener.receive(sent, start));
  auto events = pair.listener.take_events();
  EXPECT_EQ(events, (std::vector<Yamux::Event>{{What::opened, id}, {What::readable, id}}));
  EXPECT_EQ(text(pair.listener.unread(id)), "hello");
  EXPECT_EQ(headers(everything(pair.listener)),
            (std::vector<YamuxHeader>{{Type::window_update, YamuxHeader::ack, id, 0}}));
}

TEST(Yamux, fin_follows_everything_lent_in_a_frame_of_its_own) {
  Pair pair;
  auto id = *pair.dialler.open();
  Bytes body(100'000);
  pair.dialler.lend(id, body);
  pair.dialler.finish(id);
  auto said = headers(everything(pair.dialler));
  EXPECT_EQ(said.back(), (YamuxHeader{Type::window_update, YamuxHeader::fin, id, 0}));
  for (const auto& header : said) EXPECT_FALSE(header.type == Type::data && header.has(YamuxHeader::fin));
}

TEST(Yamux, half_close_leaves_the_other_direction_open) {
  Pair pair;
  auto id = *pair.dialler.open();
  pair.dialler.finish(id);
  pair.exchange();
  EXPECT_EQ(pair.listener.status(id).error(), Errc::end_of_stream);
  Bytes answer = copy(view("answer"));
  pair.listener.lend(id, answer);
  pair.listener.finish(id);
  pair.exchange();
  EXPECT_TRUE(pair.dialler.status(id)) << "there is something to read first";
  pair.dialler.consume(id, 6, start);
  EXPECT_EQ(pair.dialler.status(id).error(), Errc::end_of_stream);
  pair.dialler.release(id);
  pair.listener.release(id);
  EXPECT_EQ(pair.dialler.stream_count() + pair.listener.stream_count(), 0u);
}

TEST(Yamux, reset_ends_both_directions_and_gives_back_what_was_lent) {
  Pair pair;
  auto id = *pair.dialler.open();
  pair.exchange();
  Bytes body(1'000'000);
  pair.dialler.lend(id, body);
  pair.listener.reset(id);
  pair.exchange();
  EXPECT_EQ(pair.dialler.lent(id), 0u);
  EXPECT_EQ(pair.dialler.status(id).error(), Errc::stream_reset);
  EXPECT_EQ(pair.listener.status(id).error(), Errc::stream_reset);
}

TEST(Yamux, a_writer_stops_at_the_window_and_goes_on_when_the_reader_reads) {
  Pair pair;
  auto id = *pair.dialler.open();
  Bytes body(1'000'000);
  pair.dialler.lend(id, body);
  pair.exchange();
  EXPECT_EQ(pair.listener.unread(id).size(), Yamux::window_initial);
  EXPECT_FALSE(pair.dialler.pending());
  pair.listener.consume(id, 1000, start);
  EXPECT_FALSE(pair.listener.pending()) << "credit is not given in small change";
  pair.listener.consume(id, Yamux::window_initial / 2, start);
  pair.exchange();
  EXPECT_GT(pair.listener.unread(id).size(), Yamux::window_initial / 2);
}

TEST(Yamux, a_window_that_limits_the_speed_grows_up_to_its_maximum) {
  YamuxLimits limits;
  limits.window_max = 1 << 20;
  Pair pair(limits);
  auto id = *pair.dialler.open();
  Bytes body(20'000'000);
  pair.dialler.lend(id, body);
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    auto now = start + i * 1ms;
    pair.exchange(now);
    most = std::max(most, pair.listener.unread(id).size());
    pair.listener.consume(id, pair.listener.unread(id).size(), now);
  }
  EXPECT_EQ(most, limits.window_max);
}

TEST(Yamux, more_than_the_window_is_an_error) {
  Pair pair;
  ASSERT_TRUE(pair.listener.receive(data(1, Yamux::window_initial, YamuxHeader::syn), start));
  EXPECT_EQ(pair.listener.receive(data(1, 1), start).error(), Errc::limit_reached);
}

TEST(Yamux, what_breaks_the_rules_breaks_the_session) {
  auto says = [](const Bytes& bytes) {
    Yamux listener(Yamux::Role::listener, {}, start);
    auto result = listener.receive(bytes, start);
    return result ? std::error_code() : result.error();
  };
  EXPECT_EQ(says(data(2, 0, YamuxHeader::syn)), Errc::malformed) << "a dialler's streams are odd";
  auto twice = data(1, 0, YamuxHeader::syn);
  append(twice, data(1, 0, YamuxHeader::syn));
  EXPECT_EQ(says(twice), Errc::malformed);
  auto behind_the_end = data(1, 0, YamuxHeader::syn | YamuxHeader::fin);
  append(behind_the_end, data(1, 1));
  EXPECT_EQ(says(behind_the_end), Errc::malformed);
  EXPECT_FALSE(says(data(7, 1000))) << "a stream long gone: skipped";
  Bytes pings;
  for (std::uint32_t i = 0; i < 300; ++i) append(pings, frame({Type::ping, YamuxHeader::syn, {}, i}));
  EXPECT_EQ(says(pings), Errc::limit_reached) << "answers are owed that nobody takes";
}

TEST(Yamux, streams_over_the_limit_are_refused_one_by_one) {
  Pair pair;
  Yamux& listener = pair.listener;
  for (std::uint32_t id = 1; id <= 2 * 256 + 1; id += 2) {
    ASSERT_TRUE(listener.receive(data(id, 0, YamuxHeader::syn), start));
  }
  EXPECT_EQ(listener.stream_count(), 256u);
  auto said = headers(everything(listener));
  EXPECT_EQ(said.front(), (YamuxHeader{Type::window_update, YamuxHeader::rst, YamuxId(513), 0}));
}

TEST(Yamux, a_body_that_was_skipped_is_not_inherited_by_a_stream_opened_meanwhile) {
  Yamux dialler(Yamux::Role::dialler, {}, start);
  auto bytes = data(1, 300'000);  // for a stream that we have not opened yet
  ASSERT_TRUE(dialler.receive(ByteView(bytes).first(1000), start));
  auto id = *dialler.open();
  ASSERT_EQ(id, YamuxId(1));
  ASSERT_TRUE(dialler.receive(ByteView(bytes).subspan(1000), start));
  EXPECT_TRUE(dialler.unread(id).empty());
}

TEST(Yamux, unread_bytes_are_bounded_for_the_whole_session) {
  YamuxLimits limits;
  limits.unread_max = 1 << 20;
  Yamux listener(Yamux::Role::listener, limits, start);
  for (std::uint32_t i = 0; i < 64; ++i) {
    ASSERT_TRUE(listener.receive(data(2 * i + 1, i == 0 ? 200'000 : 100'000, YamuxHeader::syn), start));
    EXPECT_LE(listener.unread_total(), limits.unread_max);
  }
  EXPECT_EQ(listener.status(YamuxId(1)).error(), Errc::stream_reset) << "the one that held most paid first";
}

TEST(Yamux, a_stream_that_was_finished_and_released_does_not_reset_what_it_wrote) {
  Pair pair;
  auto id = *pair.dialler.open();
  Bytes body(1000);
  pair.dialler.lend(id, body);
  everything(pair.dialler);  // the header and body go; nobody hears them in this test
  pair.dialler.finish(id);
  pair.dialler.release(id);
  auto said = headers(everything(pair.dialler));
  EXPECT_EQ(said, (std::vector<YamuxHeader>{{Type::window_update, YamuxHeader::fin, id, 0}}));
  ASSERT_TRUE(pair.dialler.receive(data(id.raw(), 1000), start));
  EXPECT_FALSE(pair.dialler.pending());
  ASSERT_TRUE(pair.dialler.receive(data(id.raw(), 20'000), start));
  EXPECT_EQ(headers(everything(pair.dialler)),
            (std::vector<YamuxHeader>{{Type::window_update, YamuxHeader::rst, id, 0}}));
  EXPECT_EQ(pair.dialler.stream_count(), 0u);
}

TEST(Yamux, streams_take_turns) {
  Pair pair;
  Bytes body(200'000);
  auto first = *pair.dialler.open();
  auto second = *pair.dialler.open();
  pair.dialler.lend(first, body);
  pair.dialler.lend(second, body);
  Bytes room(65'519);
  std::vector<YamuxId> order;
  while (auto size = pair.dialler.produce(room, start)) {
    for (const auto& header : headers(ByteView(room).first(size))) order.push_back(header.stream);
  }
  ASSERT_GE(order.size(), 4u);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_NE(order[i], order[i - 1]);
}

TEST(Yamux, pings_measure_the_round_trip_and_notice_the_dead) {
  Pair pair;
  ASSERT_TRUE(pair.dialler.expire(start));
  ASSERT_TRUE(pair.listener.receive(everything(pair.dialler), start + 20ms));
  ASSERT_TRUE(pair.dialler.receive(everything(pair.listener), start + 40ms));
  EXPECT_EQ(pair.dialler.smoothed_rtt(), Duration(40ms));
  auto later = pair.dialler.deadline();
  EXPECT_EQ(later, start + 60s);
  ASSERT_TRUE(pair.dialler.expire(later));
  everything(pair.dialler, later);
  EXPECT_TRUE(pair.dialler.expire(later + 29s));
  EXPECT_EQ(pair.dialler.expire(later + 30s).error(), Errc::timed_out);
}

TEST(Yamux, after_a_go_away_nothing_new_is_opened_by_either_side) {
  Pair pair;
  auto id = *pair.dialler.open();
  pair.exchange();
  pair.listener.go_away(YamuxHeader::normal);
  pair.exchange();
  EXPECT_EQ(pair.dialler.open().error(), Errc::closed);
  EXPECT_EQ(pair.listener.open().error(), Errc::closed);
  EXPECT_TRUE(pair.dialler.status(id)) << "what is open goes on";
}

TEST(Yamux, streams_we_open_are_limited_until_acknowledged) {
  Yamux dialler(Yamux::Role::dialler, {}, start);
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(dialler.open());
  EXPECT_EQ(dialler.open().error(), Errc::limit_reached);
}

// What goes into one end comes out of the other, whole and in order, whatever the pieces, the order of reading and
// writing and the number of streams.
RC_GTEST_PROP(Yamux, every_stream_delivers_its_bytes_in_order, ()) {
  Pair pair;
  struct Flow {
    YamuxId id;
    Bytes sent;
    Bytes heard;
  };
  std::vector<Flow> flows(*rc::gen::inRange<std::size_t>(1, 6));
  for (auto& flow : flows) {
    flow.id = *pair.dialler.open();
    flow.sent.resize(*rc::gen::element<std::size_t>(0, 1, 12, 65'507, 262'144, 262'145, 700'000));
    for (std::size_t i = 0; i < flow.sent.size(); ++i) flow.sent[i] = static_cast<Byte>(i * 7 + flow.id.raw());
    pair.dialler.lend(flow.id, flow.sent);
    pair.dialler.finish(flow.id);
  }
  auto piece = *rc::gen::element<std::size_t>(1'000, 4'096, 65'519, 300'000);
  auto room_size = *rc::gen::element<std::size_t>(64, 1'000, 65'519);
  Bytes room(room_size);
  auto now = start;
  auto move_some = [&](Yamux& from, Yamux& to) {
    auto size = from.produce(room, now);
    for (auto rest = ByteView(room).first(size); !rest.empty();) {
      auto part = rest.first(std::min(rest.size(), piece));
      RC_ASSERT(to.receive(part, now).has_value());
      rest = rest.subspan(part.size());
    }
    return size > 0;
  };
  for (bool busy = true; busy;) {
    busy = false;
    for (int i = 0; i < 20; ++i) busy |= move_some(pair.dialler, pair.listener);
    for (auto& flow : flows) {
      auto unread = pair.listener.unread(flow.id);
      auto part = unread.first(std::min(unread.size(), piece));
      append(flow.heard, part);
      pair.listener.consume(flow.id, part.size(), now);
      busy |= !part.empty();
    }
    busy |= move_some(pair.listener, pair.dialler);
    now += 1ms;
  }
  for (auto& flow : flows) {
    RC_ASSERT(flow.heard == flow.sent);
    RC_ASSERT(pair.listener.status(flow.id).error() == Errc::end_of_stream);
  }
}

RC_GTEST_PROP(Yamux, noise_gives_progress_or_an_error_and_stays_within_its_limits, ()) {
  YamuxLimits limits;
  limits.unread_max = 100'000;
  Yamux listener(Yamux::Role::listener, limits, start);
  auto count = *rc::gen::inRange(1, 60);
  for (int i = 0; i < count; ++i) {
    YamuxHeader header;
    header.type = *rc::gen::element(Type::data, Type::window_update, Type::ping, Type::go_away);
    header.flags = *rc::gen::element<std::uint16_t>(0, 1, 2, 4, 8, 5, 9, 15);
    header.stream = YamuxId(*rc::gen::element<std::uint32_t>(0, 1, 2, 3, 5));
    header.length = *rc::gen::element<std::uint32_t>(0, 1, 100, 60'000, 262'144, 0xffffffff);
    auto body = header.type == Type::data ? std::min<std::uint32_t>(header.length, 60'000) : 0;
    if (!listener.receive(frame(header, Bytes(body)), start)) return;
    RC_ASSERT(listener.unread_total() <= limits.unread_max);
    if (*rc::gen::arbitrary<bool>()) everything(listener);
    if (*rc::gen::arbitrary<bool>()) listener.release(header.stream);
  }
}

}  // namespace
