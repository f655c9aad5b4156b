#include "transport/nat/dialback.hpp"

namespace conclave::nat {
namespace {

// First byte of a body for oneshot::Service::dialback.
enum class Kind : Byte { ask = 1, pass = 2, call = 3 };

/// Every body is filled up to this, so that no step sends more than it received.
constexpr std::size_t padded = 400;
/// Calls a second that we cause or make, in all.
constexpr double calls_per_second = 2;
/// Calls a second for one network; the bucket holds one second's worth but at least one call.
constexpr double calls_per_network = 1;

void put(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out.push_back(static_cast<Byte>(value >> (8 * i)));
}
std::uint64_t take(ByteView& in, std::size_t bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) out = out << 8 | in[i];
  in = in.subspan(bytes);
  return out;
}

Bytes body(Kind kind, std::uint64_t nonce) {
  Bytes out{static_cast<Byte>(kind)};
  put(out, nonce, 8);
  return out;
}

/// One call's worth of budget is one second of its share.
constexpr Duration call_price = std::chrono::seconds(1);

}  // namespace

Dialback::Dialback(oneshot::Endpoint& oneshot, io::Clock& clock, Random& random, Helper helper)
    : oneshot_(oneshot),
      clock_(clock),
      random_(random),
      helper_(std::move(helper)),
      total_(calls_per_second, 4 * call_price),
      per_network_(calls_per_network, 256) {
  oneshot_.on_request(
      [this](const NodeKey& from, const io::Endpoint& at, ByteView bytes) { return answer(from, at, bytes); },
      oneshot::Service::dialback);
}

Dialback::~Dialback() {
  oneshot_.on_request({}, oneshot::Service::dialback);
  for (auto& [nonce, proof] : proofs_) clock_.cancel(proof.alarm);
}

void Dialback::prove(const KnownNode& asked, std::uint16_t port, Done done) {
  auto nonce = random_.next();
  if (proofs_.size() >= proofs_max || proofs_.contains(nonce)) {
    clock_.at(clock_.now(), [done = std::move(done)] { done(std::nullopt); });
    return;
  }
  auto alarm = clock_.at(clock_.now() + patience, [this, nonce] {
    auto& proof = proofs_.at(nonce);
    end(nonce, proof.promised ? std::optional(false) : std::nullopt);
  });
  proofs_.emplace(nonce, Proof{std::move(done), asked.key, alarm});
  auto question = body(Kind::ask, nonce);
  put(question, port, 2);
  question.resize(padded);
  oneshot_.request(
      asked.key, asked.at, question, clock_.now() + patience,
      [this, nonce, alive = std::weak_ptr(alive_)](Result<Bytes> answer) {
        if (alive.expired()) return;
        auto found = proofs_.find(nonce);
        if (found == proofs_.end()) return;
        if (answer) found->second.promised = true;
        else end(nonce, std::nullopt);
      },
      oneshot::Service::dialback);
}

void Dialback::end(std::uint64_t nonce, std::optional<bool> result) {
  auto found = proofs_.find(nonce);
  clock_.cancel(found->second.alarm);
  auto done = std::move(found->second.done);
  proofs_.erase(found);
  done(result);
}

bool Dialback::allowed(const io::IpAddress& network) {
  return per_network_.take(network, clock_.now()) && total_.take(call_price, clock_.now());
}

std::optional<Bytes> Dialback::answer(const NodeKey& from, const io::Endpoint& at, ByteView bytes) {
  if (bytes.size() < padded) return std::nullopt;
  switch (static_cast<Kind>(bytes[0])) {
    case Kind::ask: return on_ask(from, at, bytes.subspan(1));
    case Kind::pass: return on_pass(from, bytes.subspan(1));
    case Kind::call: return on_call(from, bytes.subspan(1));
  }
  return std::nullopt;
}

/// nonce (8) ‖ port (2): "have me called".
std::optional<Bytes> Dialback::on_ask(const NodeKey& from, const io::Endpoint& at, ByteView rest) {
  auto nonce = take(rest, 8);
  auto port = static_cast<std::uint16_t>(take(rest, 2));
  io::Endpoint target{at.ip, port == 0 ? at.port : port};
  if (target.port < 1024 || !allowed(at.ip)) return std::nullopt;
  auto helper = helper_(target, from);
  if (!helper || helper->key == from) return std::nullopt;
  auto message = body(Kind::pass, nonce);
  append(message, from);
  message.push_back(target.ip.family == io::IpAddress::Family::v4 ? 4 : 16);
  append(message, target.ip.bytes);
  put(message, target.port, 2);
  message.resize(padded);
  oneshot_.request(helper->key, helper->at, message, clock_.now() + patience, [](Result<Bytes>) {},
                   oneshot::Service::dialback);
  return Bytes();
}

/// nonce (8) ‖ key (32) ‖ 4 or 16 (1) ‖ address (16) ‖ port (2): "call this one".
std::optional<Bytes> Dialback::on_pass(const NodeKey& from, ByteView rest) {
  auto nonce = take(rest, 8);
  NodeKey whom;
  std::copy_n(rest.begin(), 32, whom.bytes.begin());
  rest = rest.subspan(32);
  io::Endpoint target;
  auto size = take(rest, 1);
  if (size != 4 && size != 16) return std::nullopt;
  target.ip.family = size == 4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  std::copy_n(rest.begin(), size, target.ip.bytes.begin());
  rest = rest.subspan(16);
  target.port = static_cast<std::uint16_t>(take(rest, 2));
  if (target.port < 1024 || whom == from || !allowed(target.ip)) return std::nullopt;
  auto message = body(Kind::call, nonce);
  message.resize(padded);
  oneshot_.request(whom, target, message, clock_.now() + patience, [](Result<Bytes>) {}, oneshot::Service::dialback);
  return Bytes();
}

/// nonce (8): "here I am".
std::optional<Bytes> Dialback::on_call(const NodeKey& from, ByteView rest) {
  auto nonce = take(rest, 8);
  auto found = proofs_.find(nonce);
  if (found == proofs_.end() || from == found->second.asked) return std::nullopt;
  // One whom we had asked ourselves may have come through the hole that our own packet left.
  auto result = oneshot_.rtt(from) ? std::nullopt : std::optional(true);
  clock_.at(clock_.now(), [this, nonce, result, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && proofs_.contains(nonce)) end(nonce, result);
  });
  return Bytes();
}

}  // namespace conclave::nat
