// conclave call LINK: a member of a conference without a browser, for bots, tests and load. Enters as a guest page
// does, through an entry node of the link; media keys are made here and stay in this process.
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
  std::string link, play, play_audio, record, name = "member";
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
       std::optional<member::Recorder> recorder, std::unique_ptr<io::Udp> socket, asio::io_context& context)
      : context_(context),
        clock_(context.get_executor()),
        signals_(context, SIGINT, SIGTERM),
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
    context_.run();
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
    bool hopeless = attendance_.counters().connects == 0 && now - begun_ > first_connect_max;
    if (attendance_.state() == left || attendance_.state() == refused || hopeless) {
      signals_.cancel();
      context_.stop();
      return;
    }
    arm();
  }

  void arm() {
    clock_.cancel(alarm_);
    alarm_ = clock_.at(std::min(leave_at_, attendance_.deadline()), [this] { step(); });
  }

  asio::io_context& context_;
  io::AsioClock clock_;
  asio::signal_set signals_;
  SystemRandom random_;
  std::optional<member::Recorder> recorder_;
  std::unique_ptr<io::Udp> socket_;
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

Outcome<> call(const Context& context, const CallOptions& options) {
  auto link = calls::conference_link_from_text(options.link);
  if (!link)
    return trouble(Exit::usage, "bad_link", "This is no link of a conference.",
                   link.error() == Errc::bad_checksum ? "It was cut short or mistyped; copy all of it." : "");
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
  Call running(options, std::move(*link), std::move(programme), std::move(recorder), std::move(*socket), loop);
  auto outcome = running.run();
  if (outcome) print(context, running.report());
  return outcome;
}

}  // namespace

void add_call(CLI::App& program, Context& context) {
  auto options = std::make_shared<CallOptions>();
  auto* command = program.add_subcommand("call", "Be a member of a conference without a browser: for bots and tests");
  command->add_option("link", options->link, "The conference's link")->required()->type_name("LINK");
  command->add_option("--play", options->play, "Camera: an IVF file with VP8, again and again")->type_name("FILE");
  command->add_option("--play-audio", options->play_audio, "Microphone: an Ogg file with Opus")->type_name("FILE");
  command->add_option("--record", options->record, "Write what each member sends as .ivf and .ogg")->type_name("DIR");
  command->add_option("--name", options->name, "What others see")->capture_default_str();
  command->add_option("--seconds", options->seconds, "Leave after this long (default: at SIGINT)");
  command->add_option("--fps", options->fps, "Pictures a second (default: the file's)")->check(CLI::Range(1.0, 60.0));
  command->add_option("--slots", options->slots, "Pictures watched at once")->capture_default_str();
  command->add_option("--height", options->height, "Their height in pixels")->capture_default_str();
  command->footer(
      "Needs no node and no profile of its own. Keys stay in this process. Prints counters at the end.\n\n"
      "Example:\n  conclave call 'http://127.0.0.1:8787/#c=...' --play film.ivf --play-audio sound.ogg --record seen");
  command->callback([&context, options] { context.action = [&context, options] { return call(context, *options); }; });
}

}  // namespace conclave::cli
