#pragma once
/// Keeps a port of the router open for us: asks by UPnP and NAT-PMP, renews, asks again when the router has
/// restarted, and takes the mapping back at the end.
///
/// Both kinds of router are looked for at once; where both answer within 3 s, UPnP is used, since it can be asked whether a
/// mapping is still there. Every 20 s the router is asked whether it still holds the mapping, so that after a
/// restart the port is open again within a minute.
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "transport/io/clock.hpp"
#include "transport/io/scope.hpp"
#include "transport/nat/gateway.hpp"
#include "transport/nat/worker.hpp"

namespace conclave::nat {

struct Port {
  PortKind kind = PortKind::udp;
  std::uint16_t internal_port = 0;
};

struct MapperSettings {
  Duration check_every = std::chrono::seconds(20);
  /// Between attempts while there is no router to be found.
  Duration retry_first = std::chrono::seconds(10);
  Duration retry_last = std::chrono::minutes(10);
  /// After a mapping was lost the router is most likely restarting: for so long it is looked for without pause.
  Duration urgent = std::chrono::minutes(2);
};

class PortMapper {
 public:
  using Changed = std::function<void(const std::vector<Lease>&)>;

  /// `ports[0]` is wanted most; the same external port numbers are asked for.
  PortMapper(boost::asio::any_io_executor executor, io::Clock& clock, std::vector<Port> ports,
             MapperSettings settings = {});
  /// With gateways of one's own, for tests.
  PortMapper(boost::asio::any_io_executor executor, io::Clock& clock, std::vector<Port> ports,
             std::vector<std::shared_ptr<Gateway>> gateways, MapperSettings settings = {});
  PortMapper(const PortMapper&) = delete;
  PortMapper& operator=(const PortMapper&) = delete;
  /// After `close()`.
  ~PortMapper();

  /// Called whenever what is mapped has changed. Set before `start`.
  void on_change(Changed changed) { changed_ = std::move(changed); }
  void start();
  const std::vector<Lease>& leases() const { return leases_; }
  /// "UPnP", "NAT-PMP", or empty where nothing is mapped.
  std::string how() const { return leases_.empty() ? "" : how_; }
  /// Gives back every mapping that was made, the ones that we have lost sight of as well; a few seconds at most.
  boost::asio::awaitable<void> close();

 private:
  /// A router that we can ask, and what we have made it map. Both are used on its worker alone, one job after the
  /// other: a mapping that is being made while we close is in the list before the job that takes it back.
  struct Way {
    std::shared_ptr<Gateway> gateway;
    std::unique_ptr<Worker> worker;
    std::shared_ptr<std::vector<Lease>> made = std::make_shared<std::vector<Lease>>();
    bool asked = false;  ///< to map something
  };
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> acquire();
  boost::asio::awaitable<bool> use(std::size_t which);
  boost::asio::awaitable<void> hold();
  boost::asio::awaitable<bool> map_all(Way& way, std::vector<Lease> wanted);
  void set(std::vector<Lease> leases);

  io::Clock& clock_;
  std::vector<Port> ports_;
  std::vector<Way> ways_;  ///< preferred first
  MapperSettings settings_;
  Changed changed_;
  std::vector<Lease> leases_;
  std::vector<Lease> last_;  ///< what we had: asked for again
  std::size_t using_ = 0;    ///< which way
  std::string how_;
  io::Scope scope_;
};

}  // namespace conclave::nat
