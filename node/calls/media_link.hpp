#pragma once
/// One media link: the sealed datagrams between two nodes of a conference. docs/calls.md, section 7.
///
/// Sans-IO. Payloads stay with their feeds until the moment they leave; what has waited too long is dropped, the
/// least urgent first. One controller decides the rate: acknowledgements with receive times feed the same estimator
/// that transport-wide feedback feeds at a page.
#include <deque>

#include "node/calls/audio_redundancy.hpp"
#include "node/calls/feed.hpp"
#include "node/calls/link_acks.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/pacer.hpp"
#include "transport/webrtc/prober.hpp"

namespace conclave::calls {

struct MediaKeys {
  crypto::AeadAlgorithm algorithm = crypto::AeadAlgorithm::aes_256_gcm;
  Secret<32> secret;       ///< export("conclave/media/1") of the nQUIC connection
  bool initiator = false;  ///< we dialled
};

struct LinkFigures {
  Duration rtt{};
  double estimate_bps = 0;   ///< what the way to the peer takes
  double delivered_bps = 0;  ///< what arrived there in the last half second
  double loss = 0;
};

class MediaLink {
 public:
  static constexpr Duration heartbeat{100'000};
  static constexpr Duration ack_delay{25'000};
  static constexpr Duration ack_early{15'000};  ///< before that they ride along with what leaves anyway
  static constexpr double pace = 1.0;  ///< above the estimate a backlog would never drain
  /// Of the estimate, saved up while nothing is sent: a whole frame leaves at once where frames fit. It is all that
  /// pacing lets into a queue on the way, and what keeps a second node from adding a frame's length to a frame.
  static constexpr Duration burst{40'000};
  static constexpr std::size_t nack_max = 255;
  static constexpr Duration ask_twice{10'000};  ///< between a question and its repeat, where the way loses
  static constexpr std::size_t questions_max = 32;

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void datagram(LinkId link, ByteView bytes) = 0;
    /// A packet that waits to be sent, wherever it is kept; nothing if it has become too old.
    virtual std::optional<MediaUnit> stored(std::uint32_t stream, std::uint32_t sequence, TimePoint now) = 0;
    virtual void unit(LinkId from, const MediaUnit& unit, bool copy, TimePoint now) = 0;
    virtual void asked(LinkId from, std::uint32_t stream, Byte part, std::span<const std::uint32_t> sequences,
                       TimePoint now) = 0;
    virtual void clock(LinkId from, std::uint32_t stream, const webrtc::ReceiveStream::Mapping& mapping) = 0;
  };

  MediaLink(LinkId id, std::uint32_t their_number, const MediaKeys& keys, Owner& owner,
            const webrtc::BandwidthLimits& limits, TimePoint now);

  /// Decrypts in place. `waited`: as in io::Packet. Fails with Errc::malformed, undecryptable or refused.
  Result<> receive(MutableBytes datagram, TimePoint now, Duration waited = {});

  /// Queues a packet that the owner keeps.
  void send(const MediaUnit& unit, Byte part, bool repeated, TimePoint now);
  /// Asks for packets again, at once.
  void ask(std::uint32_t stream, Byte part, std::span<const std::uint32_t> sequences, TimePoint now);
  void tell_clock(std::uint32_t stream, const webrtc::ReceiveStream::Mapping& mapping, TimePoint now);
  /// Sends what may leave now.
  void drain(TimePoint now);

  void advance(TimePoint now);
  TimePoint deadline() const;

  LinkId id() const { return id_; }
  Duration rtt() const { return sent_.rtt(); }
  LinkFigures figures() const {
    return {sent_.rtt(), estimator_.target(), estimator_.delivered(), estimator_.loss()};
  }
  const webrtc::BandwidthEstimator& estimator() const { return estimator_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t dropped() const { return pacer_.dropped(); }

 private:
  struct Item {
    std::uint32_t stream, sequence;
    Byte part;
    bool repeated;
  };
  void send_question(ByteView body, TimePoint now);
  void seal(UnitWriter& writer, std::uint32_t probe, TimePoint now);
  UnitWriter writer() { return UnitWriter(MutableBytes(buffer_).subspan(media_header_size, units_max)); }
  void hear(const Unit& unit, TimePoint now, Duration waited, bool& eliciting, Result<>& verdict);
  void hear_acks(ByteView body, TimePoint now, Duration waited);
  void probe(TimePoint now);
  void count_offered(std::size_t size, TimePoint now);

  static constexpr std::size_t units_max = media_packet_max - media_header_size - crypto::Aead::tag_size;
  LinkId id_;
  std::uint32_t their_number_;
  Owner& owner_;
  MediaSealer sealer_;
  MediaOpener opener_;
  ArrivalLog arrivals_;
  SentLog sent_;
  webrtc::BandwidthEstimator estimator_;
  webrtc::Pacer<Item> pacer_;
  webrtc::Prober prober_;
  AudioRedundancy redundancy_{1};
  LossMemory loss_;
  struct Tail {
    TimePoint at;
    std::size_t size;
    Item item;
  };
  std::deque<Tail> tails_;  ///< of frames, to go once more
  struct Question {
    TimePoint at;
    Bytes body;
  };
  std::deque<Question> questions_;  ///< to be asked once more
  std::optional<TimePoint> ack_at_;
  TimePoint heartbeat_at_{};
  TimePoint offered_since_{};
  std::size_t offered_bytes_ = 0;
  double offered_ = 0;
  std::uint64_t packets_ = 0;
  std::array<Byte, media_packet_max> buffer_;
};

}  // namespace conclave::calls
