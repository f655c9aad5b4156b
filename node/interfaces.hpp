#pragma once
/// The addresses of this machine's interfaces.
#include "transport/io/endpoint.hpp"

#include <vector>

namespace conclave::node {

/// Of interfaces that are up: public ones first, then private ones; loopback only where there is nothing
/// else. Link-local addresses are left out: without the interface's name nobody can use them.
std::vector<io::IpAddress> interface_addresses();

}  // namespace conclave::node
