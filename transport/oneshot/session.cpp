#include "transport/oneshot/session.hpp"

namespace conclave::oneshot {
namespace {

/// As Noise counts: 32 zero bits and the counter, little endian (revision 34, section 12.3). Here 32 bits wide.
std::array<Byte, 12> nonce_of(std::uint32_t counter) {
  std::array<Byte, 12> out{};
  for (std::size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<Byte>(counter >> (8 * i));
  return out;
}

}  // namespace

Bytes Session::seal(Type type, ByteView plain) {
  auto counter = sent++;
  auto header = SessionHeader{type, theirs, counter}.encode();
  Bytes out(session_header_size + plain.size() + tag_size);
  std::copy(header.begin(), header.end(), out.begin());
  sending.seal_into(std::span(out).subspan(session_header_size), nonce_of(counter), header, plain);
  return out;
}

Result<Bytes> Session::open(const SessionHeader& header, ByteView packet) {
  if (!window.fresh(header.counter)) return fail(Errc::refused);
  TRY(auto plain, receiving.open(nonce_of(header.counter), packet.first(session_header_size),
                                 packet.subspan(session_header_size)));
  window.mark(header.counter);
  return plain;
}

void Sessions::add(Session session, TimePoint now) {
  auto& line = order(session);
  auto limit = session.confirmed ? confirmed_max_ : unconfirmed_max_;
  while (!line.empty() &&
         (line.size() >= limit || by_index_.at(line.back()).session.made + life_ + grace <= now))
    drop(line.back());
  line.push_front(session.ours);
  auto ours = session.ours;
  if (session.confirmed) by_peer_[session.peer] = ours;
  by_index_.emplace(ours, Slot{std::move(session), line.begin()});
}

Session* Sessions::find(Index ours, TimePoint now) {
  auto found = by_index_.find(ours);
  if (found == by_index_.end()) return nullptr;
  auto& session = found->second.session;
  if (now >= session.made + life_ + grace || session.sent >= packets_max) {
    drop(ours);
    return nullptr;
  }
  auto& line = order(session);
  line.splice(line.begin(), line, found->second.place);
  return &session;
}

Session* Sessions::to(const NodeKey& peer, TimePoint now) {
  auto known = by_peer_.find(peer);
  if (known == by_peer_.end()) return nullptr;
  auto* session = find(known->second, now);
  if (!session || now >= session->made + life_) return nullptr;
  return session;
}

void Sessions::confirm(Session& session) {
  if (session.confirmed) return;
  auto& slot = by_index_.at(session.ours);
  session.confirmed = true;
  while (confirmed_.size() >= confirmed_max_) drop(confirmed_.back());
  confirmed_.splice(confirmed_.begin(), unconfirmed_, slot.place);
  by_peer_[session.peer] = session.ours;
}

void Sessions::give_up(const Session& session) {
  auto known = by_peer_.find(session.peer);
  if (known != by_peer_.end() && known->second == session.ours) by_peer_.erase(known);
}

void Sessions::drop(Index ours) {
  auto found = by_index_.find(ours);
  auto& session = found->second.session;
  give_up(session);
  order(session).erase(found->second.place);
  by_index_.erase(found);
}

}  // namespace conclave::oneshot
