/// People: whole nodes with every service, contacts, an idle hour, and messages between those who never met.
/// The same code as in production over a simulated network, SQLite in memory.
#include "node/node.hpp"
#include "simulations/network.hpp"
#include "simulations/scenario.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace conclave::sim {

namespace {
namespace asio = boost::asio;
using namespace std::chrono_literals;

struct Person {
  Person(World& world, Network& network, std::uint64_t number, std::uint64_t seed)
      : random(seed, number),
        // Each in a network of his own: limits on networks are for those who share one.
        at{io::IpAddress::v4(static_cast<Byte>(20 + number % 200), static_cast<Byte>(number / 200), 7, 1),
           4000},
        socket(network.open(at)) {
    node::Options options;
    options.work_bits = 4;
    node = std::make_unique<node::Node>(
        node::Surroundings{world.context().get_executor(), world, random, socket.get(), {at}},
        node::Profile::in_memory(AccountKeys::generate(random), NodeKeys::generate(random), world.unix_now()),
        options);
  }
  SeededRandom random;
  io::Endpoint at;
  std::unique_ptr<io::Datagrams> socket;
  std::unique_ptr<node::Node> node;
};

/// Runs pieces of work to their end, all at once.
class Company {
 public:
  explicit Company(World& world) : world_(world) {}
  template <class T>
  void start(asio::awaitable<Result<T>> work) {
    ++running_;
    asio::co_spawn(
        world_.context(),
        [](asio::awaitable<Result<T>> job, Company& all) -> asio::awaitable<void> {
          if (!co_await std::move(job)) ++all.failed_;
          --all.running_;
        }(std::move(work), *this),
        asio::detached);
  }
  void start(asio::awaitable<void> work) {
    ++running_;
    asio::co_spawn(
        world_.context(),
        [](asio::awaitable<void> job, Company& all) -> asio::awaitable<void> {
          co_await std::move(job);
          --all.running_;
        }(std::move(work), *this),
        asio::detached);
  }
  /// Says how many failed, or have not ended within `patience`.
  std::size_t finish(Duration patience) {
    world_.run_until([this] { return running_ == 0; }, world_.now() + patience);
    return std::exchange(failed_, 0) + running_;
  }

 private:
  World& world_;
  std::size_t running_ = 0;
  std::size_t failed_ = 0;
};

class Village {
 public:
  Village(const Options& options, Report& report)
      : report_(report), network_(world_, options.seed), dice_(options.seed) {
    for (std::uint64_t i = 0; i < options.nodes; ++i) settle(i, options.seed);
    world_.run_for(1min);
    note(std::to_string(options.nodes) + " nodes stand, " + std::to_string(wall_seconds()) + " s");
  }
  ~Village() {
    for (auto& person : people_) all_.start(person->node->close());
    all_.finish(1min);
  }

  void befriend(std::size_t contacts) {
    for (std::size_t i = 0; i < people_.size(); ++i)
      for (std::size_t k = 1; k <= contacts / 2; ++k) {
        auto j = (i + k * 37 + 1) % people_.size();
        if (j == i) continue;
        know(i, j);
        know(j, i);
      }
    auto failed = all_.finish(5min);
    if (failed > 0) report_.violation(std::to_string(failed) + " contacts could not be added");
  }

  void idle(Duration settling, Duration span) {
    world_.run_for(settling);
    std::vector<std::uint64_t> before;
    for (auto& person : people_) before.push_back(network_.traffic(person->at.ip).bytes_sent);
    world_.run_for(span);
    Sample sent, links;
    double sum = 0;
    for (std::size_t i = 0; i < people_.size(); ++i) {
      auto bytes = static_cast<double>(network_.traffic(people_[i]->at.ip).bytes_sent - before[i]);
      auto rate = bytes / std::chrono::duration<double>(span).count();
      sent.add(rate);
      sum += rate;
      links.add(static_cast<double>(people_[i]->node->status().peers.size()));
    }
    report_.figure("idle, sent by a node, mean", sum / static_cast<double>(people_.size()), "B/s",
                   Report::at_most(200));
    report_.percentiles("idle, sent by a node", sent, "B/s");
    report_.percentiles("links of a node", links, "");
    note("idle time over, " + std::to_string(wall_seconds()) + " s");
  }

  /// The first so many are gone without a word: what others know of the network is out of date.
  void lose(std::size_t count) {
    lost_ = std::min(count, people_.size() - 2);
    for (std::size_t i = 0; i < lost_; ++i) network_.set_down(people_[i]->at.ip, true);
  }

  void write(std::size_t messages) {
    Sample took;
    std::size_t delivered = 0;
    auto alive = people_.size() - lost_;
    for (std::size_t m = 0; m < messages; ++m) {
      auto i = lost_ + dice_.below(alive);
      auto j = lost_ + (i - lost_ + 1 + dice_.below(alive - 1)) % alive;
      know(j, i);
      know(i, j);
      all_.finish(1min);
      if (auto ms = send(i, j)) {
        took.add(*ms);
        ++delivered;
      }
    }
    report_.share("messages delivered, by key", delivered, messages, Report::exactly(100));
    report_.percentiles("from send to receipt", took, "ms");
  }

 private:
  void settle(std::uint64_t number, std::uint64_t seed) {
    people_.push_back(std::make_unique<Person>(world_, network_, number, seed));
    auto& node = *people_.back()->node;
    all_.start(node.start());
    all_.finish(1min);
    if (number > 0) {
      all_.start(node.bootstrap({people_[dice_.below(number)]->node->link()}));
      all_.finish(1min);
    }
    world_.run_for(200ms);
  }
  void know(std::size_t i, std::size_t j) {
    all_.start(people_[i]->node->add_contact(Link{people_[j]->node->account(), {}}, ""));
  }
  /// Milliseconds until the receipt.
  std::optional<double> send(std::size_t from, std::size_t to) {
    auto& sender = *people_[from]->node;
    auto with = people_[to]->node->account();
    auto begin = world_.now();
    std::optional<TimePoint> arrived;
    all_.start(receipt(sender, sender.watch(), with, arrived, begin + 60s));
    all_.start(sender.send(with, "hello"));
    all_.finish(2min);
    if (!arrived) return std::nullopt;
    return std::chrono::duration<double, std::milli>(*arrived - begin).count();
  }
  asio::awaitable<void> receipt(node::Node&, std::unique_ptr<node::Watch> watch, AccountKey with,
                                std::optional<TimePoint>& arrived, TimePoint until) {
    while (auto event = co_await watch->next_until(until)) {
      auto* advanced = std::get_if<node::DeliveryAdvanced>(&*event);
      if (!advanced || advanced->conversation != with || advanced->delivery < chat::Delivery::delivered)
        continue;
      arrived = world_.now();
      co_return;
    }
  }

  Report& report_;
  World world_;
  Network network_;
  SeededRandom dice_;
  Company all_{world_};
  std::size_t lost_ = 0;
  std::vector<std::unique_ptr<Person>> people_;
};

}  // namespace

void scenario_people(const Options& options, Report& report) {
  auto minutes = options.minutes > 0 ? options.minutes : 60;
  auto contacts = static_cast<std::size_t>(options.number("contacts", 10));
  auto messages = static_cast<std::size_t>(options.number("messages", 100));
  auto lost = static_cast<std::size_t>(options.number("lost", 0));
  report.setting("contacts", std::to_string(contacts));
  report.setting("lost", std::to_string(lost));
  Village village(options, report);
  village.befriend(contacts);
  village.idle(20min, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(minutes * 60)));
  village.lose(lost);
  village.write(messages);
}

}  // namespace conclave::sim
