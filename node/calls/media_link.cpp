#include "node/calls/media_link.hpp"

#include "transport/webrtc/big_endian.hpp"

namespace conclave::calls {

using namespace webrtc;

namespace {

constexpr std::size_t wire_overhead = 28 + media_header_size + crypto::Aead::tag_size;  ///< IP and UDP, ours
constexpr std::size_t padding_max = 1100, padding_min = 100;
/// Packets of a probe are so far apart: of a slow one they are small.
constexpr double probe_step_s = 0.01;
constexpr std::size_t clock_size = 16;

bool is_audio(std::uint32_t stream) { return (stream >> 4 & 15) == static_cast<std::uint32_t>(MediaKind::audio); }

}  // namespace

MediaLink::MediaLink(LinkId id, std::uint32_t their_number, const MediaKeys& keys, Owner& owner,
                     const BandwidthLimits& limits, TimePoint now)
    : id_(id),
      their_number_(their_number),
      owner_(owner),
      sealer_(keys.algorithm, keys.secret, keys.initiator),
      opener_(keys.algorithm, keys.secret, keys.initiator),
      estimator_(limits),
      pacer_(PacerLimits{.burst = burst}),
      heartbeat_at_(now),
      offered_since_(now) {
  pacer_.set_rate(pace * estimator_.target(), now);
  prober_.start(estimator_.target(), now);
}

Result<> MediaLink::receive(MutableBytes datagram, TimePoint now, Duration waited) {
  TRY(auto opened, opener_.open(datagram));
  bool eliciting = false;
  Result<> verdict;
  for (auto rest = opened.units;;) {
    TRY(auto unit, next_unit(rest));
    if (!unit) break;
    hear(*unit, now, waited, eliciting, verdict);
  }
  arrivals_.hear(opened.number, now - waited);
  if (eliciting && !ack_at_) ack_at_ = now + ack_delay;
  return verdict;
}

void MediaLink::hear(const Unit& unit, TimePoint now, Duration waited, bool& eliciting, Result<>& verdict) {
  eliciting |= unit.type != UnitType::acks;
  auto& body = unit.body;
  auto malformed = [&] { verdict = fail(Errc::malformed); };
  switch (unit.type) {
    case UnitType::media:
    case UnitType::copy: {
      auto media = read_media(body);
      if (!media) return malformed();
      owner_.unit(id_, *media, unit.type == UnitType::copy, now);
      return;
    }
    case UnitType::acks:
      hear_acks(body, now, waited);
      return;
    case UnitType::nack: {
      if (body.size() < 6 || body.size() != 6 + 4 * std::size_t{body[5]}) return malformed();
      std::vector<std::uint32_t> sequences;
      for (std::size_t at = 6; at < body.size(); at += 4) sequences.push_back(be32(body.data() + at));
      owner_.asked(id_, be32(body.data()), body[4], sequences, now);
      return;
    }
    case UnitType::clock:
      if (body.size() != clock_size) return malformed();
      owner_.clock(id_, be32(body.data()), {NtpTime{be64(body.data() + 4)}, be32(body.data() + 12)});
      return;
    case UnitType::heartbeat:
    case UnitType::padding:
      return;
  }
}

void MediaLink::hear_acks(ByteView body, TimePoint now, Duration waited) {
  auto results = sent_.hear(body, now - waited);
  if (!results) return;  // an authentic peer that makes up acknowledgements only harms itself
  estimator_.set_rtt(sent_.rtt());
  estimator_.hear(*results, now);
  auto useful = 1.3 * offered_;
  if (auto found = estimator_.take_probe_result()) prober_.found(*found, useful, now);
  bool using_it = estimator_.delivered() > 0.8 * estimator_.target();
  if (offered_ > 0) prober_.consider(estimator_.target(), useful, using_it, estimator_.congested(), now);
  pacer_.set_rate(pace * estimator_.target(), now);
  drain(now);
}

void MediaLink::count_offered(std::size_t size, TimePoint now) {
  offered_bytes_ += size;
  auto passed = now - offered_since_;
  if (passed < Duration(1'000'000)) return;
  offered_ = static_cast<double>(offered_bytes_) * 8 / std::chrono::duration<double>(passed).count();
  offered_bytes_ = 0;
  offered_since_ = now;
  loss_.hear(estimator_.loss());
}

void MediaLink::send(const MediaUnit& unit, Byte part, bool repeated, TimePoint now) {
  auto urgency = is_audio(unit.stream)      ? Urgency::audio
                 : repeated                 ? Urgency::retransmission
                 : unit.temporal_id() == 0  ? Urgency::base
                                            : Urgency::upper;
  auto size = unit.payload.size() + media_unit_size + unit_header_size + wire_overhead;
  if (urgency == Urgency::audio) size += (unit.payload.size() + media_unit_size) * redundancy_.copies(estimator_.loss());
  count_offered(size, now);
  pacer_.push(urgency, size, {unit.stream, unit.sequence, part, repeated}, now);
  bool tail = (unit.flags & MediaUnit::frame_end) != 0 && urgency != Urgency::audio && !repeated;
  if (tail && loss_.loss() > TailRepeat::loss_min && !estimator_.congested())
    tails_.push_back({now + Duration(TailRepeat::delay_us), size, {unit.stream, unit.sequence, part, true}});
  drain(now);
}

void MediaLink::drain(TimePoint now) {
  for (; !tails_.empty() && tails_.front().at <= now; tails_.pop_front())
    pacer_.push(Urgency::retransmission, tails_.front().size, tails_.front().item, now);
  for (; !questions_.empty() && questions_.front().at <= now; questions_.pop_front())
    send_question(questions_.front().body, now);
  while (auto out = pacer_.pop(now)) {
    auto& item = out->item;
    auto unit = owner_.stored(item.stream, item.sequence, now);
    if (!unit) continue;
    unit->part = item.part;
    unit->flags = static_cast<Byte>((unit->flags & ~MediaUnit::repeated) | (item.repeated ? MediaUnit::repeated : 0));
    auto units = writer();
    if (out->urgency == Urgency::audio) {
      // In front, so that the next hop passes on in order what this one has lost.
      for (auto i = redundancy_.copies(estimator_.loss()); i > 0; --i) {
        auto earlier = owner_.stored(item.stream, item.sequence - i, now);
        constexpr auto head = unit_header_size + media_unit_size;
        if (!earlier || units.size() + earlier->payload.size() + unit->payload.size() + 2 * head > units_max) continue;
        earlier->part = item.part;
        units.media(*earlier, UnitType::copy);
      }
    }
    units.media(*unit);
    seal(units, 0, now);
  }
}

/// Acknowledgements that are nearly due ride along where there is room: a packet of their own costs both ends a turn.
void MediaLink::seal(UnitWriter& units, std::uint32_t probe, TimePoint now) {
  if (ack_at_ && now + ack_early >= *ack_at_) {
    std::array<Byte, ArrivalLog::body_max> body;
    auto size = arrivals_.write(body);
    if (units.unit(UnitType::acks, ByteView(body).first(size))) ack_at_.reset();
  }
  auto sealed = sealer_.seal(buffer_, units.size(), their_number_);
  sent_.sent(sealed.number, sealed.size + 28, probe, now);
  heartbeat_at_ = now + heartbeat;
  ++packets_;
  owner_.datagram(id_, ByteView(buffer_).first(sealed.size));
}

void MediaLink::ask(std::uint32_t stream, Byte part, std::span<const std::uint32_t> sequences, TimePoint now) {
  Bytes body;
  for (; !sequences.empty(); sequences = sequences.subspan(std::min(sequences.size(), nack_max))) {
    auto some = sequences.first(std::min(sequences.size(), nack_max));
    body.assign(6 + 4 * some.size(), 0);
    put32(body.data(), stream);
    body[4] = part;
    body[5] = static_cast<Byte>(some.size());
    for (std::size_t i = 0; i < some.size(); ++i) put32(body.data() + 6 + 4 * i, some[i]);
    send_question(body, now);
    // Lost on its way there or back, it would cost one round trip more, and more than one.
    if (estimator_.loss() > TailRepeat::loss_min && questions_.size() < questions_max)
      questions_.push_back({now + ask_twice, body});
  }
}

void MediaLink::send_question(ByteView body, TimePoint now) {
  auto units = writer();
  units.unit(UnitType::nack, body);
  seal(units, 0, now);
}

void MediaLink::tell_clock(std::uint32_t stream, const ReceiveStream::Mapping& mapping, TimePoint now) {
  std::array<Byte, clock_size> body;
  put32(body.data(), stream);
  put64(body.data() + 4, mapping.ntp.value);
  put32(body.data() + 12, mapping.timestamp);
  auto units = writer();
  units.unit(UnitType::clock, body);
  seal(units, 0, now);
}

void MediaLink::probe(TimePoint now) {
  static constexpr std::array<Byte, padding_max> nothing{};
  while (auto due = prober_.next(now)) {
    auto size = std::clamp(static_cast<std::size_t>(due->rate * probe_step_s / 8), padding_min, padding_max);
    auto units = writer();
    units.unit(UnitType::padding, ByteView(nothing).first(size));
    seal(units, due->cluster, now);
    prober_.sent(size + unit_header_size + wire_overhead, now);
  }
}

void MediaLink::advance(TimePoint now) {
  drain(now);
  probe(now);
  if (ack_at_ && now >= *ack_at_) {
    auto units = writer();
    seal(units, 0, now);
  }
  if (now >= heartbeat_at_) {
    auto units = writer();
    units.unit(UnitType::heartbeat, {});
    seal(units, 0, now);
  }
}

TimePoint MediaLink::deadline() const {
  auto tail = tails_.empty() ? TimePoint::max() : tails_.front().at;
  auto question = questions_.empty() ? TimePoint::max() : questions_.front().at;
  return std::min({heartbeat_at_, ack_at_.value_or(TimePoint::max()), pacer_.deadline(), prober_.deadline(), tail, question});
}

}  // namespace conclave::calls
