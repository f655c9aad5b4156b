#pragma once
/// The inside of a swarm: its peers, the dials under way, and who is wanted or not.
#include <deque>
#include <map>
#include <set>

#include "transport/io/event.hpp"
#include "transport/io/scope.hpp"
#include "transport/swarm/conduct.hpp"
#include "transport/swarm/race.hpp"
#include "transport/swarm/swarm.hpp"
#include "transport/swarm/tracked.hpp"

namespace conclave::swarm {

/// A dial under way. Several callers may wait for it; attempts may end after it.
struct Dial {
  Dial(boost::asio::any_io_executor executor, io::Clock& clock, const NodeKey& whom, const Limits& limits,
       TimePoint until)
      : node(whom), race(limits.addresses_max), progress(std::move(executor), clock), deadline(until) {}
  struct Outcome {
    Result<std::shared_ptr<io::Connection>> connection;
  };
  NodeKey node;
  Race race;
  io::Event progress;           ///< an outcome, more addresses, or a connection that the peer made
  std::deque<Outcome> outcomes;
  TimePoint deadline;
  bool done = false;
  Result<> end;                 ///< once done: why there is no connection, if there is none
  std::set<io::Event*> waiters;

  void finish(Result<> how) {
    if (done) return;
    done = true;
    end = how;
    for (auto* waiter : waiters) waiter->ring();
    progress.ring();
  }
};

/// A connection and what the swarm knows about it.
struct Slot {
  std::shared_ptr<Tracked> connection;
  TimePoint since;
  TimePoint retired_at{};
  std::size_t serving = 0;  ///< streams of the peer whose handlers run
};

struct Swarm::State {
  using Slots = std::vector<std::shared_ptr<Slot>>;

  State(boost::asio::any_io_executor the_executor, io::Clock& the_clock, const NodeKey& own_key,
        std::vector<Carrier*> the_carriers, Limits the_limits);

  Carrier* carrier_for(const address::PeerAddress& address) const;
  std::vector<address::PeerAddress> usable(const NodeKey& node, std::vector<address::PeerAddress> addresses) const;
  std::shared_ptr<Slot> current(const NodeKey& node) const;

  /// Takes in a connection, dialled or accepted; closes it if it is not wanted.
  void admit(std::shared_ptr<io::Connection> connection);
  bool wanted(const io::Connection& connection);
  bool make_room();
  void give_out(const std::shared_ptr<Slot>& slot);
  void retire(Slot& slot);
  void gone(const std::shared_ptr<Slot>& slot);
  void cut_off(const NodeKey& node);
  /// Closes what is idle or has been replaced; says when to look again.
  TimePoint sweep();

  boost::asio::any_io_executor executor;
  io::Clock& clock;
  NodeKey us;
  std::vector<Carrier*> carriers;
  Limits limits;
  Slots slots;  ///< all connections; several per node only while one replaces another
  std::map<NodeKey, std::shared_ptr<Slot>> by_node;  ///< the one that is given out
  std::map<NodeKey, std::shared_ptr<Dial>> dials;
  std::map<std::string, std::shared_ptr<Handler>, std::less<>> handlers;
  std::vector<Connected> connected;
  std::vector<Disconnected> disconnected;
  std::vector<Replaced> replaced;
  std::map<NodeKey, int> keeps;
  Conduct<NodeKey> conduct;
  Conduct<io::IpAddress> network_conduct;
  bool closing = false;
  io::Event wake;
  io::Scope scope;
};

}  // namespace conclave::swarm
