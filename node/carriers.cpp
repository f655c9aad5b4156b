#include "node/carriers.hpp"

namespace conclave::node {
namespace asio = boost::asio;
using address::PeerAddress;
using Made = Result<std::shared_ptr<io::Connection>>;

bool QuicCarrier::carries(PeerAddress::Transport transport) const {
  return transport == PeerAddress::Transport::nquic;
}
asio::awaitable<Made> QuicCarrier::dial(PeerAddress address, NodeKey node, TimePoint deadline) {
  if (address.relay) co_return fail(conclave::Errc::unsupported);
  co_return co_await endpoint_.dial(address.endpoint, node, deadline);
}
void QuicCarrier::on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) {
  endpoint_.on_accept(std::move(accepted));
}

bool TcpCarrier::carries(PeerAddress::Transport transport) const {
  return transport == PeerAddress::Transport::tcp || transport == PeerAddress::Transport::ws;
}
asio::awaitable<Made> TcpCarrier::dial(PeerAddress address, NodeKey node, TimePoint deadline) {
  if (address.relay) co_return fail(conclave::Errc::unsupported);
  auto kind = address.transport == PeerAddress::Transport::ws ? io::Connection::Kind::websocket
                                                              : io::Connection::Kind::tcp;
  co_return co_await transport_.dial(address.endpoint, node, deadline, kind);
}
void TcpCarrier::on_connection(std::function<void(std::shared_ptr<io::Connection>)> accepted) {
  transport_.on_accept(std::move(accepted));
}

}  // namespace conclave::node
