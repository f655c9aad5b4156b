#include "transport/tcp/handshake.hpp"

#include "crypto/ensure.hpp"

namespace conclave::tcp {
namespace {

/// Two keys with their tags, and the payload with its own: nobody honest says more.
constexpr std::size_t noise_message_max = 2 * (32 + record_tag) + NoisePayload::size_max + record_tag;

noise::HandshakeSettings noise_settings(const Handshake::Settings& settings) {
  noise::HandshakeSettings out;
  out.pattern = noise::Pattern::xx;
  out.cipher = noise::Cipher::chacha_poly;
  out.role = settings.role == Handshake::Role::dialler ? noise::Role::initiator : noise::Role::responder;
  out.ours = settings.static_keys;
  return out;
}

}  // namespace

Handshake::Handshake(const Settings& settings) : settings_(settings), noise_(noise_settings(settings)) {
  output_ = start_choosing(noise_protocol);
}

Result<> Handshake::receive(ByteView bytes) {
  append(input_, bytes);
  for (;;) {
    TRY(bool advanced, advance());
    if (!advanced) return {};
  }
}

Result<bool> Handshake::advance() {
  switch (step_) {
    case Step::choose_noise:
      return choose_noise();
    case Step::noise:
      return hear_noise();
    case Step::choose_muxer:
      return choose_muxer();
    case Step::done:
      return false;
  }
  return false;
}

/// Begins a multistream-select round; what the dialler says first.
Bytes Handshake::start_choosing(std::string_view protocol) {
  if (dials()) return proposal_.emplace(std::string(protocol)).opening();
  choice_.emplace([protocol](std::string_view name) { return name == protocol; });
  return {};
}

Result<Handshake::Chosen> Handshake::choose(ByteView in) {
  if (dials()) {
    TRY(auto used, proposal_->receive(in));
    return Chosen{used, {}, proposal_->agreed()};
  }
  TRY(auto used, choice_->receive(in));
  return Chosen{used, choice_->take_reply(), choice_->chosen().has_value()};
}

Result<bool> Handshake::choose_noise() {
  TRY(auto chosen, choose(input_));
  drop_input(chosen.used);
  append(output_, chosen.reply);
  if (!chosen.agreed) return false;
  step_ = Step::noise;
  if (dials()) CHECK(say_noise());
  return true;
}

Result<bool> Handshake::hear_noise() {
  if (input_.size() < record_prefix) return false;
  std::size_t size = std::size_t{input_[0]} << 8 | input_[1];
  if (size > noise_message_max) return fail(Errc::too_long);
  auto message = next_record(input_);
  if (!message) return false;
  TRY(auto payload, noise_.read(*message));
  drop_input(record_prefix + size);
  // Message 1, whose payload nobody could trust, only lets us answer.
  if (!noise_.their_static()) {
    CHECK(say_noise());
    return true;
  }
  CHECK(hear_payload(payload));
  if (!noise_.done()) CHECK(say_noise());
  CHECK(secured());
  return true;
}

Result<> Handshake::hear_payload(ByteView payload) {
  TRY(theirs_, verify_noise_payload(payload, *noise_.their_static()));
  if (settings_.expected && theirs_->identity != *settings_.expected) return fail(Errc::bad_key);
  return {};
}

Result<> Handshake::say_noise() {
  Bytes payload;
  bool first = dials() && !noise_.their_static();
  if (!first) {
    std::vector<std::string> muxers;
    if (settings_.early_muxer) muxers.emplace_back(yamux_protocol);
    payload = encode_noise_payload(settings_.keys, settings_.static_keys.public_key, muxers);
  }
  TRY(auto message, noise_.write(payload, settings_.random));
  output_.push_back(static_cast<Byte>(message.size() >> 8));
  output_.push_back(static_cast<Byte>(message.size()));
  append(output_, message);
  return {};
}

/// Both know each other: keys for the records, then the muxer.
Result<> Handshake::secured() {
  auto keys = noise_.split_keys();
  send_.emplace(dials() ? keys.initiator_to_responder : keys.responder_to_initiator);
  receive_.emplace(dials() ? keys.responder_to_initiator : keys.initiator_to_responder);
  std::vector<std::string> ours;
  if (settings_.early_muxer) ours.emplace_back(yamux_protocol);
  TRY(auto muxer, dials() ? early_muxer(ours, theirs_->muxers) : early_muxer(theirs_->muxers, ours));
  early_ = muxer.has_value();
  step_ = early_ ? Step::done : Step::choose_muxer;
  if (!early_) say_sealed(start_choosing(yamux_protocol));
  return {};
}

Result<bool> Handshake::choose_muxer() {
  auto record = next_record(input_);
  if (!record) return false;
  auto size = record_prefix + record->size();
  TRY(auto plain, receive_->open(*record));
  TRY(auto chosen, choose(plain));
  say_sealed(chosen.reply);
  if (chosen.agreed) {
    behind_plain_ = copy(ByteView(plain).subspan(chosen.used));
    step_ = Step::done;
  }
  drop_input(size);
  return true;
}

void Handshake::say_sealed(ByteView plain) {
  if (plain.empty()) return;
  Bytes record(record_prefix + plain.size() + record_tag);
  std::copy(plain.begin(), plain.end(), record.begin() + record_prefix);
  send_->seal(record.data(), plain.size());
  append(output_, record);
}

void Handshake::drop_input(std::size_t count) {
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
}

Handshake::Outcome Handshake::take_outcome() {
  ensure(done() && theirs_ && send_, "the handshake is over, and the outcome is taken once");
  Outcome out{theirs_->identity,       std::move(*send_),      std::move(*receive_), early_,
              std::move(behind_plain_), std::move(input_)};
  send_.reset();
  return out;
}

}  // namespace conclave::tcp
