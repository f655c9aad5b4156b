#include "transport/quic/switchboard.hpp"

#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace {
constexpr std::size_t cid_random = 4;
}

Switchboard::Switchboard(boost::asio::any_io_executor the_executor, io::Clock& the_clock,
                         io::Datagrams& the_socket, const NodeKeys& keys, Random& the_random,
                         Settings the_settings)
    : executor(std::move(the_executor)),
      clock(the_clock),
      random(the_random),
      socket(&the_socket),
      identity(Identity::of(keys)),
      settings(std::move(the_settings)),
      gate(identity, random, known, settings.gate),
      cid_key_(crypto::hmac_sha256(keys.seed().view(), view("nquic connection ids")).view()),
      reset_key_(crypto::hmac_sha256(keys.seed().view(), view("nquic stateless reset")).view()),
      batch_(std::make_unique_for_overwrite<Byte[]>(batch_max + 2048)) {}

Cid Switchboard::new_cid() {
  Cid out;
  out.length = Cid::ours;
  do {
    if (cid_noise_used_ == cid_noise_.size()) {
      random.fill(cid_noise_);
      cid_noise_used_ = 0;
    }
    std::copy_n(cid_noise_.data() + cid_noise_used_, cid_random, out.bytes.data());
    cid_noise_used_ += cid_random;
    auto proof = cid_key_.of({out.view().first(cid_random)});
    std::copy_n(proof.data(), Cid::ours - cid_random, out.bytes.data() + cid_random);
  } while (routes_.contains(out));
  return out;
}

bool Switchboard::made_by_us(const Cid& cid) const {
  if (cid.length != Cid::ours) return false;
  auto proof = cid_key_.of({cid.view().first(cid_random)});
  return same_secret(cid.view().subspan(cid_random), proof.view().first(Cid::ours - cid_random));
}

ResetToken Switchboard::reset_token(const Cid& cid) const {
  auto full = reset_key_.of({cid.view()});
  return *ResetToken::from(full.view().first(ResetToken::size));
}

Session* Switchboard::find(const Cid& cid) const {
  auto found = routes_.find(cid);
  return found == routes_.end() ? nullptr : found->second;
}

Session* Switchboard::find_reset(ByteView datagram) const {
  if (resets_.empty() || datagram.size() < 5 + ResetToken::size) return nullptr;
  auto found = resets_.find(*ResetToken::from(datagram.last(ResetToken::size)));
  return found == resets_.end() ? nullptr : found->second;
}

void Switchboard::adopt(std::shared_ptr<Session> session) {
  auto* key = session.get();
  sessions_.emplace(key, std::move(session));
}

void Switchboard::release(Session& session) { sessions_.erase(&session); }

void Switchboard::release_all() {
  routes_.clear();
  // They may go now, and tell us about it while they do.
  auto leaving = std::exchange(sessions_, {});
}

}  // namespace conclave::quic
