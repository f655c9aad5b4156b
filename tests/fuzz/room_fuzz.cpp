// A conference's room among nodes and pages that say anything in any order: messages as bytes, and well-formed ones
// with fields from the input, so that plans, subscriptions and reports are reached.
#include "node/calls/room.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;
using namespace conclave::calls;
using namespace std::chrono_literals;

namespace {

constexpr UnixTime wall{1'800'000'000'000};

struct Owner final : RoomOutputs {
  void to_node(const NodeKey&, const Message& message) override {
    ensure(decode_message(encode(message)).has_value(), "what a room says can be read");
  }
  void to_page(PageId, const std::string& json) override {
    ensure(json.size() <= signal_max, "and a page can take it");
  }
  void admit_page(PageId, const MemberId&) override {}
  void dismiss_page(PageId) override {}
  void children(TreeId, Byte, const std::vector<NodeKey>&) override {}
  void parts(std::uint32_t, Byte parts) override { ensure(parts >= 1 && parts <= parts_max, "parts are few"); }
  void resend(TreeId, Byte, const NodeKey&, std::uint32_t) override {}
  void key_frame(std::uint32_t) override {}
  void published_elsewhere(std::span<const Published>) override {}
  void want_nodes(const std::set<NodeKey>&) override {}
  void roster_changed() override {}
};

/// Keys and statements, made once: signing would take all the fuzzer's time.
struct Cast {
  SeededRandom random{1};
  ConferenceKeys conference = ConferenceKeys::generate(random);
  AccountKeys account = AccountKeys::generate(random);
  SigningKeys invite = SigningKeys::generate(random), ann = SigningKeys::generate(random),
              bob = SigningKeys::generate(random);
  std::array<NodeKeys, 3> nodes{NodeKeys::generate(random), NodeKeys::generate(random), NodeKeys::generate(random)};
  std::vector<Statement> statements;
  Cast() {
    auto key = conference.public_key();
    auto certificate = certify(account, nodes[0].public_key(), 1, wall - 1h, wall + 24h, "");
    statements.push_back(issue(conference, key, wall, Admin{account.public_key()}));
    statements.push_back(
        issue(nodes[0], key, wall, Invite{invite.public_key(), wall + 1h, 50, Invite::no_admission}, certificate));
    for (auto* call : {&ann, &bob}) {
      auto x25519 = crypto::x25519_public(call->seed());
      statements.push_back(issue(invite, key, wall, introduce(*call, x25519, key, "Ann", wall + 1h, invite.public_key())));
      statements.push_back(issue(*call, key, wall, State{1, nodes[call == &ann ? 0 : 1].public_key(), 0}));
    }
  }
  NodeKey node(Byte number) const { return nodes[number % nodes.size()].public_key(); }
  MemberId member(Byte number) const { return member_id(number % 2 == 0 ? ann.public_key() : bob.public_key()); }
};

/// A message whose fields are few values, so that they meet each other.
Message make(const Cast& cast, ByteView& rest) {
  auto next = [&] { return fuzz::take_choice(rest); };
  auto stream = [&] {
    auto which = next();
    return stream_number(cast.member(which), static_cast<MediaKind>(1 + which / 2 % 3), which / 8 % 3);
  };
  switch (next() % 9) {
    case 0: {
      Streams out;
      for (int left = next() % 4; left > 0; --left) {
        auto which = next();
        auto kind = static_cast<MediaKind>(1 + which / 2 % 3);
        auto member = cast.member(which);
        Byte layer = which / 8 % 3;
        out.streams.push_back({member, kind, layer, stream_number(member, kind, layer), 640, 360, next() * 10'000u, 10});
      }
      return out;
    }
    case 1: return Subscribe{stream(), static_cast<Byte>(next() % 2), 2, next()};
    case 2: return Answer{stream(), static_cast<Byte>(next() % 2), next() % 2 == 0};
    case 3: return Unsubscribe{stream(), static_cast<Byte>(next() % 2)};
    case 4: return Announce{next()};
    case 5: return Report{{cast.node(next()), cast.node(next())}};
    case 6: return Demand{{stream(), stream()}, next() * 100'000u, {{cast.node(next()), next() * 1'000u}}};
    case 7: return KeyFrame{stream()};
    default: {
      PlanMessage out;
      for (auto& keys : cast.nodes) out.nodes.push_back(keys.public_key());
      std::sort(out.nodes.begin(), out.nodes.end());
      if (next() % 8 == 0) out.nodes.pop_back();
      out.plan.version = next();
      for (int trees = next() % 4; trees > 0; --trees) {
        Byte parts = 1 + next() % 3;
        Tree tree{stream(), static_cast<Byte>(next() % 3), parts, static_cast<NodeIndex>(next() % 4), {}};
        for (int hops = next() % 4; hops > 0; --hops) {
          auto index = [&]() -> NodeIndex {
            auto value = next();
            return value == 255 ? nobody : value % 4;
          };
          tree.hops.push_back({index(), index(), index()});
        }
        out.plan.trees.push_back(std::move(tree));
      }
      return out;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  if (size > 4096) return 0;
  static const Cast cast;
  ByteView rest(data, size);
  Owner owner;
  TimePoint now{1s};
  Room room(cast.conference.public_key(), cast.node(0), owner);
  for (auto& statement : cast.statements) room.learn(statement, wall, now);
  for (Byte number : {Byte{1}, Byte{2}}) {
    room.node_came(cast.node(number), 1, {}, wall, now);
    (void)room.node_says(cast.node(number), Hello{cast.conference.public_key(), 1, {}, {}}, wall, now);
  }
  room.publish({{cast.member(0), MediaKind::video, 0, stream_number(cast.member(0), MediaKind::video, 0), 640, 360,
                 500'000, 127}},
               now);
  while (!rest.empty()) {
    auto choice = fuzz::take_choice(rest);
    auto from = cast.node(1 + choice / 8 % 2);
    switch (choice % 8) {
      case 0:
      case 1:
      case 2: (void)room.node_says(from, make(cast, rest), wall, now); break;
      case 3: {
        auto piece = rest.first(std::min<std::size_t>(rest.size(), choice));
        rest = rest.subspan(piece.size());
        if (auto message = decode_message(piece)) (void)room.node_says(from, *message, wall, now);
        break;
      }
      case 4: {
        auto piece = rest.first(std::min<std::size_t>(rest.size(), choice * std::size_t{4}));
        rest = rest.subspan(piece.size());
        room.page_came(PageId(choice));
        if (auto message = decode_signal(text(piece))) (void)room.page_says(PageId(choice), *message, wall, now);
        break;
      }
      case 5: choice & 8 ? room.node_went(from, now) : room.node_came(from, 1, {}, wall, now); break;
      case 6: {
        auto tree = fuzz::take_choice(rest);
        room.packet({stream_number(cast.member(tree), MediaKind::video, 0), static_cast<Byte>(tree / 2 % 2)}, tree,
                    from, now);
        room.need({stream_number(cast.member(choice / 8 & 1), MediaKind::video, 0)}, now);
        break;
      }
      case 7:
        now += Duration(50'000) * choice;
        room.advance(wall, now);
        break;
    }
  }
  return 0;
}
