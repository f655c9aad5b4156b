#include "node/calls/routes.hpp"

namespace conclave::calls {

void Routes::apply(const Plan& plan, TimePoint now) {
  std::set<TreeId> planned;
  for (const auto& tree : plan.trees) {
    TreeId id{tree.stream, tree.part};
    if (auto known = feeds_.find(id); known != feeds_.end())
      std::erase_if(known->second.children, [&](NodeIndex child) {
        return std::ranges::find(tree.hops, child, &Hop::node) == tree.hops.end();
      });
    if (tree.source == self_) {
      planned.insert(id);
      feeds_[id];
      continue;
    }
    for (const auto& hop : tree.hops) {
      if (hop.node != self_) continue;
      planned.insert(id);
      auto& feed = feeds_[id];
      if (feed.asked) actions_.push_back(Unsubscribe{feed.sources[feed.at], id});
      feed.asked = false;
      feed.at = 0;
      feed.sources = {hop.parent};
      for (NodeIndex other : {hop.second, tree.source})
        if (other != nobody && other != self_ &&
            std::find(feed.sources.begin(), feed.sources.end(), other) == feed.sources.end())
          feed.sources.push_back(other);
      if (feed.from != hop.parent) turn_to(id, feed, 0, now);
    }
  }
  for (auto at = feeds_.begin(); at != feeds_.end();) {
    if (planned.contains(at->first)) {
      ++at;
      continue;
    }
    if (at->second.from != nobody) actions_.push_back(Unsubscribe{at->second.from, at->first});
    at = feeds_.erase(at);
  }
}

void Routes::on_heard(NodeIndex from, TimePoint now) {
  if (auto found = heard_.find(from); found != heard_.end()) found->second = std::max(found->second, now);
  silent_.erase(from);
}

/// Sequence numbers wrap; the newest is at most half the circle ahead (RFC 1982).
bool Routes::is_new(Feed& feed, std::uint32_t sequence) {
  if (!feed.any) {
    feed.any = true;
    feed.newest = sequence;
    feed.window = 1;
    return true;
  }
  auto ahead = static_cast<std::int32_t>(sequence - feed.newest);
  if (ahead > 0) {
    feed.window = ahead < 64 ? feed.window << ahead | 1 : 1;
    feed.newest = sequence;
    return true;
  }
  auto behind = static_cast<std::uint32_t>(-ahead);
  if (behind >= 64 || (feed.window >> behind & 1) != 0) return false;
  feed.window |= std::uint64_t{1} << behind;
  return true;
}

bool Routes::on_packet(TreeId tree, std::uint32_t sequence, NodeIndex from, TimePoint now) {
  on_heard(from, now);
  auto found = feeds_.find(tree);
  if (found == feeds_.end()) return false;
  auto& feed = found->second;
  // Only those whom we asked, now or last, may feed us.
  if (from != self_ && feed.from != from && !(feed.asked && feed.sources[feed.at] == from)) return false;
  feed.stall = times_.stall;
  feed.stalled_at = now + feed.stall;
  return is_new(feed, sequence);
}

void Routes::on_answer(NodeIndex from, TreeId tree, bool accepted, TimePoint now) {
  on_heard(from, now);
  auto found = feeds_.find(tree);
  if (found == feeds_.end()) return;
  auto& feed = found->second;
  if (!feed.asked && feed.from == from && !accepted) {  // asked again, it has nothing for us any more
    feed.from = nobody;
    return turn_away(tree, feed, now);
  }
  if (!feed.asked || feed.sources[feed.at] != from) return;  // it comes late: we have turned elsewhere
  if (!accepted) return turn_away(tree, feed, now);
  if (feed.from != nobody && feed.from != from) actions_.push_back(Unsubscribe{feed.from, tree});
  feed.from = from;
  feed.asked = false;
  feed.stalled_at = std::max(feed.stalled_at, now + feed.stall);
}

Result<> Routes::on_subscribe(NodeIndex from, TreeId tree) {
  auto found = feeds_.find(tree);
  if (found == feeds_.end()) return fail(Errc::not_found);
  auto& children = found->second.children;
  if (std::find(children.begin(), children.end(), from) != children.end()) return {};
  if (children.size() >= children_max) return fail(Errc::limit_reached);
  children.push_back(from);
  return {};
}

void Routes::on_unsubscribe(NodeIndex from, TreeId tree) {
  if (auto found = feeds_.find(tree); found != feeds_.end()) std::erase(found->second.children, from);
}

void Routes::on_down(NodeIndex node, TimePoint now) {
  for (auto& [id, feed] : feeds_) std::erase(feed.children, node);
  on_silent(node, now);
}

void Routes::on_silent(NodeIndex node, TimePoint now) {
  silent_.insert(node);
  heard_.erase(node);
  for (auto& [id, feed] : feeds_) {
    if (feed.from == node) feed.from = nobody;
    bool waiting_for_it = feed.asked && feed.sources[feed.at] == node;
    if (waiting_for_it || (feed.from == nobody && !feed.asked && !feed.sources.empty()))
      turn_away(id, feed, now);
  }
}

void Routes::on_unreachable(NodeIndex to, TreeId tree, TimePoint now) {
  silent_.insert(to);
  auto found = feeds_.find(tree);
  if (found == feeds_.end()) return;
  auto& feed = found->second;
  if (!feed.asked || feed.sources[feed.at] != to) return;
  auto alive = [&](NodeIndex source) { return !silent_.contains(source); };
  if (std::any_of(feed.sources.begin(), feed.sources.end(), alive)) turn_away(tree, feed, now);
}

const std::vector<NodeIndex>& Routes::children(TreeId tree) const {
  static const std::vector<NodeIndex> none;
  auto found = feeds_.find(tree);
  return found == feeds_.end() ? none : found->second.children;
}

std::vector<TreeId> Routes::carried() const {
  std::vector<TreeId> out;
  for (const auto& [id, feed] : feeds_) out.push_back(id);
  return out;
}

std::set<NodeIndex> Routes::listeners() const {
  std::set<NodeIndex> out;
  for (const auto& [id, feed] : feeds_) out.insert(feed.children.begin(), feed.children.end());
  return out;
}

void Routes::turn_to(TreeId id, Feed& feed, std::size_t at, TimePoint now) {
  // Whoever was asked and did not answer may have heard us all the same.
  if (feed.asked && feed.at < feed.sources.size() && feed.sources[feed.at] != feed.sources[at])
    actions_.push_back(Unsubscribe{feed.sources[feed.at], id});
  feed.at = at;
  feed.asked = true;
  feed.asked_until = now + times_.answer_max;
  heard_.try_emplace(feed.sources[at], now);
  actions_.push_back(Subscribe{feed.sources[at], id, feed.newest});
}

void Routes::turn_away(TreeId id, Feed& feed, TimePoint now) {
  // The next one that is not known to be dead; if all are, the next one all the same.
  for (std::size_t step = 1; step <= feed.sources.size(); ++step) {
    auto at = (feed.at + step) % feed.sources.size();
    if (!silent_.contains(feed.sources[at])) return turn_to(id, feed, at, now);
  }
  turn_to(id, feed, (feed.at + 1) % feed.sources.size(), now);
}

bool Routes::depends_on(NodeIndex node) const {
  for (const auto& [id, feed] : feeds_)
    if (feed.from == node || (feed.asked && feed.sources[feed.at] == node)) return true;
  return false;
}

std::optional<Routes::Action> Routes::next(TimePoint now) {
  if (actions_.empty()) {
    std::vector<NodeIndex> quiet;
    for (const auto& [node, when] : heard_)
      if (now - when >= times_.silence_max) quiet.push_back(node);
    for (NodeIndex node : quiet) {
      if (depends_on(node)) {
        on_silent(node, now);
      } else {
        heard_.erase(node);  // it owes us nothing any more
      }
    }
    for (auto& [id, feed] : feeds_) {
      if (feed.asked && now >= feed.asked_until) turn_away(id, feed, now);
      if (feed.asked || feed.from == nobody || now < feed.stalled_at) continue;
      feed.stall = std::min(2 * std::max(feed.stall, times_.stall), times_.stall_max);
      feed.stalled_at = now + feed.stall;
      actions_.push_back(Subscribe{feed.from, id, feed.newest});
    }
  }
  if (actions_.empty()) return std::nullopt;
  auto action = actions_.front();
  actions_.pop_front();
  return action;
}

TimePoint Routes::deadline() const {
  if (!actions_.empty()) return TimePoint::min();
  auto when = TimePoint::max();
  for (const auto& [node, heard] : heard_) when = std::min(when, heard + times_.silence_max);
  for (const auto& [id, feed] : feeds_) {
    if (feed.asked) {
      when = std::min(when, feed.asked_until);
    } else if (feed.from != nobody) {
      when = std::min(when, feed.stalled_at);
    }
  }
  return when;
}

}  // namespace conclave::calls
