// conclave run: the node itself, in the foreground.
#include "cli/config.hpp"
#include "cli/context.hpp"
#include "cli/face.hpp"
#include "cli/footprint.hpp"
#include "cli/narrator.hpp"
#include "cli/terminal.hpp"
#include "crypto/codec/key_text.hpp"
#include "node/api.hpp"
#include "transport/io/short_turns.hpp"

#include <chrono>
#include <csignal>
#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace conclave::cli {
namespace asio = boost::asio;
namespace {

// The first time is after the start: by then a node that knows others has entered the DHT and published where it is.
constexpr auto start_over = std::chrono::seconds(10);
constexpr auto footprint_every = std::chrono::minutes(1);

// What "ready after" counts from: this object is made before main().
const auto program_start = std::chrono::steady_clock::now();

struct RunOptions {
  std::optional<std::uint16_t> udp_port, tcp_port, page_port;
  std::optional<std::string> listen;
  std::vector<std::string> bootstrap;
  bool no_tcp = false, no_lan = false, no_map = false, no_page = false, quiet = false, seal = false;
};

Config merge(Config config, const RunOptions& options, const Context& context) {
  auto set = [](auto& to, auto& from) {
    if (from) to = *from;
  };
  set(config.node.udp_port, options.udp_port);
  set(config.node.tcp_port, options.tcp_port);
  set(config.page_port, options.page_port);
  set(config.node.listen, options.listen);
  for (auto& node : options.bootstrap) config.node.bootstrap.push_back(node);
  if (options.no_tcp) config.node.tcp = false;
  if (options.no_lan) config.node.lan = false;
  if (options.no_map) config.node.map_port = false;
  if (options.no_page) config.page = false;
  if (!context.log_level.empty()) config.log_level = context.log_level;
  return config;
}

void start_log(const Config& config) {
  auto log = spdlog::stderr_color_mt("conclave");
  log->set_pattern("%H:%M:%S %^%l%$ %v");
  log->set_level(spdlog::level::from_str(config.log_level));
  spdlog::set_default_logger(log);
}

Outcome<node::Profile> open_profile(const Context& context, const RunOptions& options, Random& random,
                                    UnixTime now) {
  TRY(auto given, context.given_passphrase());
  if (!node::Profile::exists(context.profile)) {
    if (options.seal) {
      TRY(given, context.passphrase("Choose a passphrase for the new profile: ", /*again=*/true));
    }
    auto made = node::Profile::create(context.profile, given, random, now);
    if (!made) return trouble(made.error());
    spdlog::info("Made a new account in {}", context.profile.string());
    return std::move(*made);
  }
  auto opened = node::Profile::open(context.profile, given);
  if (!opened && opened.error() == node::Errc::passphrase_needed) {
    TRY(auto asked, context.passphrase("Passphrase of the profile: ", /*again=*/false));
    opened = node::Profile::open(context.profile, asked);
  }
  if (opened) return std::move(*opened);
  if (opened.error() == node::Errc::profile_in_use)
    return trouble(Exit::taken, "profile_in_use",
                   "A node is already running for the profile " + context.profile.string() + ".",
                   "Use that one (`conclave status`), stop it, or choose another directory with --profile.");
  return trouble(opened.error());
}

/// The node, its API and its page, from start to SIGTERM.
class Running {
 public:
  Running(const Context& context, const Config& config, bool quiet, node::Profile profile)
      : context_(context),
        config_(config),
        quiet_(quiet),
        node_({io_.get_executor(), clock_, random_}, std::move(profile), config.node),
        gateway_(io_.get_executor(), clock_, random_, gateway_options(context, config)),
        api_(io_.get_executor(), clock_, node_, gateway_, config.node.page_urls),
        narrator_(io_.get_executor(), clock_, node_) {}

  Outcome<> run() {
    Outcome<> outcome;
    asio::co_spawn(io_, live(), [&](std::exception_ptr error, Outcome<> result) {
      if (error) std::rethrow_exception(error);
      outcome = std::move(result);
      io_.stop();  // sockets may still wait for packets that nobody takes any more
    });
    io::prefer_short_turns();
    io_.run();
    return outcome;
  }

 private:
  static gateway::Options gateway_options(const Context& context, const Config& config) {
    return {context.profile / "api.sock", context.profile / "page", config.page, config.page_port};
  }

  asio::awaitable<Outcome<>> live() {
    if (auto started = co_await node_.start(); !started) co_return could_not_start(started.error());
    auto known = co_await node_.bootstrap(config_.node.bootstrap);
    if (!known) {
      co_await node_.close();
      co_return trouble(known.error());
    }
    auto served = gateway_.start();
    if (!served) {
      co_await node_.close();
      auto& failure = served.error();
      co_return trouble(exit_for(failure.code), failure.code, failure.message, failure.hint);
    }
    api_.start();
    announce();
    if (!context_.json) narrator_.start();
    clock_.at(clock_.now() + start_over, [this] { keep_small(); });
    boost::system::error_code error;
    int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    spdlog::info("Stopping ({})", signal == SIGINT ? "interrupted" : "terminated");
    // A second signal does not wait for peers to be told.
    signals_.async_wait([](auto failed, int) {
      if (!failed) std::_Exit(static_cast<int>(Exit::failed));
    });
    co_await gateway_.close();
    co_await api_.close();
    co_await narrator_.close();
    co_await node_.close();
    spdlog::info("Stopped");
    co_return Outcome<>{};
  }

  void keep_small() {
    give_back_idle_pages();
    clock_.at(clock_.now() + footprint_every, [this] { keep_small(); });
  }

  Outcome<> could_not_start(const Error& error) {
    if (error != node::Errc::port_taken) return trouble(error);
    return trouble(
        Exit::taken, "port_taken",
        "The UDP or TCP port of the node (" + std::to_string(config_.node.udp_port) + ", " +
            std::to_string(config_.node.tcp_port) + ") is taken by another program.",
        "Stop that program, or choose other ports with --udp-port and --tcp-port; 0 takes any free one.");
  }

  void announce() {
    auto ready =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - program_start).count();
    auto status = node_.status();
    auto key = codec::to_text(status.account);
    auto page = gateway_.page();
    if (context_.json) {
      context_.print({{"event", "ready"},
                      {"data",
                       {{"account", key},
                        {"node", codec::to_text(status.node)},
                        {"link", node_.link()},
                        {"addresses", status.addresses},
                        {"udp_port", status.udp_port},
                        {"tcp_port", status.tcp_port},
                        {"page", page ? Json(page->url()) : Json(nullptr)},
                        {"ready_ms", ready}}}});
      return;
    }
    if (!quiet_) {
      std::cout << link_qr(node_.link(), std::min(terminal_width(), 80)) << "\n"
                << painted(Colour::bold, "Your key   ") << key << "\n"
                << painted(Colour::bold, "Your link  ") << node_.link() << "\n"
                << painted(Colour::bold, "Your page  ") << (page ? page->url() : "none (--no-page)") << "\n\n"
                << "Give the link to a friend; `conclave contact add LINK NAME` adds theirs. Ctrl-C stops.\n"
                << std::endl;
    }
    spdlog::info("Ready after {:.0f} ms; UDP port {}{}", ready, status.udp_port,
                 status.tcp_port ? ", TCP port " + std::to_string(status.tcp_port) : "");
    if (!node_.knows_somebody())
      spdlog::warn("No other node is known yet: add a friend by link, or name a node with --bootstrap");
  }

  const Context& context_;
  const Config& config_;
  const bool quiet_;
  asio::io_context io_{1};
  io::AsioClock clock_{io_.get_executor()};
  SystemRandom random_;
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  node::Node node_;
  gateway::Gateway gateway_;
  node::Api api_;
  Narrator narrator_;
};

Outcome<> run(const Context& context, const RunOptions& options) {
  if (!context.log_level.empty() && !is_log_level(context.log_level))
    return trouble(Exit::usage, "usage", "There is no log level \"" + context.log_level + "\".",
                   "Levels: trace, debug, info, warning, error, off.");
  TRY(auto config, load_config(context.config));
  config = merge(std::move(config), options, context);
  start_log(config);
  std::signal(SIGPIPE, SIG_IGN);
  SystemRandom random;
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  TRY(auto profile, open_profile(context, options, random, UnixTime{now.count()}));
  if (!profile.certified())
    return trouble(Exit::failed, "not_certified", "This device is not certified by its account yet.",
                   "On the first device: conclave device add " + codec::to_text(profile.node_key()) +
                       "; then here: conclave device adopt CERTIFICATE.");
  return Running(context, config, options.quiet, std::move(profile)).run();
}

}  // namespace

void add_run(CLI::App& program, Context& context) {
  auto* command = program.add_subcommand("run", "Start your node and keep it running");
  auto options = std::make_shared<RunOptions>();
  command
      ->add_option("--bootstrap", options->bootstrap,
                   "A node to start from: its multiaddr, or a link; may be repeated")
      ->type_name("NODE")
      ->allow_extra_args(false);
  command->add_option("--udp-port", options->udp_port, "UDP port (default: the one used last time)")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535));
  command->add_option("--tcp-port", options->tcp_port, "TCP port (default: the one used last time)")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535));
  command->add_option("--listen", options->listen, "Address to bind (default: all)")->type_name("IP");
  command
      ->add_option("--page-port", options->page_port,
                   "Port of the page on 127.0.0.1 (default: the one used last time)")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535));
  command->add_flag("--no-page", options->no_page, "Serve no page");
  command->add_flag("--no-tcp", options->no_tcp, "Neither listen nor dial by TCP");
  command->add_flag("--no-lan", options->no_lan, "Neither look for nor answer nodes on the local network");
  command->add_flag("--no-map-port", options->no_map, "Do not ask the router for a port");
  command->add_flag("--seal", options->seal, "Protect a new profile with a passphrase, and ask for it");
  command->add_flag("--quiet", options->quiet, "Print no key, link and page address; for services");
  command->footer(
      "Examples:\n"
      "  conclave run\n"
      "  conclave run --bootstrap /ip4/192.0.2.1/udp/4001/nquic/p2p/12D3KooW…\n"
      "  conclave run --profile ~/second --page-port 4800\n\n"
      "SIGINT and SIGTERM stop it cleanly.");
  command->callback(
      [&context, options] { context.action = [&context, options] { return run(context, *options); }; });
}

}  // namespace conclave::cli
