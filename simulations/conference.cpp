#include "simulations/conference.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "crypto/ensure.hpp"
#include "node/calls/planner.hpp"
#include "node/calls/routes.hpp"
#include "node/calls/steering.hpp"
#include "simulations/world.hpp"

namespace conclave::sim {
namespace {

using calls::NodeIndex;
using calls::TreeId;
using namespace std::chrono_literals;

constexpr std::size_t packet_max = 1260;  ///< 1200 bytes of media; IP, UDP, our header and tag
constexpr Duration ring_span = 1s;
constexpr Duration queue_max = 300ms;  ///< an uplink's buffer; home routers have more, and it helps nobody
constexpr unsigned speaker_fps = 25;
constexpr unsigned tile_fps = 10;

struct MediaPacket {
  TreeId tree;
  std::uint32_t sequence = 0;
  std::uint32_t frame = 0;
  std::uint16_t of_frame = 1;  ///< packets in this frame
  std::uint16_t size = 0;
  TimePoint sent{};
};

/// What one receiver sees of one stream.
struct Picture {
  std::map<std::uint32_t, unsigned> arrived;  ///< packets of frames that are not complete yet
  std::uint64_t frames = 0;
  TimePoint last{};
  Duration longest_gap{};
  Duration delay_sum{};
  std::uint64_t delays = 0;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// The bound-relative rate that `feasible` allows, found by halving.
template <class Feasible>
double reach(const calls::PlanInput& input, double bound, Feasible feasible) {
  auto allows = [&](double factor) {
    auto scaled = input;
    for (auto& stream : scaled.streams) stream.rate_bps = static_cast<std::uint32_t>(stream.rate_bps * factor);
    return feasible(scaled);
  };
  double low = allows(bound * 0.9) ? bound * 0.9 : 0;
  double high = low > 0 ? bound : bound * 0.9;
  for (int step = 0; step < 8; ++step) {
    double factor = (low + high) / 2;
    (allows(factor) ? low : high) = factor;
  }
  return low / bound;
}

double full_mesh_reach(const calls::PlanInput& input) {
  std::vector<double> sends(input.nodes.size());
  for (const auto& stream : input.streams)
    sends[stream.source] += static_cast<double>(stream.rate_bps) * static_cast<double>(stream.receivers.size());
  double factor = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < sends.size(); ++i)
    if (sends[i] > 0) factor = std::min(factor, static_cast<double>(input.nodes[i].uplink_bps) / sends[i]);
  return factor / calls::rate_bound(input);
}

NodeIndex best_host(const calls::PlanInput& input) {
  NodeIndex best = 0;
  for (NodeIndex i = 1; i < input.nodes.size(); ++i)
    if (input.nodes[i].uplink_bps > input.nodes[best].uplink_bps) best = i;
  return best;
}

double best_host_reach(const calls::PlanInput& input) {
  auto host = best_host(input);
  std::vector<double> sends(input.nodes.size());
  for (const auto& stream : input.streams) {
    auto receivers = static_cast<double>(stream.receivers.size());
    if (stream.source != host) {
      sends[stream.source] += stream.rate_bps;
      if (std::binary_search(stream.receivers.begin(), stream.receivers.end(), host)) receivers -= 1;
    }
    sends[host] += stream.rate_bps * receivers;
  }
  double factor = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < sends.size(); ++i)
    if (sends[i] > 0) factor = std::min(factor, static_cast<double>(input.nodes[i].uplink_bps) / sends[i]);
  return factor / calls::rate_bound(input);
}

class Conference {
 public:
  explicit Conference(const ConferenceSettings& settings)
      : settings_(settings),
        input_(conference_input(settings)),
        random_(settings.seed, 2),
        end_(Duration(static_cast<std::int64_t>(settings.seconds * 1e6))),
        kill_at_(end_ / 2) {}

  ConferenceFigures run();

 private:
  struct Member {
    explicit Member(NodeIndex self, const ConferenceKey& conference, const NodeKey& key)
        : routes(self), steering(conference, key) {}
    calls::Routes routes;
    calls::Steering steering;
    calls::PlanInput input;  ///< what it checks plans against
    std::uint64_t plan_version = 0;
    bool alive = true;
    TimePoint line_free{};
    std::map<std::int64_t, std::uint64_t> bits_in_second;
    std::map<TreeId, std::deque<MediaPacket>> ring;
    std::map<std::uint32_t, std::uint32_t> next_sequence;
    std::map<std::uint32_t, Picture> pictures;
    std::map<NodeIndex, TimePoint> last_sent;
  };

  TimePoint now() const { return world_.now(); }
  Duration half_rtt(NodeIndex a, NodeIndex b) const { return Duration(input_.rtt(a, b) / 2); }
  void tell(NodeIndex from, NodeIndex to, std::function<void()> then);
  void send(NodeIndex from, NodeIndex to, const MediaPacket& packet);
  void receive(NodeIndex from, NodeIndex to, const MediaPacket& packet);
  void show(NodeIndex at, const MediaPacket& packet);
  void forward(NodeIndex at, const MediaPacket& packet);
  void capture(std::size_t stream, std::uint32_t frame);
  void tick(NodeIndex at);
  void act(NodeIndex at, const calls::Routes::Action& action);
  void act(NodeIndex at, const calls::Steering::Action& action);
  void adopt(NodeIndex at, const calls::Plan& plan, const std::vector<NodeKey>& alive);
  void kill();
  /// Frames of the quiet part: after the start, and old enough at the deaths to have arrived.
  bool counted(TimePoint sent) const { return sent >= TimePoint(2s) && sent < TimePoint(kill_at_ - 1s); }
  NodeIndex index(const NodeKey& key) const { return key.bytes[0]; }
  std::pair<calls::PlanInput, std::vector<NodeIndex>> input_for(const std::vector<NodeKey>& alive) const;

  ConferenceSettings settings_;
  calls::PlanInput input_;
  SeededRandom random_;
  Duration end_;
  Duration kill_at_;
  World world_;
  std::vector<Member> members_;
  ConferenceFigures figures_;
  bool watching_ = false;
  std::vector<std::uint64_t> captured_;
};

/// Control messages are small: they take the wire's time and no room in the uplink.
void Conference::tell(NodeIndex from, NodeIndex to, std::function<void()> then) {
  world_.at(now() + half_rtt(from, to), [this, to, then = std::move(then)] {
    if (members_[to].alive) then();
  });
}

void Conference::send(NodeIndex from, NodeIndex to, const MediaPacket& packet) {
  auto& member = members_[from];
  const double line_bps = static_cast<double>(input_.nodes[from].uplink_bps) / 0.85;
  const auto bits = static_cast<double>(packet.size) * 8;
  auto begin = std::max(now(), member.line_free);
  if (begin - now() > queue_max) {
    ++figures_.dropped;
    return;
  }
  member.line_free = begin + Duration(static_cast<std::int64_t>(bits / line_bps * 1e6));
  member.bits_in_second[begin.time_since_epoch() / 1s] += static_cast<std::uint64_t>(bits);
  member.last_sent[to] = now();
  auto jitter = Duration(static_cast<std::int64_t>(random_.below(2000)));
  world_.at(member.line_free + half_rtt(from, to) + jitter, [this, from, to, packet] { receive(from, to, packet); });
}

void Conference::receive(NodeIndex from, NodeIndex to, const MediaPacket& packet) {
  auto& member = members_[to];
  if (!member.alive) return;
  if (!member.routes.on_packet(packet.tree, packet.sequence, from, now())) return;
  show(to, packet);
  forward(to, packet);
}

void Conference::forward(NodeIndex at, const MediaPacket& packet) {
  auto& member = members_[at];
  auto& ring = member.ring[packet.tree];
  ring.push_back(packet);
  while (now() - ring.front().sent > ring_span + 500ms) ring.pop_front();
  for (NodeIndex child : member.routes.children(packet.tree)) send(at, child, packet);
}

void Conference::show(NodeIndex at, const MediaPacket& packet) {
  auto& picture = members_[at].pictures[packet.tree.stream];
  if (counted(packet.sent)) {
    picture.delay_sum += now() - packet.sent;
    ++picture.delays;
  }
  if (++picture.arrived[packet.frame] < packet.of_frame) return;
  picture.arrived.erase(picture.arrived.begin(), picture.arrived.upper_bound(packet.frame));
  if (watching_) picture.longest_gap = std::max(picture.longest_gap, now() - picture.last);
  picture.last = now();
  if (counted(packet.sent)) ++picture.frames;
}

void Conference::capture(std::size_t at, std::uint32_t frame) {
  const auto& stream = input_.streams[at];
  auto& member = members_[stream.source];
  if (!member.alive || now() >= TimePoint(end_)) return;
  unsigned fps = stream.source == 0 ? speaker_fps : tile_fps;
  Byte parts = 1;
  // The packets of a stream are dealt to its parts in turn; the plan in force says how many there are.
  for (Byte part = 1; part < calls::parts_max && !member.routes.children({stream.id, part}).empty(); ++part)
    parts = static_cast<Byte>(part + 1);
  // The planner's rates are what the wire carries, headers included.
  std::size_t bytes = stream.rate_bps / 8 / fps;
  auto count = static_cast<std::uint16_t>((bytes + packet_max - 1) / packet_max);
  if (counted(now())) ++captured_[at];
  for (std::uint16_t i = 0; i < count; ++i) {
    auto sequence = ++member.next_sequence[stream.id];
    MediaPacket packet{{stream.id, static_cast<Byte>(sequence % parts)}, sequence, frame, count,
                       static_cast<std::uint16_t>(bytes / count), now()};
    member.routes.on_packet(packet.tree, sequence, stream.source, now());
    forward(stream.source, packet);
  }
  world_.at(now() + Duration(1'000'000 / fps), [this, at, frame] { capture(at, frame + 1); });
}

void Conference::act(NodeIndex at, const calls::Routes::Action& action) {
  if (auto* ask = std::get_if<calls::Routes::Subscribe>(&action)) {
    tell(at, ask->to, [this, at, ask = *ask] {
      auto& parent = members_[ask.to];
      bool accepted = parent.routes.on_subscribe(at, ask.tree).has_value();
      tell(ask.to, at, [this, at, ask, accepted] { members_[at].routes.on_answer(ask.to, ask.tree, accepted, now()); });
      if (!accepted) return;
      for (const auto& packet : parent.ring[ask.tree])
        if (static_cast<std::int32_t>(packet.sequence - ask.after) > 0 && ask.after != 0) send(ask.to, at, packet);
    });
  } else if (auto* drop = std::get_if<calls::Routes::Unsubscribe>(&action)) {
    tell(at, drop->to, [this, at, drop = *drop] { members_[drop.to].routes.on_unsubscribe(at, drop.tree); });
  }
}

void Conference::act(NodeIndex at, const calls::Steering::Action& action) {
  const auto key = input_.nodes[at].key;
  if (std::holds_alternative<calls::Steering::Announce>(action)) {
    for (NodeIndex to = 0; to < members_.size(); ++to)
      if (to != at) tell(at, to, [this, to, key] { members_[to].steering.on_announce(key, now()); });
  } else if (auto* report = std::get_if<calls::Steering::Report>(&action)) {
    tell(at, index(report->to), [this, report = *report] {
      for (const auto& dead : report.dead) members_[index(report.to)].steering.on_dead(dead, now());
    });
  } else if (auto* replan = std::get_if<calls::Steering::Replan>(&action)) {
    auto [input, numbers] = input_for(replan->alive);
    auto plan = calls::make_plan(input, replan->version);
    ++figures_.plans;
    for (NodeIndex to = 0; to < members_.size(); ++to) {
      if (to == at) continue;
      tell(at, to, [this, to, plan, alive = replan->alive] { adopt(to, plan, alive); });
    }
    adopt(at, plan, replan->alive);
  }
}

/// The conference among those who are left, in the plan's own numbering, and how that maps to ours.
std::pair<calls::PlanInput, std::vector<NodeIndex>> Conference::input_for(const std::vector<NodeKey>& alive) const {
  calls::PlanInput out;
  std::vector<NodeIndex> numbers;
  std::vector<NodeIndex> place(input_.nodes.size(), calls::nobody);
  for (const auto& key : alive) {
    place[index(key)] = static_cast<NodeIndex>(numbers.size());
    numbers.push_back(index(key));
    out.nodes.push_back(input_.nodes[index(key)]);
  }
  for (NodeIndex a : numbers)
    for (NodeIndex b : numbers) out.rtt_us.push_back(input_.rtt(a, b));
  for (auto stream : input_.streams) {
    if (place[stream.source] == calls::nobody) continue;
    stream.source = place[stream.source];
    std::vector<NodeIndex> receivers;
    for (NodeIndex receiver : stream.receivers)
      if (place[receiver] != calls::nobody) receivers.push_back(place[receiver]);
    stream.receivers = std::move(receivers);
    out.streams.push_back(std::move(stream));
  }
  return {std::move(out), std::move(numbers)};
}

void Conference::adopt(NodeIndex at, const calls::Plan& plan, const std::vector<NodeKey>& alive) {
  auto& member = members_[at];
  if (plan.version <= member.plan_version) return;
  auto [input, numbers] = input_for(alive);
  ensure(calls::check_plan(plan, input).has_value(), "an honest coordinator's plan passes the check");
  auto ours = plan;
  for (auto& tree : ours.trees) {
    tree.source = numbers[tree.source];
    for (auto& hop : tree.hops) {
      hop.node = numbers[hop.node];
      hop.parent = numbers[hop.parent];
      if (hop.second != calls::nobody) hop.second = numbers[hop.second];
    }
  }
  member.plan_version = plan.version;
  member.steering.on_plan(plan.version);
  member.routes.apply(ours, now());
}

/// What a node's timers do, every ten milliseconds.
void Conference::tick(NodeIndex at) {
  auto& member = members_[at];
  if (!member.alive || now() >= TimePoint(end_)) return;
  for (NodeIndex node : member.routes.silent()) member.steering.on_dead(input_.nodes[node].key, now());
  while (auto action = member.routes.next(now())) act(at, *action);
  while (auto action = member.steering.next(now())) act(at, *action);
  for (NodeIndex listener : member.routes.listeners()) {
    if (now() - member.last_sent[listener] < 100ms) continue;
    member.last_sent[listener] = now();
    tell(at, listener, [this, at, listener] { members_[listener].routes.on_heard(at, now()); });
  }
  world_.at(now() + 10ms, [this, at] { tick(at); });
}

void Conference::kill() {
  std::vector<NodeIndex> forwarders;
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    bool forwards = false;
    for (const auto& stream : input_.streams)
      for (Byte part = 0; part < calls::parts_max; ++part)
        forwards |= stream.source != i && !members_[i].routes.children({stream.id, part}).empty();
    if (forwards) forwarders.push_back(i);
  }
  figures_.forwarders = forwarders.size();
  // The speaker lives: without a speaker there is nothing to watch.
  std::erase(forwarders, NodeIndex{0});
  auto count = static_cast<std::size_t>(std::ceil(settings_.killed * static_cast<double>(forwarders.size())));
  for (std::size_t i = 0; i < count; ++i) {
    auto at = random_.below(forwarders.size());
    members_[forwarders[at]].alive = false;
    forwarders.erase(forwarders.begin() + static_cast<std::ptrdiff_t>(at));
  }
  figures_.killed = count;
  watching_ = true;
}

ConferenceFigures Conference::run() {
  figures_.bound = calls::rate_bound(input_);
  figures_.reached = reach(input_, figures_.bound,
                           [](const calls::PlanInput& scaled) { return calls::make_plan(scaled, 1).unserved.empty(); });
  figures_.full_mesh = full_mesh_reach(input_);
  figures_.best_host = best_host_reach(input_);

  auto plan = calls::make_plan(input_, 1);
  auto host = best_host(input_);
  std::vector<double> detours, host_detours;
  for (const auto& tree : plan.trees) {
    auto delay = calls::path_delay_us(tree, input_);
    std::vector<unsigned> depth(input_.nodes.size());
    for (const auto& hop : tree.hops) {
      depth[hop.node] = depth[hop.parent] + 1;
      figures_.depth_max = std::max(figures_.depth_max, depth[hop.node]);
      double direct = input_.rtt(tree.source, hop.node) / 2.0;
      detours.push_back(delay[hop.node] / direct);
      host_detours.push_back((input_.rtt(tree.source, host) + input_.rtt(host, hop.node)) / 2.0 / direct);
    }
  }
  figures_.detour_p50 = percentile(detours, 0.5);
  figures_.detour_p95 = percentile(detours, 0.95);
  figures_.host_detour_p95 = percentile(host_detours, 0.95);

  ConferenceKey conference = random_.fixed<ConferenceKey>();
  std::vector<calls::Candidate> everyone;
  for (const auto& node : input_.nodes) everyone.push_back({node.key, false});
  captured_.resize(input_.streams.size());
  for (NodeIndex i = 0; i < input_.nodes.size(); ++i) members_.emplace_back(i, conference, input_.nodes[i].key);
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    members_[i].steering.set_members(everyone, now());
    world_.at(now() + Duration(static_cast<std::int64_t>(random_.below(10'000))), [this, i] { tick(i); });
  }
  for (std::size_t i = 0; i < input_.streams.size(); ++i)
    world_.at(TimePoint(1s) + Duration(static_cast<std::int64_t>(random_.below(100'000))), [this, i] { capture(i, 1); });
  world_.at(TimePoint(kill_at_), [this] { kill(); });
  world_.at(TimePoint(kill_at_ + 5s), [this] { watching_ = false; });
  world_.run(TimePoint(end_ + 1s));

  std::vector<double> delays, frozen;
  std::uint64_t shown = 0;
  std::uint64_t due = 0;
  for (std::size_t s = 0; s < input_.streams.size(); ++s) {
    const auto& stream = input_.streams[s];
    double interval_ms = 1000.0 / (stream.source == 0 ? speaker_fps : tile_fps);
    for (NodeIndex receiver : stream.receivers) {
      const auto& picture = members_[receiver].pictures[stream.id];
      if (picture.delays > 0)
        delays.push_back(static_cast<double>(picture.delay_sum.count()) / static_cast<double>(picture.delays) / 1e3);
      shown += std::min(picture.frames, captured_[s]);
      due += captured_[s];
      if (members_[stream.source].alive && members_[receiver].alive && figures_.killed > 0) {
        auto gap = std::max(picture.longest_gap, picture.last < TimePoint(kill_at_ + 4s) ? Duration(5s) : Duration(0));
        frozen.push_back(std::max(0.0, static_cast<double>(gap.count()) / 1e3 - interval_ms));
      }
    }
  }
  figures_.delay_p50_ms = percentile(delays, 0.5);
  figures_.delay_p95_ms = percentile(delays, 0.95);
  figures_.frozen_p50_ms = percentile(frozen, 0.5);
  figures_.frozen_p95_ms = percentile(frozen, 0.95);
  figures_.frozen_max_ms = percentile(frozen, 1);
  figures_.seen = due > 0 ? static_cast<double>(shown) / static_cast<double>(due) : 0;
  for (NodeIndex i = 0; i < members_.size(); ++i)
    for (const auto& [second, bits] : members_[i].bits_in_second)
      figures_.uplink_peak = std::max(
          figures_.uplink_peak, static_cast<double>(bits) / (static_cast<double>(input_.nodes[i].uplink_bps) / 0.85));
  return figures_;
}

}  // namespace

ConferenceFigures run_conference(const ConferenceSettings& settings) { return Conference(settings).run(); }

}  // namespace conclave::sim
