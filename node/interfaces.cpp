#include "node/interfaces.hpp"

#include <algorithm>
#include <optional>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace conclave::node {

namespace {

std::optional<io::IpAddress> address_of(const sockaddr& from) {
  io::IpAddress out;
  if (from.sa_family == AF_INET) {
    auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
    return out;
  }
  if (from.sa_family != AF_INET6) return std::nullopt;
  auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return std::nullopt;
  out.family = io::IpAddress::Family::v6;
  std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
  return out;
}

int rank(const io::IpAddress& address) { return address.loopback() ? 2 : address.private_range() ? 1 : 0; }

}  // namespace

std::vector<io::IpAddress> interface_addresses() {
  std::vector<io::IpAddress> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (auto* one = list; one; one = one->ifa_next) {
    if (!one->ifa_addr || !(one->ifa_flags & IFF_UP)) continue;
    if (auto address = address_of(*one->ifa_addr)) out.push_back(*address);
  }
  ::freeifaddrs(list);
  std::ranges::sort(out, {}, [](auto& address) { return std::pair(rank(address), address); });
  if (!out.empty() && !out.front().loopback())
    std::erase_if(out, [](auto& address) { return address.loopback(); });
  return out;
}

}  // namespace conclave::node
