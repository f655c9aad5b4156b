// UPnP IGD by miniupnpc. Its structures never leave this file.
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include <charconv>

#include "transport/nat/gateway.hpp"

namespace conclave::nat {
namespace {

/// For each of the four kinds of device that miniupnpc asks for, until one answers.
constexpr int discovery_ms = 1000;
// Error codes of WANIPConnection:1, 2.4.16.
constexpr int conflict_in_mapping_entry = 718;
constexpr int only_permanent_leases_supported = 725;

const char* name_of(PortKind kind) { return kind == PortKind::udp ? "UDP" : "TCP"; }

class Upnp final : public Gateway {
 public:
  Upnp() = default;
  Upnp(const Upnp&) = delete;
  Upnp& operator=(const Upnp&) = delete;
  ~Upnp() override { forget(); }
  std::string_view name() const override { return "UPnP"; }

  Result<> find() override {
    forget();
    int error = 0;
    auto* devices = upnpDiscover(discovery_ms, nullptr, nullptr, UPNP_LOCAL_PORT_ANY, 0, 2, &error);
    if (!devices) return fail(Errc::not_found);
    int kind = UPNP_GetValidIGD(devices, &urls_, &data_, lan_address_, sizeof lan_address_);
    freeUPNPDevlist(devices);
    found_ = kind != 0;
    if (kind != 1) {  // 2: a router that is not online, 3: something else that speaks UPnP
      forget();
      return fail(Errc::not_found);
    }
    return {};
  }

  Result<Lease> map(PortKind kind, std::uint16_t internal_port, std::uint16_t external_port) override {
    if (!found_) return fail(Errc::not_found);
    for (int tries = 0; tries < 8; ++tries, external_port = static_cast<std::uint16_t>(1024 | (external_port + 7919))) {
      auto life = lease_life;
      int result = add(kind, internal_port, external_port, life);
      if (result == only_permanent_leases_supported) {
        life = std::chrono::seconds(0);
        result = add(kind, internal_port, external_port, life);
      }
      if (result == conflict_in_mapping_entry) continue;
      if (result != UPNPCOMMAND_SUCCESS) return fail(result < 0 ? Errc::timed_out : Errc::refused);
      TRY(auto address, external_address());
      return Lease{kind, internal_port, {address, external_port}, life};
    }
    return fail(Errc::refused);
  }

  Result<bool> holds(const Lease& lease) override {
    if (!found_) return fail(Errc::not_found);
    char client[16] = "", port[6] = "", description[80] = "", enabled[4] = "", life[16] = "";
    int result = UPNP_GetSpecificPortMappingEntry(urls_.controlURL, data_.first.servicetype,
                                                  std::to_string(lease.external.port).c_str(), name_of(lease.kind),
                                                  nullptr, client, port, description, enabled, life);
    if (result < 0) return fail(Errc::timed_out);
    if (result != UPNPCOMMAND_SUCCESS) return false;
    if (std::string_view(client) != lan_address_ || std::string_view(port) != std::to_string(lease.internal_port))
      return false;
    TRY(auto address, external_address());
    return address == lease.external.ip;
  }

  void unmap(const Lease& lease) override {
    if (!found_) return;
    UPNP_DeletePortMapping(urls_.controlURL, data_.first.servicetype, std::to_string(lease.external.port).c_str(),
                           name_of(lease.kind), nullptr);
  }

 private:
  int add(PortKind kind, std::uint16_t internal_port, std::uint16_t external_port, std::chrono::seconds life) {
    return UPNP_AddPortMapping(urls_.controlURL, data_.first.servicetype, std::to_string(external_port).c_str(),
                               std::to_string(internal_port).c_str(), lan_address_, "Conclave", name_of(kind), nullptr,
                               std::to_string(life.count()).c_str());
  }
  Result<io::IpAddress> external_address() {
    char text[40] = "";
    int result = UPNP_GetExternalIPAddress(urls_.controlURL, data_.first.servicetype, text);
    if (result != UPNPCOMMAND_SUCCESS) return fail(result < 0 ? Errc::timed_out : Errc::refused);
    return io::IpAddress::parse(text);
  }
  void forget() {
    if (found_) FreeUPNPUrls(&urls_);
    found_ = false;
  }

  bool found_ = false;
  UPNPUrls urls_{};
  IGDdatas data_{};
  char lan_address_[64] = "";
};

}  // namespace

std::unique_ptr<Gateway> upnp_gateway() { return std::make_unique<Upnp>(); }

}  // namespace conclave::nat
