#include "node/calls/room.hpp"

namespace conclave::calls {
namespace {

constexpr auto sweep_every = std::chrono::seconds(2);

}  // namespace

Room::Room(const ConferenceKey& conference, const NodeKey& self, RoomOutputs& outputs)
    : self_(self), outputs_(outputs), roster_(conference), steering_(conference, self), routes_(0) {
  numbers_[self] = 0;
  nodes_.push_back(self);
}

NodeIndex Room::number_of(const NodeKey& node) {
  auto [at, fresh] = numbers_.try_emplace(node, static_cast<NodeIndex>(nodes_.size()));
  if (fresh) nodes_.push_back(node);
  return at->second;
}

// --- statements ---

void Room::learn(const Statement& statement, UnixTime wall, TimePoint now) {
  auto added = roster_.add(statement);
  if (!added || !*added) return;
  share({statement.bytes}, std::nullopt, std::nullopt);
  after_roster(wall, now);
}

/// Adds what verifies; gives back what was new.
std::vector<Bytes> Room::take(const std::vector<Bytes>& statements, UnixTime wall, TimePoint now) {
  std::vector<Bytes> fresh;
  for (const auto& bytes : statements) {
    auto statement = open_statement(bytes, conference(), wall);
    if (!statement) continue;  // one bad statement does not spoil the others
    auto added = roster_.add(std::move(*statement));
    if (added && *added) fresh.push_back(bytes);
  }
  if (!fresh.empty()) after_roster(wall, now);
  return fresh;
}

void Room::share(const std::vector<Bytes>& statements, const std::optional<NodeKey>& except_node,
                 const std::optional<PageId>& except_page) {
  if (statements.empty()) return;
  for (const auto& [node, peer] : peers_) {
    if (node == except_node) continue;
    for (std::size_t at = 0; at < statements.size(); at += statements_per_message_max) {
      auto end = std::min(statements.size(), at + statements_per_message_max);
      outputs_.to_node(node, Statements{{statements.begin() + static_cast<std::ptrdiff_t>(at),
                                         statements.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
  }
  auto json = statements_json(statements);
  for (const auto& [id, page] : pages_)
    if (id != except_page && page.call) outputs_.to_page(id, json);
}

/// Pages whose members came to count, or ceased to; nodes that should be connected; a new plan.
void Room::after_roster(UnixTime wall, TimePoint now) {
  const auto& members = roster_.members(wall);
  std::vector<PageId> dismissed;
  for (auto& [id, page] : pages_) {
    if (!page.call) continue;
    bool counts = members.contains(*page.call);
    if (counts && !page.admitted) {
      page.admitted = true;
      outputs_.admit_page(id, page.member);
      greet(id, page, wall);
    } else if (!counts && page.admitted) {
      outputs_.to_page(id, refused_json("revoked"));
      dismissed.push_back(id);
    }
  }
  for (auto id : dismissed) {
    pages_.erase(id);
    outputs_.dismiss_page(id);
  }

  std::set<NodeKey> nodes;
  for (const auto& [call, entry] : members)
    if (entry.state.entry) nodes.insert(*entry.state.entry);
  for (const auto& [node, uplink] : roster_.nodes(wall)) nodes.insert(node);
  nodes.erase(self_);
  if (nodes != wanted_nodes_) {
    wanted_nodes_ = nodes;
    outputs_.want_nodes(nodes);
  }
  std::vector<Candidate> candidates{{self_, false}};
  for (const auto& [node, peer] : peers_)
    if (serves(node, wall)) candidates.push_back({node, false});
  steering_.set_members(candidates, now);
  outputs_.roster_changed();
}

void Room::greet(PageId id, Page& page, UnixTime) {
  outputs_.to_page(id, welcome_json(roster_.all(), page.member, self_));
}

// --- pages ---

void Room::page_came(PageId page) { pages_.try_emplace(page); }

Result<> Room::page_says(PageId id, const FromPage& message, UnixTime wall, TimePoint now) {
  auto found = pages_.find(id);
  if (found == pages_.end()) return fail(Errc::not_found);
  auto& page = found->second;
  if (auto* hello = std::get_if<PageHello>(&message)) {
    if (hello->conference != conference()) return fail(Errc::refused);
    std::optional<InviteKey> invite;
    for (const auto& bytes : hello->statements) {
      TRY(auto statement, open_statement(bytes, conference(), wall));
      if (auto* member = std::get_if<Member>(&statement.saying)) {
        page.call = member->call;
        page.member = member_id(member->call);
        invite = member->invite;
      }
    }
    if (!page.call) return fail(Errc::malformed);
    if (roster_.removed(*page.call)) {
      outputs_.to_page(id, refused_json("revoked"));
      return fail(Errc::revoked);
    }
    share(take(hello->statements, wall, now), std::nullopt, id);
    // `take` may have dismissed the page, or admitted and greeted it.
    found = pages_.find(id);
    if (found == pages_.end()) return fail(Errc::refused);
    if (found->second.admitted) {
      greet(id, found->second, wall);
    } else if (roster_.members(wall).contains(*found->second.call)) {
      found->second.admitted = true;
      outputs_.admit_page(id, found->second.member);
      greet(id, found->second, wall);
    } else {
      outputs_.to_page(id, refused_json(roster_.why_not(invite, wall)));
    }
    return {};
  }
  if (!page.call) return fail(Errc::refused);  // hello comes first
  if (auto* statements = std::get_if<PageStatements>(&message)) {
    share(take(statements->statements, wall, now), std::nullopt, id);
  } else if (auto* to = std::get_if<PageTo>(&message)) {
    if (page.admitted) deliver(page.member, to->member, to->parcel);
  } else if (auto* all = std::get_if<PageAll>(&message)) {
    // Numbers start at the wall clock, so that a room that was restarted does not repeat them.
    parcel_number_ = std::max(parcel_number_ + 1, static_cast<std::uint64_t>(wall.ms));
    if (page.admitted) spread(page.member, parcel_number_, all->parcel, std::nullopt);
  }
  return {};
}

void Room::page_went(PageId page, TimePoint) { pages_.erase(page); }

std::optional<MemberId> Room::member_of(PageId page) const {
  auto found = pages_.find(page);
  if (found == pages_.end() || !found->second.admitted) return std::nullopt;
  return found->second.member;
}

/// To the page if it is here, else to the member's entry node, else to every node: one of them has it.
void Room::deliver(const MemberId& from, const MemberId& to, const Bytes& parcel) {
  for (const auto& [id, page] : pages_) {
    if (page.member != to || !page.call) continue;
    outputs_.to_page(id, to_json_text(from, parcel));
    return;
  }
  for (const auto& [call, entry] : roster_.members(UnixTime{})) {
    (void)call;
    if (entry.id == to && entry.state.entry && peers_.contains(*entry.state.entry)) {
      outputs_.to_node(*entry.state.entry, To{from, to, parcel});
      return;
    }
  }
  for (const auto& [node, peer] : peers_) outputs_.to_node(node, To{from, to, parcel});
}

void Room::spread(const MemberId& from, std::uint64_t number, const Bytes& parcel, const std::optional<NodeKey>& except) {
  if (!parcels_.emplace(from, number).second) return;
  parcels_order_.emplace_back(from, number);
  if (parcels_order_.size() > parcels_remembered) {
    parcels_.erase(parcels_order_.front());
    parcels_order_.pop_front();
  }
  auto json = all_json(from, parcel);
  for (const auto& [id, page] : pages_)
    if (page.admitted && page.member != from) outputs_.to_page(id, json);
  for (const auto& [node, peer] : peers_)
    if (node != except) outputs_.to_node(node, All{from, number, parcel});
}

// --- nodes ---

bool Room::serves(const NodeKey& node, UnixTime wall) const {
  if (roster_.nodes(wall).contains(node)) return true;
  for (const auto& [call, entry] : roster_.members(wall))
    if (entry.state.entry == node) return true;
  return false;
}

void Room::node_came(const NodeKey& node, std::uint32_t link, const Doors& doors, UnixTime wall,
                     TimePoint now) {
  planned_.reset();  // it has no plan yet
  peers_.try_emplace(node);
  number_of(node);
  auto all = roster_.all();
  auto first = std::min(all.size(), statements_per_message_max);
  outputs_.to_node(node, Hello{conference(), link, doors.entries,
                              {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first)},
                              static_cast<Byte>(doors.proven)});
  for (std::size_t at = first; at < all.size(); at += statements_per_message_max) {
    auto end = std::min(all.size(), at + statements_per_message_max);
    outputs_.to_node(node, Statements{{all.begin() + static_cast<std::ptrdiff_t>(at),
                                       all.begin() + static_cast<std::ptrdiff_t>(end)}});
  }
  outputs_.to_node(node, Streams{own_streams_});
  steering_.on_heard(node, now);
  after_roster(wall, now);
  tell_demand();
}

void Room::node_went(const NodeKey& node, TimePoint now) {
  if (peers_.erase(node) == 0) return;
  routes_.on_down(number_of(node), now);
  steering_.on_dead(node, now);
  for (TreeId tree : routes_.carried()) children_changed(tree);
  tell_elsewhere();
  follow_routes(now);
}

void Room::tell_elsewhere() {
  std::vector<Published> elsewhere;
  for (const auto& [node, peer] : peers_) elsewhere.insert(elsewhere.end(), peer.streams.begin(), peer.streams.end());
  outputs_.published_elsewhere(elsewhere);
}

std::vector<NodeKey> Room::connected() const {
  std::vector<NodeKey> out;
  for (const auto& [node, peer] : peers_) out.push_back(node);
  return out;
}

Result<> Room::node_says(const NodeKey& node, const Message& message, UnixTime wall, TimePoint now) {
  auto found = peers_.find(node);
  if (found == peers_.end()) return fail(Errc::not_found);
  auto& peer = found->second;
  steering_.on_heard(node, now);
  if (auto* hello = std::get_if<Hello>(&message)) {
    if (hello->conference != conference()) return fail(Errc::refused);
    peer.greeted = true;
    share(take(hello->statements, wall, now), node, std::nullopt);
    return {};
  }
  if (!peer.greeted) return fail(Errc::refused);
  if (auto* statements = std::get_if<Statements>(&message)) {
    share(take(statements->statements, wall, now), node, std::nullopt);
    return {};
  }
  // What a node can and wants is remembered before it belongs, so that it need not say it again.
  if (auto* demand = std::get_if<Demand>(&message)) {
    if (peer.demand == *demand) return {};
    peer.demand = *demand;
    steering_.on_change(now);
    return {};
  }
  // The rest is for nodes that serve somebody who is in; a node of somebody who knocks waits until then.
  if (!serves(node, wall)) return {};
  if (auto* to = std::get_if<To>(&message)) {
    for (const auto& [id, page] : pages_)
      if (page.call && page.member == to->to) outputs_.to_page(id, to_json_text(to->from, to->parcel));
  } else if (auto* all = std::get_if<All>(&message)) {
    spread(all->from, all->number, all->parcel, node);
  } else if (auto* streams = std::get_if<Streams>(&message)) {
    peer.streams = streams->streams;
    tell_elsewhere();
    steering_.on_change(now);
  } else if (auto* subscribe = std::get_if<Subscribe>(&message)) {
    TreeId tree{subscribe->stream, subscribe->part};
    bool accepted = routes_.on_subscribe(number_of(node), tree).has_value();
    outputs_.to_node(node, Answer{subscribe->stream, subscribe->part, accepted});
    if (accepted) {
      children_changed(tree);
      if (subscribe->after != 0) {
        outputs_.resend(tree, parts_of(subscribe->stream), node, subscribe->after);
      } else {
        ask_key_frame(subscribe->stream);
      }
    }
  } else if (auto* answer = std::get_if<Answer>(&message)) {
    routes_.on_answer(number_of(node), {answer->stream, answer->part}, answer->accepted, now);
  } else if (auto* unsubscribe = std::get_if<Unsubscribe>(&message)) {
    TreeId tree{unsubscribe->stream, unsubscribe->part};
    routes_.on_unsubscribe(number_of(node), tree);
    children_changed(tree);
  } else if (auto* key_frame = std::get_if<KeyFrame>(&message)) {
    ask_key_frame(key_frame->stream);
  } else if (std::holds_alternative<Announce>(message)) {
    steering_.on_announce(node, now);
  } else if (auto* report = std::get_if<Report>(&message)) {
    for (const auto& dead : report->dead)
      if (!peers_.contains(dead)) steering_.on_dead(dead, now);
  } else if (auto* plan = std::get_if<PlanMessage>(&message)) {
    return on_plan(*plan, now);
  }
  follow_routes(now);
  return {};
}

// --- plan and routes ---

void Room::publish(std::vector<Published> streams, TimePoint now) {
  if (streams == own_streams_) return;
  own_streams_ = std::move(streams);
  for (const auto& [node, peer] : peers_) outputs_.to_node(node, Streams{own_streams_});
  steering_.on_change(now);
}

void Room::need(std::set<std::uint32_t> streams, TimePoint now) {
  if (streams == needed_) return;
  needed_ = std::move(streams);
  tell_demand();
  steering_.on_change(now);
}

/// Everyone hears what everyone wants: whoever comes to lead can plan at once.
void Room::tell_demand() {
  Demand demand{{needed_.begin(), needed_.end()}, uplink_bps_, {}};
  for (const auto& [node, rtt] : rtts_) demand.rtts_us.emplace_back(node, static_cast<std::uint32_t>(rtt.count()));
  for (const auto& [node, peer] : peers_) outputs_.to_node(node, demand);
}

void Room::follow_routes(TimePoint now) {
  while (auto action = routes_.next(now)) {
    if (auto* ask = std::get_if<Routes::Subscribe>(&*action)) {
      if (peers_.contains(nodes_[ask->to])) {
        outputs_.to_node(nodes_[ask->to], Subscribe{ask->tree.stream, ask->tree.part, parts_of(ask->tree.stream), ask->after});
      } else {
        routes_.on_unreachable(ask->to, ask->tree, now);
      }
    } else if (auto* drop = std::get_if<Routes::Unsubscribe>(&*action)) {
      if (peers_.contains(nodes_[drop->to])) outputs_.to_node(nodes_[drop->to], Unsubscribe{drop->tree.stream, drop->tree.part});
    }
  }
  for (NodeIndex silent : routes_.silent())
    if (peers_.contains(nodes_[silent])) steering_.on_dead(nodes_[silent], now);
}

void Room::links_changed() {
  for (TreeId tree : routes_.carried()) children_changed(tree);
}

void Room::children_changed(TreeId tree) {
  std::vector<NodeKey> nodes;
  for (NodeIndex child : routes_.children(tree)) nodes.push_back(nodes_[child]);
  outputs_.children(tree, parts_of(tree.stream), nodes);
}

void Room::heard(const NodeKey& node, TimePoint now) {
  routes_.on_heard(number_of(node), now);
  steering_.on_heard(node, now);
}

void Room::packet(TreeId tree, std::uint32_t sequence, const NodeKey& from, TimePoint now) {
  (void)routes_.on_packet(tree, sequence, from == self_ ? NodeIndex{0} : number_of(from), now);
}

Byte Room::parts_of(std::uint32_t stream) const {
  auto found = parts_.find(stream);
  return found == parts_.end() ? Byte{1} : found->second;
}

/// Up the tree if it comes from elsewhere, to our own page otherwise.
void Room::ask_key_frame(std::uint32_t stream) {
  for (const auto& own : own_streams_)
    if (own.stream == stream) return outputs_.key_frame(stream);
  for (const auto& [node, peer] : peers_)
    for (const auto& published : peer.streams)
      if (published.stream == stream) return outputs_.to_node(node, KeyFrame{stream});
}

void Room::advance(UnixTime wall, TimePoint now) {
  follow_routes(now);
  while (auto action = steering_.next(now)) {
    if (std::holds_alternative<Steering::Announce>(*action)) {
      for (const auto& [node, peer] : peers_) outputs_.to_node(node, Announce{plan_version_});
    } else if (auto* report = std::get_if<Steering::Report>(&*action)) {
      if (peers_.contains(report->to)) outputs_.to_node(report->to, Report{report->dead});
    } else if (auto* replan = std::get_if<Steering::Replan>(&*action)) {
      make_and_publish(replan->version, replan->alive, now);
    }
  }
  if (now - swept_ < sweep_every) return;
  swept_ = now;
  tell_demand();
  after_roster(wall, now);  // statements expire
}

TimePoint Room::deadline() const {
  return std::min({routes_.deadline(), steering_.deadline(), swept_ + sweep_every});
}

}  // namespace conclave::calls
