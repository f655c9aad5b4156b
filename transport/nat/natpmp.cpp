// NAT-PMP by libnatpmp (RFC 6886).
#include <natpmp.h>
#include <poll.h>

#include <cstring>
#include <ctime>
#include <map>
#include <optional>

#include "transport/nat/gateway.hpp"

namespace conclave::nat {
namespace {

/// The RFC's nine tries take 128 s. A router on the same link that is silent for two seconds has no NAT-PMP.
constexpr int patience_ms = 2000;

std::int64_t monotonic_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

class NatPmp final : public Gateway {
 public:
  NatPmp() = default;
  NatPmp(const NatPmp&) = delete;
  NatPmp& operator=(const NatPmp&) = delete;
  ~NatPmp() override { forget(); }
  std::string_view name() const override { return "NAT-PMP"; }

  Result<> find() override {
    forget();
    if (initnatpmp(&router_, 0, 0) != 0) return fail(Errc::not_found);
    open_ = true;
    if (!ask_address()) {
      forget();
      return fail(Errc::not_found);
    }
    return {};
  }

  Result<Lease> map(PortKind kind, std::uint16_t internal_port, std::uint16_t external_port) override {
    if (!open_) return fail(Errc::not_found);
    TRY(auto address, ask_address());
    TRY(auto answer, request(kind, internal_port, external_port, static_cast<std::uint32_t>(lease_life.count())));
    auto& given = answer.pnu.newportmapping;
    // Section 3.3: the lifetime granted may be shorter, the port another one.
    if (given.privateport != internal_port || given.mappedpublicport == 0) return fail(Errc::refused);
    mapped_at_ms_[{kind, internal_port}] = epoch_at_ms_;
    return Lease{kind, internal_port, {address, given.mappedpublicport}, std::chrono::seconds(given.lifetime)};
  }

  Result<bool> holds(const Lease& lease) override {
    if (!open_) return fail(Errc::not_found);
    TRY(auto address, ask_address());
    if (address != lease.external.ip) return false;
    // A router that has been up for longer than there has been a mapping still has it; clocks may differ by an eighth
    // (section 3.6). One that may have restarted since is simply asked for the mapping again: comparing epochs does not
    // tell whether a router that had just started did so once more.
    auto age_s = (epoch_at_ms_ - mapped_at_ms_[{lease.kind, lease.internal_port}]) / 1000;
    if (*epoch_ > age_s * 9 / 8 + 2) return true;
    TRY(auto again, map(lease.kind, lease.internal_port, lease.external.port));
    return again.external == lease.external;
  }

  void unmap(const Lease& lease) override {
    // Section 3.4: lifetime zero, external port zero.
    if (open_) (void)request(lease.kind, lease.internal_port, 0, 0);
  }

 private:
  Result<natpmpresp_t> answer() {
    auto deadline = monotonic_ms() + patience_ms;
    for (;;) {
      natpmpresp_t out{};
      int result = readnatpmpresponseorretry(&router_, &out);
      if (result == 0) {
        epoch_ = out.epoch;
        epoch_at_ms_ = monotonic_ms();
        return out;
      }
      if (result != NATPMP_TRYAGAIN) return fail(result == NATPMP_ERR_NOTAUTHORIZED ? Errc::refused : Errc::not_found);
      auto left = deadline - monotonic_ms();
      if (left <= 0) return fail(Errc::timed_out);
      timeval next{};
      getnatpmprequesttimeout(&router_, &next);
      auto next_ms = next.tv_sec * 1000 + next.tv_usec / 1000 + 1;
      pollfd readable{router_.s, POLLIN, 0};
      poll(&readable, 1, static_cast<int>(std::clamp<std::int64_t>(next_ms, 1, left)));
    }
  }

  Result<io::IpAddress> ask_address() {
    if (sendpublicaddressrequest(&router_) < 0) return fail(Errc::not_found);
    TRY(auto got, answer());
    if (got.type != NATPMP_RESPTYPE_PUBLICADDRESS) return fail(Errc::unexpected_type);
    io::IpAddress out;
    std::memcpy(out.bytes.data(), &got.pnu.publicaddress.addr, 4);
    return out;
  }

  Result<natpmpresp_t> request(PortKind kind, std::uint16_t internal_port, std::uint16_t external_port,
                               std::uint32_t life) {
    int protocol = kind == PortKind::udp ? NATPMP_PROTOCOL_UDP : NATPMP_PROTOCOL_TCP;
    if (sendnewportmappingrequest(&router_, protocol, internal_port, external_port, life) < 0)
      return fail(Errc::not_found);
    TRY(auto got, answer());
    int wanted = kind == PortKind::udp ? NATPMP_RESPTYPE_UDPPORTMAPPING : NATPMP_RESPTYPE_TCPPORTMAPPING;
    if (got.type != wanted) return fail(Errc::unexpected_type);
    return got;
  }

  void forget() {
    if (open_) closenatpmp(&router_);
    open_ = false;
    epoch_.reset();
  }

  bool open_ = false;
  natpmp_t router_{};
  std::optional<std::int64_t> epoch_;
  std::int64_t epoch_at_ms_ = 0;
  std::map<std::pair<PortKind, std::uint16_t>, std::int64_t> mapped_at_ms_;  ///< by internal port
};

}  // namespace

std::unique_ptr<Gateway> natpmp_gateway() { return std::make_unique<NatPmp>(); }

}  // namespace conclave::nat
