#include "transport/quic/connection.hpp"

#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace asio = boost::asio;

Connection::Connection(std::shared_ptr<Session> session) : session_(std::move(session)) {}
Connection::~Connection() { session_->close(); }

const NodeKey& Connection::peer() const { return session_->peer(); }
io::Endpoint Connection::remote() const { return session_->remote(); }
bool Connection::dialled_by_us() const { return session_->dialled(); }
Duration Connection::smoothed_rtt() const { return session_->smoothed_rtt(); }

asio::awaitable<Result<std::unique_ptr<io::Stream>>> Connection::open(std::string protocol) {
  auto session = session_;
  CO_TRY(auto state, co_await session->open_stream(std::move(protocol)));
  co_return std::make_unique<Stream>(session, std::move(state));
}

asio::awaitable<Result<io::Connection::Incoming>> Connection::accept() {
  auto session = session_;
  CO_TRY(auto next, co_await session->accept_stream());
  co_return Incoming{std::move(next.first), std::make_unique<Stream>(session, std::move(next.second))};
}

std::size_t Connection::datagram_max() const { return session_->datagram_max(); }
bool Connection::send_datagram(ByteView bytes) { return session_->send_datagram(bytes); }
asio::awaitable<Result<Bytes>> Connection::receive_datagram() {
  auto session = session_;
  co_return co_await session->receive_datagram();
}
Result<Secret<32>> Connection::export_secret(std::string_view label) const {
  return session_->export_secret(label);
}
void Connection::close() { session_->close(); }
bool Connection::closed() const { return session_->ended(); }
asio::awaitable<void> Connection::wait_closed() {
  auto session = session_;
  co_await session->reach(Session::Milestone::ended, TimePoint::max());
}

bool Connection::confirmed() const { return session_->confirmed(); }
asio::awaitable<bool> Connection::wait_confirmed(TimePoint deadline) {
  auto session = session_;
  co_return co_await session->reach(Session::Milestone::confirmed, deadline);
}
Result<> Connection::update_keys() { return session_->update_keys(); }
Result<> Connection::migrate() { return session_->migrate(); }
Suite Connection::suite() const { return session_->suite(); }
const Bytes& Connection::peer_certificate() const { return session_->peer_certificate(); }
std::size_t Connection::packet_max() const { return session_->packet_max(); }

}  // namespace conclave::quic
