#include "tests/node/calls_room.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::calls::test {

using namespace webrtc;

namespace {

constexpr std::size_t packet_payload = 1000;
const io::IpAddress node_ip = io::IpAddress::v4(192, 0, 2, 1);

Bytes vp8_payload(std::uint16_t picture, Byte tl0, const Frame& frame, bool start, std::size_t size,
                  std::uint16_t width, std::uint16_t height) {
  Bytes out{static_cast<Byte>(0x80 | (frame.temporal == 2 ? 0x20 : 0) | (start ? 0x10 : 0)), 0xe0,
            static_cast<Byte>(0x80 | picture >> 8), static_cast<Byte>(picture), tl0,
            static_cast<Byte>(frame.temporal << 6 | (frame.sync ? 0x20 : 0))};
  if (start) {
    Bytes head{static_cast<Byte>(frame.key ? 0x10 : 0x11), 2, 0};
    if (frame.key) {
      head.insert(head.end(), {0x9d, 0x01, 0x2a, static_cast<Byte>(width), static_cast<Byte>(width >> 8),
                               static_cast<Byte>(height), static_cast<Byte>(height >> 8)});
    }
    out.insert(out.end(), head.begin(), head.end());
  }
  out.resize(std::max(out.size(), size), Byte{0xab});
  return out;
}

MemberId id_of(Byte site, Byte number) {
  MemberId out;
  out.bytes = {site, number, static_cast<Byte>(site * 16 + number), 1, 2, 3};
  return out;
}

}  // namespace

void Encoding::send(NativePage& page, const Frame& frame, Duration since_last, std::uint16_t& transport,
                    const std::function<bool(std::size_t)>& lost) {
  timestamp_ += static_cast<std::uint32_t>(since_last.count() * 90 / 1000);
  picture_ = (picture_ + 1) & 0x7fff;
  if (frame.temporal == 0) ++tl0_;
  auto count = std::max<std::size_t>(1, (frame.size + packet_payload - 1) / packet_payload);
  for (std::size_t i = 0; i < count; ++i) {
    auto payload = vp8_payload(picture_, tl0_, frame, i == 0, std::min(packet_payload, frame.size), width_, height_);
    // No two packets are alike, so that a test can tell what comes twice.
    put32(payload.data() + payload.size() - 4, ++serial_);
    put32(payload.data() + payload.size() - 8, ssrc_);
    RtpHeader header{i + 1 == count, 96, sequence_++, timestamp_, ssrc_};
    RtpExtensions extensions;
    extensions.mid = mid_;
    extensions.rid = rid_;
    extensions.transport_cc = transport++;
    sent_[header.sequence] = {header, payload};
    if (sent_.size() > 2000) sent_.erase(sent_.begin());
    if (!lost(header.sequence)) page.send_rtp(header, extensions, payload);
  }
}

void Encoding::send_again(NativePage& page, std::uint16_t sequence, std::uint16_t& transport) {
  auto found = sent_.find(sequence);
  if (found == sent_.end()) return;
  auto& [header, payload] = found->second;
  Bytes wrapped{static_cast<Byte>(sequence >> 8), static_cast<Byte>(sequence)};
  wrapped.insert(wrapped.end(), payload.begin(), payload.end());
  RtpExtensions extensions;
  extensions.mid = mid_;
  extensions.repaired_rid = rid_;
  extensions.transport_cc = transport++;
  page.send_rtp({header.marker, 97, rtx_++, header.timestamp, ssrc_ + 100}, extensions, wrapped);
}

SenderReport Encoding::report(TimePoint now, UnixTime wall, TimePoint frame_at) const {
  SenderReport out;
  out.ssrc = ssrc_;
  out.ntp = NtpTime::from(wall);
  out.timestamp = timestamp_ + static_cast<std::uint32_t>((now - frame_at).count() * 90 / 1000);
  return out;
}

TestPage::TestPage(Site& the_site, Byte number)
    : site(the_site),
      video{Encoding(1000u + number * 10u, "1", "q", 320, 180, number + 1u),
            Encoding(1001u + number * 10u, "1", "h", 640, 360, number + 50u),
            Encoding(1002u + number * 10u, "1", "f", 1280, 720, number + 99u)},
      audio(5000u + number, "0", "", 0, 0, number + 7u) {}

void TestPage::publish_video(TimePoint now, const std::set<int>& layers, bool key, Byte temporal, bool sync) {
  auto passed = video_at == TimePoint{} ? Duration(33'333) : now - video_at;
  video_at = now;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    Frame frame{key, temporal, sync, key ? frame_sizes[layer] * 3 : frame_sizes[layer]};
    if (layers.contains(static_cast<int>(layer))) video[layer].send(*native, frame, passed, transport, lost);
  }
}

void TestPage::publish_audio(TimePoint now, Byte level) {
  auto at = static_cast<std::uint32_t>(now.time_since_epoch().count() * 48 / 1000);
  RtpExtensions extensions;
  extensions.mid = "0";
  extensions.transport_cc = transport++;
  extensions.audio_level = AudioLevel{level < 60, level};
  auto sequence = audio_sequence++;
  if (!lost(sequence)) native->send_rtp({false, 111, sequence, at, audio.ssrc()}, extensions, Bytes(80, Byte{9}));
}

void TestPage::report(TimePoint now) {
  for (auto& encoding : video) native->send_rtcp(encoding.report(now, site.world.unix_now(), video_at));
}

void TestPage::look() {
  for (; read_ < native->packets.size(); ++read_) {
    auto& bytes = native->packets[read_];
    auto packet = decode_rtp(bytes);
    if (!packet) continue;
    auto extensions = packet->extensions(webrtc::test::chromium_claims({}).extensions);
    Seen seen{packet->header, std::string(extensions.mid), std::nullopt, copy(packet->payload), site.world.now(),
              extensions.transport_cc};
    if (packet->header.payload_type == 96) {
      if (auto picture = decode_vp8(packet->payload)) seen.picture = *picture;
    }
    seen_.push_back(std::move(seen));
  }
}

std::set<int> TestPage::asked_key_frames() {
  std::set<int> out;
  std::erase_if(native->reports, [&](const Rtcp& message) {
    auto* loss = std::get_if<PictureLoss>(&message);
    for (int layer = 0; loss && layer < 3; ++layer) {
      if (loss->media == video[static_cast<std::size_t>(layer)].ssrc()) out.insert(layer);
    }
    return loss != nullptr;
  });
  return out;
}

Site::Site(sim::World& the_world, Byte number, ForwarderLimits limits)
    : world(the_world), random(number), identity(EndpointIdentity::make(random)), number_(number) {
  endpoint = *Endpoint::make(
      identity, [](ByteView sealed) -> Result<Bytes> { return copy(sealed); }, *this,
      [this](std::span<const Outbox::Datagram> leaving) {
        for (auto& datagram : leaving) outgoing_.emplace_back(datagram.to, copy(datagram.bytes));
      },
      random);
  forwarder = std::make_unique<Forwarder>(*this, *endpoint, world, random, limits);
}

TestPage& Site::add_page() {
  auto number = static_cast<Byte>(pages.size() + 1);
  auto page = std::make_unique<TestPage>(*this, number);
  page->id = id_of(number_, number);
  auto certificate = webrtc::Certificate::make();
  auto claims = webrtc::test::chromium_claims(certificate.fingerprint());
  claims.data_channel = false;
  page->native = std::make_unique<NativePage>(
      identity, io::Endpoint{io::IpAddress::v4(198, 51, number_, number), 4000}, claims, certificate);
  page->native->check();
  pages.push_back(std::move(page));
  auto& added = *pages.back();
  for (int round = 0; round < 20 && !added.native->connected(); ++round) {
    pump();
    pass(world, Duration(10'000));
  }
  ensure(added.native->connected(), "a page in a test connects");
  pump();
  added.session = last_connected;
  ensure(forwarder->add_page(added.session, added.id, claims, true, world.now()).has_value(), "there is room");
  return added;
}

void Site::pump() {
  auto now = world.now();
  for (bool any = true; any;) {
    any = false;
    for (auto& page : pages) {
      for (auto& datagram : page->native->take()) {
        any = true;
        io::Packet packet{page->native->address(), node_ip, datagram};
        endpoint->receive({&packet, 1}, now);
      }
    }
    if (endpoint->deadline() <= now) endpoint->advance(now);
    if (forwarder->deadline() <= now) forwarder->advance(now);
    endpoint->flush();
    for (auto& [to, bytes] : std::exchange(outgoing_, {})) {
      any = true;
      if (drop()) continue;
      for (auto& page : pages) {
        if (page->native->address() == to && !carry(*page, bytes)) page->native->receive(bytes, now);
      }
      for (auto& page : pages) page->look();
    }
  }
}

Wire::Wire(Site& a, Site& b, std::function<bool()> lost) : a_(a), b_(b), lost_(std::move(lost)) {
  MediaKeys keys;
  SeededRandom(42).fill(keys.secret.span());
  auto now = a.world.now();
  keys.initiator = true;
  (void)a.forwarder->add_link(the_link, the_link.raw(), keys, now);
  keys.initiator = false;
  (void)b.forwarder->add_link(the_link, the_link.raw(), keys, now);
  auto carry = [this](Site& to) {
    return [this, &to](LinkId, ByteView bytes) {
      if (up && !lost_()) air_.emplace_back(&to, copy(bytes));
    };
  };
  a.on_link = carry(b);
  b.on_link = carry(a);
}

void Wire::pump() {
  while (!air_.empty()) {
    auto [to, bytes] = std::move(air_.front());
    air_.pop_front();
    (void)to->forwarder->on_link_datagram(the_link, bytes, to->world.now());
  }
  serve(a_, b_, served_a_);
  serve(b_, a_, served_b_);
}

/// `to` gets what it wants of `from`.
void Wire::serve(Site& from, Site& to, std::set<std::uint32_t>& served) {
  auto now = from.world.now();
  to.forwarder->set_elsewhere(from.publishing, now);
  for (auto stream : std::set(served)) {
    if (to.wanting.contains(stream)) continue;
    from.forwarder->set_children({stream, 0}, 1, {});
    served.erase(stream);
  }
  for (auto stream : to.wanting) {
    if (!served.insert(stream).second) continue;
    from.forwarder->set_children({stream, 0}, 1, std::array{the_link});
    from.forwarder->resend({stream, 0}, 1, the_link, to.forwarder->newest(stream).value_or(0), now);
  }
  for (auto stream : std::exchange(to.key_frames, {})) from.forwarder->on_key_frame_request(stream, now);
}

Continuity check_continuity(std::span<const Seen> seen, std::uint32_t ssrc) {
  Continuity out;
  const Seen* last = nullptr;
  auto complain = [&](const std::string& what) {
    if (out.broken.empty()) out.broken = what + " at packet " + std::to_string(out.packets);
  };
  for (auto& packet : seen) {
    if (packet.header.ssrc != ssrc) continue;
    ++out.packets;
    auto& picture = packet.picture;
    bool start = picture && picture->start;
    out.frames += start;
    out.key_frames += start && picture->key_frame;
    if (last) {
      if (static_cast<std::uint16_t>(packet.header.sequence - last->header.sequence) != 1) complain("sequence");
      auto ahead = static_cast<std::int32_t>(packet.header.timestamp - last->header.timestamp);
      if (ahead < 0 || (start && ahead == 0)) complain("timestamp");
      if (picture && last->picture && picture->picture_id && last->picture->picture_id) {
        auto step = (*picture->picture_id - *last->picture->picture_id) & 0x7fff;
        if (step != (start ? 1 : 0)) complain("picture id");
        auto tl0 = static_cast<Byte>(*picture->tl0_index - *last->picture->tl0_index);
        if (tl0 != (start && picture->temporal_id.value_or(0) == 0 ? 1 : 0)) complain("tl0picidx");
      }
    } else if (picture && !(start && picture->key_frame)) {
      complain("no key frame first");
    }
    last = &packet;
  }
  return out;
}

}  // namespace conclave::calls::test
