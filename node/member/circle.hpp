#pragma once
/// Who is in, and whose keys we have: a member's roster, sender keys and frame ciphers under one roof, sans-IO. The page
/// has the same in web/src/conference/conference.ts and web/src/e2ee/worker.ts; docs/calls.md, section 6.
///
/// Keys follow the roster: 100 ms after the last change they go forward when only somebody came, and are made anew
/// when somebody left. A frame whose key is not there waits with its caller for at most 300 ms; then we ask.
#include <deque>
#include <utility>

#include "crypto/call_frames.hpp"
#include "crypto/sender_keys.hpp"
#include "node/calls/roster.hpp"

namespace conclave::member {

/// What a member of its own making says of itself. The secrets never leave the process.
struct Self {
  SigningKeys call;
  X25519Pair call_x25519;
  calls::Statement statement;  ///< our `member` statement

  /// Fresh call keys, certified by the invite; without one we knock.
  static Self make(const ConferenceKey& conference, const std::optional<SigningKeys>& invite, std::string_view name,
                   Random& random, UnixTime now);
};

class Circle {
 public:
  static constexpr Duration settle{100'000};      ///< changes within it are one change of keys
  static constexpr Duration ask_after{300'000};   ///< how long a frame waits until its key is asked for …
  static constexpr Duration patience{1'000'000};  ///< … and until it is given up; nobody listens live
  static constexpr Duration acquainted{2'000'000};  ///< after this, missing keys are a failure and no beginning
  static constexpr std::size_t early_max = 512;   ///< key messages kept for statements that are on their way

  struct Counters {
    std::uint64_t sealed = 0, opened = 0;
    std::uint64_t held = 0;     ///< ours that did not leave: no key, or not admitted
    std::uint64_t failed = 0;   ///< did not authenticate, or were replayed: none, whatever the network does
    std::uint64_t late = 0;     ///< whose key did not come in time: none but on paths that lose packets
    std::uint64_t before = 0;   ///< sealed before we were in: not ours to read
    std::uint64_t gone = 0;     ///< of nobody who is in
    std::uint64_t keys_changed = 0, keys_sent = 0, keys_received = 0, keys_refused = 0, asked = 0;
    std::uint64_t joins = 0, leaves = 0;
    bool operator==(const Counters&) const = default;
  };
  struct Parcel {
    calls::MemberId to;
    Bytes bytes;
  };
  using Entry = calls::Roster::Entry;

  Circle(const ConferenceKey& conference, Self self, Random& random);

  const calls::MemberId& id() const { return id_; }
  const calls::Statement& own() const { return self_.statement; }
  /// A new `state` statement of ours, to be told to everyone.
  calls::Statement state(std::uint8_t flags, const std::optional<NodeKey>& entry, UnixTime now);
  calls::Statement leave(UnixTime now);

  /// A statement that came. Fails as `open_statement` and `Roster::add` do.
  Result<> hear_statement(ByteView bytes, UnixTime wall, TimePoint now);
  /// A key message. Not trusted for whom the node says it is from.
  void hear_parcel(ByteView bytes, UnixTime wall, TimePoint now);
  void advance(UnixTime wall, TimePoint now);
  TimePoint deadline() const;
  /// Key messages to be sent; emptied.
  std::vector<Parcel> take_parcels() { return std::exchange(parcels_, {}); }

  bool admitted(UnixTime wall) const;
  const std::map<calls::CallKey, Entry>& members(UnixTime wall) const { return roster_.members(wall); }
  const calls::Roster& roster() const { return roster_; }

  /// Fails with Errc::not_found while we are not in: such a frame must not leave.
  Result<Bytes> seal(e2ee::Kind kind, ByteView frame);

  struct Opened {
    calls::MemberId from;
    e2ee::Kind kind = e2ee::Kind::audio;
    Bytes frame;
  };
  /// A frame that came at `arrival` on an audio or a picture line; camera or screen is what its key says. Fails with Errc::not_found while its key may still come: hold it and try again
  /// after `revision()` has changed or time has passed; any other error is final and counted.
  Result<Opened> open(bool picture, ByteView frame, TimePoint arrival, TimePoint now);
  /// Changes whenever a key arrives.
  std::uint64_t revision() const { return revision_; }

  const Counters& counters() const { return counters_; }
  std::uint16_t generation() const { return keys_.current().generation; }

 private:
  struct Openers {
    calls::CallKey call;
    calls::MemberId id;
    TimePoint known_since;
    std::optional<std::uint16_t> first_generation;  ///< what was before is not ours to read
    std::map<e2ee::Kind, e2ee::FrameOpener> of;
  };
  void follow_roster(UnixTime wall, TimePoint now);
  void use_own_keys();
  void send_keys(const std::vector<Entry>& to, UnixTime wall);
  bool try_parcel(ByteView bytes, UnixTime wall, TimePoint now);
  void retry_early(UnixTime wall, TimePoint now);
  void ask(const Openers& sender, UnixTime wall, TimePoint now);
  Openers& openers_of(const Entry& entry, TimePoint now);
  Error refuse_frame(const Openers* sender, std::uint64_t key_id, TimePoint arrival, TimePoint now);

  ConferenceKey conference_;
  Self self_;
  calls::MemberId id_;
  calls::Roster roster_;
  e2ee::SenderKeys keys_;
  std::map<e2ee::Kind, e2ee::FrameSealer> sealers_;
  std::map<calls::CallKey, Entry> known_;
  std::map<calls::CallKey, Openers> openers_;
  std::map<std::uint64_t, std::pair<calls::CallKey, e2ee::Kind>> by_prefix_;  ///< upper 48 bits of key ids
  std::deque<Bytes> early_;
  std::vector<Parcel> parcels_;
  std::optional<TimePoint> settle_at_;
  bool in_ = false;
  std::uint64_t sequence_ = 0, revision_ = 0;
  UnixTime wall_{};
  Counters counters_;
};

}  // namespace conclave::member
