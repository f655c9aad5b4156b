// conclave call LINK, conclave join KEY: a member of a conference without a browser, for bots, tests and load. By a link
// it enters as a guest page does, through an entry node of the link; by a key through the own node, which finds the
// conference's nodes. Media keys are made here and stay in this process.
#include "cli/ask.hpp"
#include "cli/context.hpp"
#include "cli/terminal.hpp"
#include "node/member/attendance.hpp"
#include "node/member/recorder.hpp"
#include "transport/io/clock.hpp"
#include "transport/io/udp.hpp"

#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

namespace conclave::cli {
namespace asio = boost::asio;
namespace {

/// How long the first way in may take before it is called unreachable.
constexpr Duration first_connect_max{30'000'000};

struct CallOptions {
  std::string link, key, play, play_audio, record, name = "member";
  double seconds = 0, fps = 0;
  std::size_t slots = 6;
  std::uint16_t height = 720;
};

Outcome<Bytes> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return trouble(Exit::usage, "bad_file", "The file " + path + " cannot be read.");
  return Bytes{std::istreambuf_iterator<char>(in), {}};
}

Outcome<member::Programme> load(const CallOptions& options) {
  member::Programme out;
  out.fps = options.fps;
  if (!options.play.empty()) {
    TRY(auto bytes, read_file(options.play));
    auto film = member::read_film(bytes);
    if (!film)
      return trouble(Exit::usage, "bad_file", options.play + " is no IVF file with VP8.",
                     "ffmpeg -i FILM -c:v libvpx -g 30 film.ivf");
    out.film = std::make_shared<const member::Film>(std::move(*film));
  }
  if (!options.play_audio.empty()) {
    TRY(auto bytes, read_file(options.play_audio));
    auto song = member::read_song(bytes);
    if (!song)
      return trouble(Exit::usage, "bad_file", options.play_audio + " is no Ogg file with Opus.",
                     "ffmpeg -i SOUND -c:a libopus -frame_duration 20 sound.ogg");
    out.song = std::make_shared<const member::Song>(std::move(*song));
  }
  return out;
}

Json milliseconds(const std::optional<Duration>& span) {
  return span ? Json(static_cast<double>(span->count()) / 1000) : Json(nullptr);
}

/// One member, its socket and its clock, from entering to having left.
class Call {
 public:
  Call(const CallOptions& options, calls::ConferenceLink link, member::Programme programme,
       std::optional<member::Recorder> recorder, std::unique_ptr<io::Udp> socket, asio::io_context& loop)
      : loop_(loop),
        clock_(loop.get_executor()),
        signals_(loop, SIGINT, SIGTERM),
        recorder_(std::move(recorder)),
        socket_(std::move(socket)),
        begun_(clock_.now()),
        attendance_(
            std::move(link), std::move(programme), {options.name, options.slots, options.height}, random_,
            [this](const io::Endpoint& to, ByteView datagram) { socket_->send(to, datagram); },
            [this](const member::Frame& frame, TimePoint at) { record(frame, at); }, clock_.unix_now(), begun_) {
    if (options.seconds > 0) leave_at_ = begun_ + Duration(static_cast<std::int64_t>(options.seconds * 1e6));
  }

  Outcome<> run() {
    signals_.async_wait([this](auto failed, int) {
      if (!failed) attendance_.leave(clock_.unix_now(), clock_.now());
      arm();
    });
    socket_->on_receive([this](std::span<const io::Packet> packets) {
      for (auto& packet : packets) attendance_.receive(packet.from, packet.bytes, clock_.unix_now(), clock_.now());
      arm();
    });
    arm();
    loop_.run();
    if (recorder_) recorder_->finish();
    if (attendance_.state() == member::Attendance::State::refused)
      return trouble(Exit::failed, "refused", "The conference does not let us in: " + attendance_.refusal() + ".");
    if (attendance_.counters().connects == 0)
      return trouble(Exit::not_reached, "not_reached", "None of the link's nodes answers.",
                     "Ask for a fresh link; their addresses may have changed.");
    return {};
  }

  Json report() const;

 private:
  void record(const member::Frame& frame, TimePoint at) {
    if (!recorder_) return;
    auto& members = attendance_.circle().members(clock_.unix_now());
    std::string_view name;
    for (auto& [call, entry] : members)
      if (entry.id == frame.from) name = entry.member.name;
    recorder_->add(frame, name, at);
  }

  void step() {
    auto now = clock_.now();
    if (now >= leave_at_) attendance_.leave(clock_.unix_now(), now);
    attendance_.advance(clock_.unix_now(), now);
    using enum member::Attendance::State;
    tell();
    bool hopeless = attendance_.counters().connects == 0 && now - begun_ > first_connect_max;
    if (attendance_.state() == left || attendance_.state() == refused || hopeless) {
      signals_.cancel();
      loop_.stop();
      return;
    }
    arm();
  }

  /// To whoever waits at the terminal, on stderr: what has changed.
  void tell() {
    using enum member::Attendance::State;
    auto wall = clock_.unix_now();
    bool in = attendance_.state() == connected && attendance_.circle().admitted(wall);
    std::string words;
    if (attendance_.state() == waiting)
      words = "Knocking as " + hex(attendance_.circle().id()) + ": somebody in the conference has to let you in.";
    else if (attendance_.state() == reconnecting)
      words = "The way in is lost; looking for another.";
    else if (in)
      words = "You are in.";
    if (words.empty() || words == told_) return;
    std::cerr << words << std::endl;
    told_ = std::move(words);
  }

  void arm() {
    clock_.cancel(alarm_);
    alarm_ = clock_.at(std::min(leave_at_, attendance_.deadline()), [this] { step(); });
  }

  asio::io_context& loop_;
  io::AsioClock clock_;
  asio::signal_set signals_;
  SystemRandom random_;
  std::optional<member::Recorder> recorder_;
  std::unique_ptr<io::Udp> socket_;
  std::string told_;
  TimePoint begun_, leave_at_ = TimePoint::max();
  io::Clock::Alarm alarm_;
  member::Attendance attendance_;
};

Json Call::report() const {
  auto& keys = attendance_.circle().counters();
  auto& ways = attendance_.counters();
  auto& received = attendance_.received();
  auto& published = attendance_.published();
  return {{"member", hex(attendance_.circle().id())},
          {"frames",
           {{"sealed", keys.sealed},
            {"opened", keys.opened},
            {"failed", keys.failed},
            {"late", keys.late},
            {"before", keys.before},
            {"gone", keys.gone},
            {"held", keys.held}}},
          {"keys",
           {{"changed", keys.keys_changed},
            {"sent", keys.keys_sent},
            {"received", keys.keys_received},
            {"refused", keys.keys_refused},
            {"asked", keys.asked}}},
          {"joins", keys.joins},
          {"leaves", keys.leaves},
          {"received",
           {{"packets", received.packets},
            {"repaired", received.repaired},
            {"audio_frames", received.audio_frames},
            {"video_frames", received.video_frames},
            {"undecodable", received.undecodable},
            {"freezes", received.freezes},
            {"key_frames_asked", received.key_frames_asked}}},
          {"sent",
           {{"frames", published.frames},
            {"packets", published.packets},
            {"bytes", published.bytes},
            {"resent", published.resent},
            {"key_frames_on_request", published.key_frames_on_request}}},
          {"connects", ways.connects},
          {"lost", ways.lost},
          {"signals_dropped", ways.signals_dropped},
          {"connected_ms", milliseconds(ways.connected_after)},
          {"admitted_ms", milliseconds(ways.admitted_after)},
          {"first_frame_ms", milliseconds(ways.first_frame_after)},
          {"first_sound_ms", milliseconds(ways.first_sound_after)},
          {"recordings", recorder_ ? recorder_->files() : 0}};
}

void print(const Context& context, const Json& report) {
  context.print(report, [&] {
    auto& frames = report["frames"];
    std::cout << "Sealed " << frames["sealed"] << " frames, opened " << frames["opened"] << "; " << frames["failed"]
              << " failed, " << frames["late"] << " had no key in time.\n"
              << "Keys changed " << report["keys"]["changed"] << " times; " << report["received"]["freezes"]
              << " freezes; entered " << report["connects"] << " times.\n";
    if (!report["first_frame_ms"].is_null())
      std::cout << "The first picture came after " << report["first_frame_ms"] << " ms.\n";
  });
}

Outcome<> take_part(const Context& context, const CallOptions& options, calls::ConferenceLink link) {
  TRY(auto programme, load(options));
  std::optional<member::Recorder> recorder;
  if (!options.record.empty()) {
    auto opened = member::Recorder::open(options.record);
    if (!opened)
      return trouble(Exit::usage, "bad_file", "The directory " + options.record + " cannot be made.");
    recorder = std::move(*opened);
  }
  asio::io_context loop(1);
  auto socket = io::Udp::open(loop.get_executor(), {{io::IpAddress::Family::v6, {}}, 0});
  if (!socket) return trouble(socket.error());
  Call running(options, std::move(link), std::move(programme), std::move(recorder), std::move(*socket), loop);
  auto outcome = running.run();
  if (outcome) print(context, running.report());
  return outcome;
}

Outcome<calls::ConferenceLink> read_link(std::string_view text) {
  auto link = calls::conference_link_from_text(text);
  if (link) return std::move(*link);
  return trouble(Exit::usage, "bad_link", "This is no link of a conference.",
                 link.error() == Errc::bad_checksum ? "It was cut short or mistyped; copy all of it." : "");
}

Outcome<> call(const Context& context, const CallOptions& options) {
  TRY(auto link, read_link(options.link));
  return take_part(context, options, std::move(link));
}

/// The node enters too and looks for the others; who may invite lets itself in, everybody else knocks.
Outcome<> join(const Context& context, const CallOptions& options) {
  TRY(auto entered, ask(context, "calls.enter", {{"conference", options.key}}));
  auto fragment = entered["fragment"].get<std::string>();
  if (entered["may"] == "certify") {
    constexpr std::int64_t hour_ms = 3'600'000;
    // Not where we were rung for: the link has that invite already.
    auto invite = ask(context, "calls.invite", {{"conference", options.key}, {"members_max", 1}, {"life_ms", hour_ms}});
    if (invite) fragment = (*invite)["fragment"].get<std::string>();
  }
  TRY(auto link, read_link(fragment));
  return take_part(context, options, std::move(link));
}

CLI::App* add_member(CLI::App& program, std::string name, std::string about, CallOptions& options) {
  auto* command = program.add_subcommand(std::move(name), std::move(about));
  command->add_option("--play", options.play, "Camera: an IVF file with VP8, again and again")->type_name("FILE");
  command->add_option("--play-audio", options.play_audio, "Microphone: an Ogg file with Opus")->type_name("FILE");
  command->add_option("--record", options.record, "Write what each member sends as .ivf and .ogg")->type_name("DIR");
  command->add_option("--name", options.name, "What others see")->capture_default_str();
  command->add_option("--seconds", options.seconds, "Leave after this long (default: at SIGINT)");
  command->add_option("--fps", options.fps, "Pictures a second (default: the file's)")->check(CLI::Range(1.0, 60.0));
  command->add_option("--slots", options.slots, "Pictures watched at once")->capture_default_str();
  command->add_option("--height", options.height, "Their height in pixels")->capture_default_str();
  return command;
}

}  // namespace

void add_call(CLI::App& program, Context& context) {
  auto options = std::make_shared<CallOptions>();
  auto* by_link = add_member(program, "call", "Be a member of a conference without a browser: for bots and tests", *options);
  by_link->add_option("link", options->link, "The conference's link")->required()->type_name("LINK");
  by_link->footer(
      "Needs no node and no profile of its own. Keys stay in this process. Prints counters at the end.\n\n"
      "Example:\n  conclave call 'http://127.0.0.1:8787/#c=...' --play film.ivf --play-audio sound.ogg --record seen");
  by_link->callback([&context, options] { context.action = [&context, options] { return call(context, *options); }; });

  auto* by_key = add_member(program, "join", "The same by the conference's public key, through your running node", *options);
  by_key->add_option("key", options->key, "The conference's public key, or a link to it")->required()->type_name("KEY");
  by_key->footer(
      "Your node finds the conference's nodes and goes on serving it. Where you may not invite, you knock, and wait until\n"
      "somebody lets you in.\n\nExample:\n  conclave join z6Mk... --name Ada --record seen");
  by_key->callback([&context, options] { context.action = [&context, options] { return join(context, *options); }; });
}

}  // namespace conclave::cli
