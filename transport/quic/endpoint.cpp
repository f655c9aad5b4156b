#include "transport/quic/endpoint.hpp"

#include "transport/quic/connection.hpp"
#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace asio = boost::asio;
namespace {

/// What a stateless reset is charged: a hundredth of a core buys a hundred a second.
constexpr Duration reset_cost{100};
constexpr std::size_t reset_min = 5 + ResetToken::size;  ///< RFC 9000 10.3
constexpr std::size_t reset_size = 43;

/// The connection id a packet is for; nothing if it is not QUIC version 1.
std::optional<Cid> destination(ByteView packet) {
  if (packet.empty()) return std::nullopt;
  if (packet[0] & 0x80) {
    if (packet.size() < 6) return std::nullopt;
    std::size_t size = packet[5];
    if (size > Cid::max || packet.size() < 6 + size) return std::nullopt;
    return *Cid::from(packet.subspan(6, size));
  }
  if (packet.size() < 1 + Cid::ours) return std::nullopt;
  return *Cid::from(packet.subspan(1, Cid::ours));
}

}  // namespace

Endpoint::Endpoint(asio::any_io_executor executor, io::Clock& clock, io::Datagrams& socket,
                   const NodeKeys& keys, Random& random, Settings settings)
    : board_(std::make_shared<Switchboard>(std::move(executor), clock, socket, keys, random,
                                           std::move(settings))) {
  socket.on_receive([this](std::span<const io::Packet> packets) { receive(packets); });
}

Endpoint::~Endpoint() { close(); }

void Endpoint::on_accept(AcceptHandler handler) {
  if (!handler) {
    board_->accepted = nullptr;
    return;
  }
  board_->accepted = [this, handler = std::move(handler)](std::shared_ptr<Session> session) {
    ++accepted_;
    handler(std::make_shared<Connection>(std::move(session)));
  };
}

void Endpoint::close() {
  if (!board_->socket) return;
  auto* socket = board_->socket;
  auto sessions = board_->sessions();
  for (auto& [key, session] : sessions) session->close();
  board_->accepted = nullptr;
  board_->socket = nullptr;
  socket->on_receive({});
  // Nobody can reach those that linger any more, and they hold the switchboard that holds them.
  board_->release_all();
}

asio::awaitable<Result<std::shared_ptr<io::Connection>>> Endpoint::dial(io::Endpoint to, NodeKey peer,
                                                                        TimePoint deadline) {
  auto board = board_;  // the endpoint may go while we wait
  if (!board->socket) co_return fail(Errc::closed);
  if (board->open >= board->settings.connections_max) co_return fail(Errc::limit_reached);
  CO_TRY(auto initiator, Initiator::dial(board->identity, peer, board->settings.suites, board->known));
  auto session = Session::dial(board, to, peer, std::move(initiator));
  auto connection = std::make_shared<Connection>(session);  // closes the session, whatever happens here
  session->flush();
  if (co_await session->reach(Session::Milestone::established, deadline)) co_return connection;
  co_return fail(session->ended() && board->socket
                     ? session->why_ended()
                     : make_error_code(board->socket ? Errc::timed_out : Errc::closed));
}

void Endpoint::receive(std::span<const io::Packet> packets) {
  auto board = board_;
  auto now = board->clock.now();
  Cid last_cid;
  Session* last = nullptr;
  touched_.clear();
  for (auto& packet : packets) {
    auto cid = destination(packet.bytes);
    if (!cid) continue;
    // Batches are mostly of one connection: the map is asked once for each run.
    Session* session = last && *cid == last_cid ? last : board->find(*cid);
    if (!session && (packet.bytes[0] & 0x80) == 0) session = board->find_reset(packet.bytes);
    if (session) {
      if (session != last) touched_.push_back(session->shared_from_this());
      last = session;
      last_cid = *cid;
      session->receive(packet, now);
    } else if (packet.bytes[0] & 0x80) {
      meet(packet, now);
    } else {
      reset(packet, *cid, now);
    }
    if (!board->socket) return;  // somebody closed us from within a handler
  }
  for (auto& session : std::exchange(touched_, {})) session->flush();
}

bool Endpoint::full(const io::IpAddress& from) const {
  auto& settings = board_->settings;
  if (board_->open >= settings.connections_max || board_->accepting >= settings.handshakes_max) return true;
  auto found = board_->accepted_from.find(from.network());
  return found != board_->accepted_from.end() && found->second >= settings.per_network_max &&
         !from.loopback();
}

void Endpoint::meet(const io::Packet& packet, TimePoint now) {
  if (full(packet.from.ip)) {
    ++turned_away_;
    return;
  }
  bool crowded = board_->accepting >= board_->settings.handshakes_max / 2;
  auto verdict = board_->gate.judge(packet.from, packet.bytes, crowded, now);
  if (auto* retry = std::get_if<Gate::Retry>(&verdict)) {
    board_->socket->send(packet.from, retry->datagram, 0, packet.to);
  } else if (auto* opening = std::get_if<Gate::Opening>(&verdict)) {
    board_->gate.admitted(*opening);
    if (auto session = Session::accept(board_, std::move(*opening), packet, now)) {
      touched_.push_back(session);
      session->receive(packet, now);
    }
  }
}

/// RFC 9000 10.3: for a connection that we have lost. Only ids that we made ourselves are worth an answer,
/// and the answer is shorter than the question, so that two who have forgotten each other fall silent.
void Endpoint::reset(const io::Packet& packet, const Cid& cid, TimePoint now) {
  if (packet.bytes.size() <= reset_min || !board_->made_by_us(cid)) return;
  if (!resets_allowed_.take(reset_cost, now)) return;
  Bytes out(std::min(reset_size, packet.bytes.size() - 1));
  board_->random.fill(out);
  out[0] = static_cast<Byte>((out[0] & 0x3f) | 0x40);
  auto token = board_->reset_token(cid);
  std::copy(token.bytes.begin(), token.bytes.end(), out.end() - ResetToken::size);
  ++resets_;
  board_->socket->send(packet.from, out, 0, packet.to);
}

Endpoint::Status Endpoint::status() const {
  Status out;
  out.connections = board_->open;
  out.handshakes = board_->accepting;
  out.accepted = accepted_;
  out.retries = board_->gate.retries();
  out.resets = resets_;
  out.turned_away = turned_away_;
  for (std::size_t i = 0; i < Gate::reasons; ++i)
    out.silences[i] = board_->gate.silences(static_cast<Gate::Reason>(i));
  return out;
}

}  // namespace conclave::quic
