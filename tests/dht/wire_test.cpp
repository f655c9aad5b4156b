#include "dht/wire.hpp"

#include "crypto/sealed_entry.hpp"
#include "dht/contacts.hpp"
#include "dht/core.hpp"
#include "dht/saved_table.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace conclave;
using namespace conclave::dht;

namespace {

Contact contact(Random& random, bool v6 = false) {
  Contact out{random.fixed<NodeKey>(), random.next(), {io::IpAddress::v4(20, 1, 2, 3), 4000}};
  if (v6) {
    out.at.ip.family = io::IpAddress::Family::v6;
    random.fill(out.at.ip.bytes);
    out.at.ip.bytes[0] = 0x20;
  }
  return out;
}

TEST(DhtWire, a_contact_is_46_or_58_bytes) {
  SeededRandom random(1);
  auto v4 = contact(random), v6 = contact(random, true);
  EXPECT_EQ(encode(v4).size(), 46u);
  EXPECT_EQ(encode(v6).size(), 58u);
  EXPECT_EQ(*decode_contact(encode(v4)), v4);
  EXPECT_EQ(*decode_contact(encode(v6)), v6);
  auto nowhere = v4;
  nowhere.at.port = 0;
  EXPECT_FALSE(decode_contact(encode(nowhere)));
  for (Byte first : {Byte{0}, Byte{224}, Byte{255}}) {
    nowhere = v4;
    nowhere.at.ip.bytes[0] = first;
    EXPECT_FALSE(decode_contact(encode(nowhere)));
  }
  EXPECT_EQ(decode_contact(Bytes(47)).error(), Errc::wrong_length);
}

RC_GTEST_PROP(DhtWire, requests_and_answers_survive_the_trip, (std::uint64_t seed)) {
  SeededRandom random(seed);
  WireRequest request;
  request.kind = static_cast<Kind>(random.below(4));
  request.client = random.below(2);
  request.nonce = random.next();
  if (request.kind == Kind::find || request.kind == Kind::get) request.target = random.fixed<Key>();
  if (request.kind == Kind::get) {
    request.point = random.fixed<Key>();
    for (std::size_t i = 0; i < random.below(41); ++i) request.have.push_back(random.next());
    request.page = random.below(2) == 1;
  }
  if (request.kind == Kind::put) {
    request.token = random.next();
    request.entry.resize(random.below(1200));
    random.fill(request.entry);
  }
  auto again = decode_request(encode(request));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == request);

  WireResponse response;
  response.kind = static_cast<Kind>(random.below(4));
  response.nonce = random.next();
  if (response.kind == Kind::find || response.kind == Kind::get) {
    response.token = random.next();
    for (std::size_t i = 0; i < random.below(21); ++i)
      response.contacts.push_back(contact(random, random.below(2)));
  }
  if (response.kind == Kind::get) {
    response.more = static_cast<std::uint16_t>(random.below(32));
    response.entries.push_back(Bytes(random.below(900)));
  }
  if (response.kind == Kind::put) response.status = static_cast<PutStatus>(random.below(4));
  auto answer = decode_response(encode(response));
  RC_ASSERT(answer.has_value());
  RC_ASSERT(*answer == response);
}

RC_GTEST_PROP(DhtWire, damage_is_an_error_or_another_message, (std::uint64_t seed)) {
  SeededRandom random(seed);
  WireRequest request;
  request.kind = Kind::get;
  request.have = {1, 2, 3};
  auto bytes = encode(request);
  bytes[random.below(bytes.size())] ^= static_cast<Byte>(1 + random.below(255));
  if (auto other = decode_request(bytes)) RC_ASSERT(decode_request(encode(*other)).value() == *other);
  bytes.resize(random.below(bytes.size()));
  (void)decode_request(bytes);
}

TEST(DhtWire, bounds_are_kept) {
  WireRequest request;
  request.kind = Kind::get;
  request.have.resize(Request::have_max + 1);
  EXPECT_EQ(decode_request(encode(request)).error(), Errc::too_long);
  request.kind = Kind::put;
  request.entry.resize(SealedEntry::size_max + 1);
  EXPECT_EQ(decode_request(encode(request)).error(), Errc::too_long);
  SeededRandom random(1);
  WireResponse response;
  response.kind = Kind::find;
  for (int i = 0; i < 21; ++i) response.contacts.push_back(contact(random));
  EXPECT_EQ(decode_response(encode(response)).error(), Errc::too_long);
}

TEST(DhtWire, twenty_v4_contacts_fit_an_answer) {
  SeededRandom random(1);
  WireResponse response;
  response.kind = Kind::get;
  response.nonce = response.token = ~0ull;
  response.more = 1000;
  for (int i = 0; i < 20; ++i) response.contacts.push_back(contact(random));
  EXPECT_LE(encode(response).size(), Core::answer_size_max);
  EXPECT_LE(encode(response).size() - 20 * Core::contact_size, Core::answer_header_size);
}

TEST(Contacts, only_who_worked_is_kept_and_an_address_cannot_be_taken_over) {
  SeededRandom random(1);
  auto self = contact(random), other = contact(random);
  Contacts contacts(self, 8);
  EXPECT_EQ(contacts.intern(other).has_value(), worked(other.node, other.nonce, 8));
  other.nonce = *find_nonce(other.node, 8, 0, 1 << 16);
  auto handle = contacts.intern(other);
  ASSERT_TRUE(handle);
  EXPECT_EQ(contacts.intern(other), handle) << "once";
  auto elsewhere = other;
  elsewhere.at.port = 9;
  auto second = contacts.intern(elsewhere);
  ASSERT_TRUE(second);
  EXPECT_NE(second, handle);
  EXPECT_EQ(contacts.contact(*handle), other) << "what somebody says later changes nothing";
  EXPECT_EQ(contacts.position(*handle), position_of(other.node, other.nonce));
  EXPECT_FALSE(contacts.intern({self.node, self.nonce, other.at})) << "oneself is nobody to talk to";
  contacts.sweep([&](auto mark) { mark(*second); });
  EXPECT_EQ(contacts.size(), 2u);
  EXPECT_EQ(contacts.intern(elsewhere), second);
}

TEST(Contacts, networks_are_24_and_16_or_48_and_32) {
  auto a = networks_of(io::IpAddress::v4(20, 1, 2, 3)), b = networks_of(io::IpAddress::v4(20, 1, 2, 200)),
       c = networks_of(io::IpAddress::v4(20, 1, 9, 3)), d = networks_of(io::IpAddress::v4(20, 2, 2, 3));
  EXPECT_EQ(a, b);
  EXPECT_NE(a.near, c.near);
  EXPECT_EQ(a.wide, c.wide);
  EXPECT_NE(a.wide, d.wide);
  EXPECT_EQ(networks_of(io::IpAddress::v4(192, 168, 1, 1)), Networks{});
  EXPECT_EQ(networks_of(io::IpAddress::v4(127, 0, 0, 1)), Networks{});
  auto v6 = [](const char* text) { return networks_of(*io::IpAddress::parse(text)); };
  EXPECT_EQ(v6("2001:db8:1:2::1"), v6("2001:db8:1:ff::9"));
  EXPECT_NE(v6("2001:db8:1::1").near, v6("2001:db8:2::1").near);
  EXPECT_EQ(v6("2001:db8:1::1").wide, v6("2001:db8:2::1").wide);
  EXPECT_NE(v6("2001:db8::1").wide, v6("2001:db9::1").wide);
}

TEST(SavedTable, survives_the_trip_and_refuses_rubbish) {
  SeededRandom random(1);
  SavedTable table{
      .nonce = 77, .anchors = 1, .entries = {{contact(random), Rtt{5, 6}}, {contact(random), Rtt{7, 8}}}};
  auto again = decode_saved_table(encode(table));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->nonce, 77u);
  EXPECT_EQ(again->anchors, 1u);
  ASSERT_EQ(again->entries.size(), 2u);
  EXPECT_EQ(again->entries[1].contact, table.entries[1].contact);
  EXPECT_EQ(again->entries[1].rtt.deviation, 8);
  EXPECT_FALSE(decode_saved_table(view("nothing of the kind")));
  EXPECT_FALSE(decode_saved_table({}));
}

}  // namespace
