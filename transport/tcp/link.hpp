#pragma once
/// The driver of one connection: records and yamux over one byte pipe, and the streams of both sides.
///
/// Two coroutines move the bytes, one each way, and a third one watches the time. They share ownership of the link
/// and end when the pipe does; `close` ends it from here. Sending is pulled: a writer's bytes stay where they are
/// until the pipe takes more, then they are copied once, into the record that is sealed in place. Up to four records
/// go out in one write.
#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <map>

#include "transport/io/connection.hpp"
#include "transport/io/scope.hpp"
#include "transport/tcp/handshake.hpp"
#include "transport/tcp/yamux.hpp"

namespace conclave::tcp {

struct LinkSettings {
  boost::asio::any_io_executor executor;
  io::Clock& clock;
  io::Scope& scope;      ///< runs the coroutines; stays longer than the link
  Choice::Speaks speaks;  ///< the protocols that `accept` may hand out; others are answered `na`
  YamuxLimits limits;
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  /// Time for the last words after `close`.
  static constexpr Duration linger = std::chrono::seconds(1);
  /// A pipe that takes nothing for this long is dead, whatever TCP thinks.
  static constexpr Duration write_patience = std::chrono::seconds(60);
  /// For a peer that opened a stream to name its protocol.
  static constexpr Duration naming_patience = std::chrono::seconds(10);

  Link(const LinkSettings& settings, Yamux::Role role, std::unique_ptr<io::Stream> pipe, Handshake::Outcome outcome);
  ~Link();
  /// Once, after construction.
  void start();

  Result<std::unique_ptr<io::Stream>> open(std::string protocol);
  boost::asio::awaitable<Result<io::Connection::Incoming>> accept();
  void close();
  /// Forgets streams that nobody accepted; each holds the link.
  void drop_unaccepted();
  bool over() const { return over_; }
  /// Runs `act` once, when the link is over; at once if it is.
  void on_over(std::function<void()> act);
  boost::asio::awaitable<void> wait_over();
  Duration smoothed_rtt() const { return yamux_.smoothed_rtt(); }

 private:
  friend class LinkStream;
  /// What a stream of ours has beside its yamux state.
  struct Lane {
    Lane(const boost::asio::any_io_executor& executor, io::Clock& clock)
        : readable(executor, clock), drained(executor, clock) {}
    io::Event readable;
    io::Event drained;
    std::deque<Bytes> said;            ///< negotiation, lent to yamux
    std::optional<Proposal> proposal;  ///< of a stream that we opened, until it is agreed
    Error refusal;                     ///< why it was not agreed
  };
  using Self = std::shared_ptr<Link>;

  static boost::asio::awaitable<void> read_loop(Self self);
  static boost::asio::awaitable<void> write_loop(Self self);
  static boost::asio::awaitable<void> watch_loop(Self self);
  static boost::asio::awaitable<void> welcome(Self self, YamuxId id);
  Result<std::optional<std::string>> hear_choice(YamuxId id, Lane& lane, Choice& choice);
  Result<> read_records();
  std::size_t fill_output();
  void dispatch();
  void say(YamuxId id, Lane& lane, Bytes bytes);
  void end();
  void wake_all();
  void wake_writer();
  TimePoint now() const { return settings_.clock.now(); }

  LinkSettings settings_;
  std::unique_ptr<io::Stream> pipe_;
  RecordCipher seal_;
  RecordCipher open_;
  Yamux yamux_;
  std::map<YamuxId, std::shared_ptr<Lane>> lanes_;
  std::deque<io::Connection::Incoming> arrived_;
  io::Event arrival_;
  io::Event work_;   ///< for the writer
  io::Event watch_;  ///< ends the watch
  std::deque<std::shared_ptr<io::Event>> waiting_for_end_;
  std::function<void()> on_over_;

  std::unique_ptr<Byte[]> input_;
  std::size_t input_size_ = 0;
  std::unique_ptr<Byte[]> output_;
  Bytes behind_;        ///< of the handshake, read first
  Bytes behind_plain_;
  std::optional<TimePoint> writing_since_;
  std::optional<io::Clock::Alarm> linger_alarm_;
  bool over_ = false;    ///< nothing new is opened or written
  bool failed_ = false;  ///< the peer broke the protocol; what it still says is not read
};

}  // namespace conclave::tcp
