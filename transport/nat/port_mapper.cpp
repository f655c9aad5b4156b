#include "transport/nat/port_mapper.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "crypto/ensure.hpp"

namespace conclave::nat {
namespace asio = boost::asio;

namespace {

std::vector<std::shared_ptr<Gateway>> real_gateways() {
  std::vector<std::shared_ptr<Gateway>> out;
  out.push_back(upnp_gateway());
  out.push_back(natpmp_gateway());
  return out;
}

bool same_port(const Lease& a, const Lease& b) { return a.kind == b.kind && a.external.port == b.external.port; }

asio::awaitable<void> find_on(Worker& worker, std::shared_ptr<Gateway> gateway, std::shared_ptr<bool> found,
                              std::shared_ptr<io::Event> done) {
  co_await worker.run([gateway, found] { *found = gateway->find().has_value(); });
  done->ring();
}

}  // namespace

PortMapper::PortMapper(asio::any_io_executor executor, io::Clock& clock, std::vector<Port> ports,
                       MapperSettings settings)
    : PortMapper(std::move(executor), clock, std::move(ports), real_gateways(), settings) {}

PortMapper::PortMapper(asio::any_io_executor executor, io::Clock& clock, std::vector<Port> ports,
                       std::vector<std::shared_ptr<Gateway>> gateways, MapperSettings settings)
    : clock_(clock),
      ports_(std::move(ports)),
      settings_(settings),
      scope_(executor, clock) {
  for (auto& gateway : gateways) ways_.push_back({std::move(gateway), std::make_unique<Worker>(executor, clock)});
}

PortMapper::~PortMapper() { ensure(scope_.running() == 0, "a port mapper is closed before it goes"); }

void PortMapper::start() { scope_.start(run()); }

asio::awaitable<void> PortMapper::run() {
  auto pause = settings_.retry_first;
  auto urgent_until = TimePoint::min();
  for (;;) {
    if (co_await acquire()) {
      pause = settings_.retry_first;
      co_await hold();
      last_ = leases_;
      set({});
      urgent_until = clock_.now() + settings_.urgent;
      continue;
    }
    bool urgent = clock_.now() < urgent_until;
    co_await io::sleep_until(clock_, clock_.now() + (urgent ? std::chrono::seconds(2) : pause));
    if (!urgent) pause = std::min(2 * pause, settings_.retry_last);
  }
}

asio::awaitable<bool> PortMapper::acquire() {
  // All at once, each on its own thread.
  auto executor = co_await asio::this_coro::executor;
  std::vector<std::shared_ptr<bool>> found;
  std::vector<std::shared_ptr<io::Event>> done;
  for (std::size_t i = 0; i < ways_.size(); ++i) {
    found.push_back(std::make_shared<bool>(false));
    done.push_back(std::make_shared<io::Event>(executor, clock_));
    scope_.start(find_on(*ways_[i].worker, ways_[i].gateway, found[i], done[i]));
  }
  // A UPnP search that finds nothing takes long: a while is enough to let UPnP go first.
  auto patience = clock_.now() + std::chrono::seconds(3);
  std::vector<bool> tried(ways_.size());
  for (auto until : {patience, TimePoint::max()}) {
    for (std::size_t i = 0; i < ways_.size(); ++i) {
      if (tried[i] || !co_await done[i]->wait_until(until)) continue;
      tried[i] = true;
      if (*found[i] && co_await use(i)) co_return true;
    }
  }
  co_return false;
}

asio::awaitable<bool> PortMapper::use(std::size_t which) {
  using_ = which;
  std::vector<Lease> wanted;
  for (auto& port : ports_) {
    auto before = std::ranges::find_if(last_, [&](auto& lease) {
      return lease.kind == port.kind && lease.internal_port == port.internal_port;
    });
    auto external = before == last_.end() ? port.internal_port : before->external.port;
    wanted.push_back({port.kind, port.internal_port, {{}, external}, {}});
  }
  co_return co_await map_all(ways_[which], std::move(wanted));
}

asio::awaitable<bool> PortMapper::map_all(Way& way, std::vector<Lease> wanted) {
  way.asked = true;
  auto got = std::make_shared<std::vector<Lease>>();
  co_await way.worker->run([gateway = way.gateway, wanted = std::move(wanted), got, made = way.made] {
    for (auto& lease : wanted) {
      auto fresh = gateway->map(lease.kind, lease.internal_port, lease.external.port);
      if (!fresh) continue;
      got->push_back(*fresh);
      std::erase_if(*made, [&](auto& old) { return same_port(old, *fresh); });
      made->push_back(*fresh);
    }
  });
  if (got->empty()) co_return false;
  how_ = way.gateway->name();
  set(*got);
  co_return true;
}

asio::awaitable<void> PortMapper::hold() {
  auto& way = ways_[using_];
  auto renew_at = [this] {
    auto life = std::chrono::seconds(std::chrono::hours(24));
    for (auto& lease : leases_)
      if (lease.life.count() > 0) life = std::min(life, lease.life);
    return clock_.now() + std::chrono::duration_cast<Duration>(life) / 2;
  };
  auto renew = renew_at();
  for (;;) {
    co_await io::sleep_until(clock_, std::min(renew, clock_.now() + settings_.check_every));
    if (clock_.now() >= renew) {
      if (!co_await map_all(way, leases_)) co_return;
      renew = renew_at();
      continue;
    }
    auto held = std::make_shared<bool>(false);
    co_await way.worker->run([gateway = way.gateway, leases = leases_, held] {
      *held = std::ranges::all_of(leases, [&](auto& lease) { return gateway->holds(lease).value_or(false); });
    });
    if (!*held) co_return;
  }
}

void PortMapper::set(std::vector<Lease> leases) {
  auto same = std::ranges::equal(leases, leases_, [](auto& a, auto& b) {
    return a.kind == b.kind && a.internal_port == b.internal_port && a.external == b.external;
  });
  leases_ = std::move(leases);
  if (!same && changed_) changed_(leases_);
}

asio::awaitable<void> PortMapper::close() {
  co_await scope_.close();
  leases_.clear();
  // A router that did not answer in time may hold a mapping that is in no lease any more.
  for (auto& way : ways_) {
    if (!std::exchange(way.asked, false)) continue;
    co_await way.worker->run([gateway = way.gateway, made = way.made] {
      for (auto& lease : *made) gateway->unmap(lease);
      made->clear();
    });
  }
}

}  // namespace conclave::nat
