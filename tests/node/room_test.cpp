#include "node/calls/room.hpp"

#include <gtest/gtest.h>

#include "crypto/codec/base_n.hpp"

using namespace conclave;
using namespace conclave::calls;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime wall{1'800'000'000'000};

/// Nodes whose control streams are queues: everything said is heard, in order, after the sender has finished.
struct Net {
  struct Site final : RoomOutputs {
    Site(Net& the_net, const ConferenceKey& conference, Random& random)
        : net(the_net), keys(NodeKeys::generate(random)), room(conference, keys.public_key(), *this) {}
    void to_node(const NodeKey& to, const Message& message) override {
      auto again = decode_message(encode(message));
      ASSERT_TRUE(again);
      net.mail.emplace_back(keys.public_key(), to, std::move(*again));
    }
    void to_page(PageId page, const std::string& json) override { said[page].push_back(json); }
    void admit_page(PageId page, const MemberId& member) override { admitted[page] = member; }
    void dismiss_page(PageId page) override { admitted.erase(page); }
    void children(TreeId tree, Byte, const std::vector<NodeKey>& nodes) override { passed_on[tree] = nodes; }
    void parts(std::uint32_t, Byte) override {}
    void resend(TreeId, Byte, const NodeKey&, std::uint32_t) override {}
    void key_frame(std::uint32_t stream) override { key_frames.push_back(stream); }
    void published_elsewhere(std::span<const Published> streams) override { elsewhere.assign(streams.begin(), streams.end()); }
    void want_nodes(const std::set<NodeKey>& nodes) override { wanted = nodes; }
    void roster_changed() override {}

    Net& net;
    NodeKeys keys;
    Room room;
    std::map<PageId, std::vector<std::string>> said;
    std::map<PageId, MemberId> admitted;
    std::map<TreeId, std::vector<NodeKey>> passed_on;
    std::vector<std::uint32_t> key_frames;
    std::vector<Published> elsewhere;
    std::set<NodeKey> wanted;
  };

  explicit Net(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sites.push_back(std::make_unique<Site>(*this, conference.public_key(), random));
  }
  Site& at(const NodeKey& key) {
    for (auto& site : sites)
      if (site->keys.public_key() == key) return *site;
    throw std::out_of_range("no such node");
  }
  void connect(std::size_t a, std::size_t b) {
    sites[a]->room.node_came(sites[b]->keys.public_key(), 1, {}, wall, now);
    sites[b]->room.node_came(sites[a]->keys.public_key(), 1, {}, wall, now);
    deliver();
  }
  void deliver() {
    while (!mail.empty()) {
      auto [from, to, message] = std::move(mail.front());
      mail.pop_front();
      (void)at(to).room.node_says(from, message, wall, now);
    }
  }
  void run(Duration span) {
    for (auto end = now + span; now < end; now += 10ms) {
      for (auto& site : sites) {
        // Media links heartbeat.
        for (const auto& node : site->room.connected()) site->room.heard(node, now);
        site->room.advance(wall, now);
      }
      deliver();
    }
  }
  Statement guest(const SigningKeys& call, const NodeKey& entry) {
    (void)entry;
    return issue(invite, conference.public_key(), wall,
                 introduce(call, crypto::x25519_public(call.seed()), conference.public_key(), "Ann", wall + 1h, invite.public_key()));
  }
  /// A guest's page enters at site `i`.
  PageId enter(std::size_t i, const SigningKeys& call, std::uint32_t number) {
    PageId page(number);
    auto& site = *sites[i];
    auto state = issue(call, conference.public_key(), wall, State{1, site.keys.public_key(), 0});
    site.room.page_came(page);
    auto heard = site.room.page_says(
        page, PageHello{conference.public_key(), {guest(call, site.keys.public_key()).bytes, state.bytes}}, wall, now);
    EXPECT_TRUE(heard);
    deliver();
    return page;
  }

  SeededRandom random{1};
  ConferenceKeys conference = ConferenceKeys::generate(random);
  AccountKeys account = AccountKeys::generate(random);
  SigningKeys invite = SigningKeys::generate(random);
  std::vector<std::unique_ptr<Site>> sites;
  std::deque<std::tuple<NodeKey, NodeKey, Message>> mail;
  TimePoint now{1s};

  void found() {
    auto& site = *sites[0];
    auto certificate = certify(account, site.keys.public_key(), 1, wall - 1h, wall + 24h, "");
    site.room.learn(issue(conference, conference.public_key(), wall, Admin{account.public_key()}), wall, now);
    site.room.learn(issue(site.keys, conference.public_key(), wall, Invite{invite.public_key(), wall + 1h, 50, Invite::no_admission}, certificate),
                    wall, now);
  }
};

TEST(Room, guests_at_different_nodes_hear_of_each_other) {
  Net net(3);
  net.found();
  net.connect(0, 1);
  net.connect(1, 2);
  auto ann = SigningKeys::generate(net.random);
  auto bob = SigningKeys::generate(net.random);
  auto page_a = net.enter(0, ann, 1);
  auto page_b = net.enter(2, bob, 2);
  EXPECT_TRUE(net.sites[0]->admitted.contains(page_a));
  EXPECT_TRUE(net.sites[2]->admitted.contains(page_b)) << "its node knows the invite from the others";
  EXPECT_EQ(net.sites[0]->room.roster().members(wall).size(), 2u);
  EXPECT_TRUE(net.sites[0]->wanted.contains(net.sites[2]->keys.public_key())) << "nodes of members should be connected";

  // A parcel from Ann to Bob reaches Bob's page, and nobody else.
  Bytes parcel{1, 2, 3};
  net.connect(0, 2);
  EXPECT_TRUE(net.sites[0]->room.page_says(page_a, PageTo{member_id(bob.public_key()), parcel}, wall, net.now));
  net.deliver();
  EXPECT_NE(net.sites[2]->said[page_b].back().find(codec::base64url(parcel)), std::string::npos);
}

TEST(Room, a_chat_flood_meets_everyone_once) {
  Net net(3);
  net.found();
  net.connect(0, 1);
  net.connect(1, 2);
  net.connect(0, 2);
  auto ann = SigningKeys::generate(net.random);
  auto bob = SigningKeys::generate(net.random);
  auto page_a = net.enter(0, ann, 1);
  auto page_b = net.enter(2, bob, 2);
  auto before = net.sites[2]->said[page_b].size();
  EXPECT_TRUE(net.sites[0]->room.page_says(page_a, PageAll{{9}}, wall, net.now));
  net.deliver();
  EXPECT_EQ(net.sites[2]->said[page_b].size(), before + 1);
}

TEST(Room, streams_are_planned_subscribed_and_passed_on) {
  Net net(3);
  net.found();
  for (auto [a, b] : {std::pair(0, 1), {0, 2}, {1, 2}}) net.connect(static_cast<std::size_t>(a), static_cast<std::size_t>(b));
  std::vector<SigningKeys> calls;
  for (std::size_t i = 0; i < 3; ++i) {
    calls.push_back(SigningKeys::generate(net.random));
    net.enter(i, calls.back(), static_cast<std::uint32_t>(i + 1));
  }
  auto ann = member_id(calls[0].public_key());
  auto stream = stream_number(ann, MediaKind::video, 1);
  net.sites[0]->room.publish({{ann, MediaKind::video, 1, stream, 640, 360, 500'000, 127}}, net.now);
  net.sites[1]->room.need({stream}, net.now);
  net.sites[2]->room.need({stream}, net.now);
  net.deliver();
  EXPECT_EQ(net.sites[2]->elsewhere.size(), 1u);
  net.run(1s);
  auto passed = net.sites[0]->passed_on[{stream, 0}];
  EXPECT_EQ(passed.size(), 2u) << "three nodes are a full mesh";

  // The key frame that newcomers need was asked for.
  EXPECT_FALSE(net.sites[0]->key_frames.empty());

  // Nobody wants it any more: nothing is sent.
  net.sites[1]->room.need({}, net.now);
  net.sites[2]->room.need({}, net.now);
  net.run(1s);
  EXPECT_TRUE((net.sites[0]->passed_on[{stream, 0}].empty()));
}

TEST(Room, who_comes_by_an_invite_that_admits_nobody_hears_why) {
  Net net(1);
  auto& site = *net.sites[0];
  auto certificate = certify(net.account, site.keys.public_key(), 1, wall - 1h, wall + 24h, "");
  site.room.learn(issue(net.conference, net.conference.public_key(), wall, Admin{net.account.public_key()}), wall, net.now);
  auto told = [&](UnixTime expires, std::uint16_t members_max, bool revoked) {
    net.invite = SigningKeys::generate(net.random);
    auto say = [&](Saying saying) {
      site.room.learn(issue(site.keys, net.conference.public_key(), wall - 1h, std::move(saying), certificate), wall, net.now);
    };
    say(Invite{net.invite.public_key(), expires, members_max, Invite::no_admission});
    if (revoked) say(Revoke{net.invite.public_key()});
    // Of two that come at the same time the smaller key is in.
    auto first = SigningKeys::generate(net.random), second = SigningKeys::generate(net.random);
    if (second.public_key() < first.public_key()) std::swap(first, second);
    auto number = static_cast<std::uint32_t>(100 + net.now.time_since_epoch().count());
    net.enter(0, first, number);
    auto last = site.said[net.enter(0, second, number + 1)].back();
    net.now += 10us;
    return last;
  };
  EXPECT_NE(told(wall - 1s, 50, false).find(R"("why":"expired")"), std::string::npos);
  EXPECT_NE(told(wall + 1h, 1, false).find(R"("why":"full")"), std::string::npos);
  EXPECT_NE(told(wall + 1h, 50, true).find(R"("why":"knock")"), std::string::npos) << "taken back: one may knock";
}

TEST(Room, who_knocks_waits_until_an_admin_lets_it_in_and_who_is_removed_goes) {
  Net net(2);
  net.found();
  net.connect(0, 1);
  auto call = SigningKeys::generate(net.random);
  PageId page(7);
  auto& site = *net.sites[1];
  auto self = issue(call, net.conference.public_key(), wall,
                    introduce(call, crypto::x25519_public(call.seed()), net.conference.public_key(), "Eve", wall + 1h, {}));
  auto state = issue(call, net.conference.public_key(), wall, State{1, site.keys.public_key(), State::knocking});
  site.room.page_came(page);
  EXPECT_TRUE(site.room.page_says(page, PageHello{net.conference.public_key(), {self.bytes, state.bytes}}, wall, net.now));
  net.deliver();
  EXPECT_FALSE(site.admitted.contains(page));
  EXPECT_NE(site.said[page].back().find("knock"), std::string::npos);

  auto& host = *net.sites[0];
  auto knockers = host.room.roster().knockers();
  ASSERT_EQ(knockers.size(), 1u) << "the admin's node hears of it";
  auto certificate = certify(net.account, host.keys.public_key(), 1, wall - 1h, wall + 24h, "");
  host.room.learn(issue(host.keys, net.conference.public_key(), wall, knockers[0], certificate), wall, net.now);
  net.deliver();
  EXPECT_TRUE(site.admitted.contains(page));

  host.room.learn(issue(host.keys, net.conference.public_key(), wall, Remove{call.public_key(), {}}, certificate), wall, net.now);
  net.deliver();
  EXPECT_FALSE(site.admitted.contains(page));
  EXPECT_NE(site.said[page].back().find("revoked"), std::string::npos);
}

TEST(Room, a_node_that_serves_nobody_gets_no_media) {
  Net net(2);
  net.found();
  net.connect(0, 1);
  auto ann = SigningKeys::generate(net.random);
  net.enter(0, ann, 1);
  auto stream = stream_number(member_id(ann.public_key()), MediaKind::audio, 0);
  net.sites[0]->room.publish({{member_id(ann.public_key()), MediaKind::audio, 0, stream, 0, 0, 40'000, 10}}, net.now);
  net.sites[1]->room.need({stream}, net.now);
  net.run(1s);
  EXPECT_TRUE((net.sites[0]->passed_on[{stream, 0}].empty()));
}

}  // namespace
