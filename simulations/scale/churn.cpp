#include "simulations/scale/churn.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace conclave::sim {

using dht::Handle;

Churn::Churn(Swarm& swarm, const ChurnModel& model, Random& random)
    : swarm_(swarm), model_(model), random_(random.next(), 0xc4), lives_(swarm.population().size()) {
  for (std::uint32_t i = 0; i < swarm.population().size(); ++i)
    if (swarm.population().at(Handle(i)).role != Role::adversary) honest_.push_back(Handle(i));
}

Duration Churn::draw() {
  const double median = static_cast<double>(model_.median.count());
  const double scale = median / std::pow(std::log(2.0), 1 / model_.shape);
  const double length = scale * std::pow(-std::log(1 - random_.unit()), 1 / model_.shape);
  // A week is for ever here; nobody stays less than ten seconds.
  return Duration(static_cast<Duration::rep>(std::clamp(length, 1e7, 6.048e11)));
}

void Churn::start(Duration within) {
  auto order = honest_;
  for (Handle node : order) swarm_.population().at(node).live = false;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
  const auto count = static_cast<Duration::rep>(order.size());
  for (Duration::rep i = 0; i < count; ++i) {
    Handle node = order[static_cast<std::size_t>(i)];
    // Whom one meets at a random moment is likelier in a long session: the longer of two draws, at a random
    // place.
    auto stay = std::max(draw(), draw());
    auto rest =
        Duration(static_cast<Duration::rep>(random_.unit() * static_cast<double>(stay.count()))) + within;
    if (i % 2 == 0) {
      swarm_.at(swarm_.now() + within * i / count, [this, node, rest] { arrive(node, rest); });
    } else {
      swarm_.at(swarm_.now() + rest, [this, node] { arrive(node, draw()); });
    }
  }
}

void Churn::arrive(Handle node, Duration stay) {
  auto& life = lives_[node.raw()];
  auto& person = swarm_.population().at(node);
  person.live = true;
  life.up = true;
  life.since = swarm_.now();
  ++up_;
  ++arrivals_;
  const auto spread = 2 * static_cast<std::uint64_t>(model_.clock_offset_max.count()) + 1;
  std::chrono::milliseconds offset{static_cast<std::int64_t>(random_.below(spread)) -
                                   model_.clock_offset_max.count()};
  auto& core = swarm_.wake_up(node, offset);
  std::vector<Handle> known;
  for (auto& [peer, rtt] : life.saved) {
    core.table().restore(peer, rtt);
    if (known.size() < 20) known.push_back(peer);
  }
  // Who has nobody to start from has a friend's link, which names three who can be reached.
  const auto guides = life.saved.empty() ? std::min<std::size_t>(3, up_ - 1) : 0;
  for (int tries = 0; known.size() < guides && tries < 1000; ++tries) {
    Handle guide = random_up(random_, Duration{});
    const bool named = std::find(known.begin(), known.end(), guide) != known.end();
    if (guide != node && !named && swarm_.population().at(guide).role == Role::honest) known.push_back(guide);
  }
  if (!known.empty()) core.join(known, swarm_.now());
  if (model_.publishes) {
    auto publisher = life.entry ? life.entry->publisher : random_.fixed<SigningPublicKey>();
    auto point = life.entry ? life.entry->point : random_.fixed<dht::Key>();
    swarm_.at(swarm_.now() + std::chrono::seconds(5), [this, node, publisher, point, since = life.since] {
      auto& now_living = lives_[node.raw()];
      if (!now_living.up || now_living.since != since) return;
      auto wall = swarm_.wall();
      now_living.entry =
          make_record(point, publisher, static_cast<std::uint64_t>(wall.ms), wall + std::chrono::hours(36));
      now_living.published = swarm_.now();
      swarm_.core(node)->publish(now_living.entry, swarm_.now());
      // Contacts that do not answer where they were last are looked for; those who went stand there still.
      for (unsigned i = 0; i < model_.contacts; ++i) {
        Handle contact = honest_[random_.below(honest_.size())];
        if (lives_[contact.raw()].up || !lives_[contact.raw()].entry) continue;
        auto id = swarm_.core(node)->get(lives_[contact.raw()].entry->point, swarm_.moment(node));
        if (id != dht::OperationId{}) reads_[{node.raw(), id.raw()}] = true;
      }
      swarm_.pump(node);
    });
  }
  swarm_.at(swarm_.now() + stay, [this, node, since = life.since] {
    if (lives_[node.raw()].up && lives_[node.raw()].since == since) leave(node);
  });
  swarm_.pump(node);
}

void Churn::leave(Handle node) {
  auto& life = lives_[node.raw()];
  auto* core = swarm_.core(node);
  life.saved.clear();
  for (Handle anchor : core->anchors(8))
    if (auto* entry = core->table().find(anchor)) life.saved.emplace_back(anchor, entry->rtt);
  for (auto& entry : core->table().entries())
    if (std::find_if(life.saved.begin(), life.saved.end(), [&](auto& s) { return s.first == entry.peer; }) ==
        life.saved.end())
      life.saved.emplace_back(entry.peer, entry.rtt);
  swarm_.put_down(node);
  swarm_.population().at(node).live = false;
  life.up = false;
  --up_;
  lived_ += static_cast<double>((swarm_.now() - life.since).count()) * 1e-6;
  swarm_.at(swarm_.now() + draw(), [this, node] { arrive(node, draw()); });
}

double Churn::lived_seconds(TimePoint now) const {
  double sum = lived_;
  for (auto& life : lives_)
    if (life.up) sum += static_cast<double>((now - life.since).count()) * 1e-6;
  return sum;
}

Handle Churn::random_up(Random& random, Duration age) const {
  for (;;) {
    Handle node = honest_[random.below(honest_.size())];
    auto& life = lives_[node.raw()];
    if (life.up && swarm_.now() - life.since >= age) return node;
  }
}

void Churn::on_outcome(Handle node, const dht::Outcome& outcome) {
  reads_.erase({node.raw(), outcome.id.raw()});
}

void Churn::on_found(Handle node, const dht::Found& found) {
  // Found: the rest of the region need not be asked.
  if (reads_.erase({node.raw(), found.id.raw()}) > 0 && swarm_.core(node))
    swarm_.core(node)->cancel(found.id);
}

namespace {

struct Search {
  TimePoint started;
  dht::RecordPtr wanted;  ///< of a read
  bool found = false;
};

/// Nobody who lived from a minute before the search until now and stands nearer than the furthest found is
/// missing.
bool complete(Swarm& swarm, Churn& churn, Handle node, const dht::Outcome& outcome, TimePoint started) {
  auto& population = swarm.population();
  const auto k = swarm.parameters().k;
  auto truth = population.nearest(outcome.target, k, [&](const Population::Person& p) {
    Handle handle(static_cast<std::uint32_t>(&p - &population.at(Handle(0))));
    return p.live && p.role == Role::honest && handle != node &&
           started - churn.since(handle) >= std::chrono::minutes(1);
  });
  for (Handle peer : truth) {
    if (std::find(outcome.closest.begin(), outcome.closest.end(), peer) != outcome.closest.end()) continue;
    if (outcome.closest.size() < k ||
        dht::distance(population.position(peer), outcome.target) <
            dht::distance(population.position(outcome.closest.back()), outcome.target))
      return false;
  }
  return true;
}

}  // namespace

Availability measure_under_churn(Swarm& swarm, Churn& churn, std::uint64_t lookups, std::uint64_t reads,
                                 Duration span, Random& random, Report* report) {
  Availability out;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Search> open;
  const auto begin = swarm.now();
  const auto steps = std::max(lookups, reads);
  std::uint64_t hour_tries = 0, hour_right = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    swarm.at(begin + span * static_cast<Duration::rep>(i) / static_cast<Duration::rep>(steps), [&, i] {
      auto node = churn.random_up(random, std::chrono::minutes(2));
      auto& core = *swarm.core(node);
      if (i < lookups) {
        auto id = core.find(random.fixed<dht::Key>(), swarm.now(), dht::Lookup::Wait::all);
        open[{node.raw(), id.raw()}] = {swarm.now(), nullptr, false};
      }
      if (i < reads) {
        // An entry of somebody who lives and has had ten seconds to publish it.
        for (int tries = 0; tries < 100; ++tries) {
          auto owner = churn.random_up(random, std::chrono::seconds(15));
          if (!churn.entry(owner) || swarm.now() - churn.published_at(owner) < std::chrono::seconds(10))
            continue;
          auto id = core.get(churn.entry(owner)->point, swarm.moment(node));
          open[{node.raw(), id.raw()}] = {swarm.now(), churn.entry(owner), false};
          break;
        }
      }
      swarm.pump(node);
    });
  }
  // A node that went and came back counts its operations from one again.
  auto search_of = [&](Handle node, dht::OperationId id) {
    auto search = open.find({node.raw(), id.raw()});
    return search != open.end() && churn.since(node) <= search->second.started ? search : open.end();
  };
  swarm.on_found([&](Handle node, const dht::Found& found) {
    auto search = search_of(node, found.id);
    if (search == open.end()) return churn.on_found(node, found);
    auto& wanted = search->second.wanted;
    if (search->second.found || found.record->publisher != wanted->publisher ||
        found.record->sequence < wanted->sequence)
      return;
    search->second.found = true;
    out.first_ms.add(static_cast<double>((swarm.now() - search->second.started).count()) / 1000);
  });
  swarm.on_outcome([&](Handle node, const dht::Outcome& outcome) {
    auto search = search_of(node, outcome.id);
    if (search == open.end()) return churn.on_outcome(node, outcome);
    if (outcome.kind == dht::Kind::get) {
      ++out.reads;
      out.found += search->second.found;
    } else {
      ++out.lookups;
      bool right = complete(swarm, churn, node, outcome, search->second.started);
      out.right += right;
      out.took_ms.add(static_cast<double>(outcome.took.count()) / 1000);
      out.asks.add(outcome.asks);
      ++hour_tries;
      hour_right += right;
    }
    open.erase(search);
  });
  const int hours = static_cast<int>(std::max<Duration::rep>(1, span / std::chrono::hours(1)));
  for (int hour = 1; hour <= hours; ++hour) {
    swarm.run_until(begin + span * hour / hours);
    if (hour_tries > 0)
      out.over_time.emplace_back(hour,
                                 100.0 * static_cast<double>(hour_right) / static_cast<double>(hour_tries));
    hour_tries = hour_right = 0;
    note(fmt::format("hour {}: {} nodes, {} lookups, {} right, {} reads, {} found", hour, churn.up(),
                     out.lookups, out.right, out.reads, out.found));
    if (auto broken = swarm.broken(7); broken && report) report->violation(*broken);
  }
  swarm.run_until(swarm.now() + std::chrono::seconds(30));
  for (auto& [asker, search] : open) {
    Handle node(asker.first);
    ++(churn.live(node) && churn.since(node) <= search.started ? out.endless : out.abandoned);
  }
  swarm.on_outcome({});
  swarm.on_found({});
  return out;
}

}  // namespace conclave::sim
