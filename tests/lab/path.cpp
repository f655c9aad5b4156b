/// A network between namespaces, in user space: each namespace gets one interface (tun), and every IPv4 packet that one
/// sends to another is lost, delayed and queued as this program is told. What needs no kernel module: `tc netem` is not
/// in every kernel.
///
///     lab_path NAMESPACE=ADDRESS …          namespaces exist (ip netns add); needs the right to enter them
///
/// Then lines on standard input:
///     path FROM TO loss SHARE delay MS [rate BPS queue MS]    one direction; what has no path is cut
///     stats                                                   one JSON line, and the greatest queues start anew
/// Ends when its input does.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <queue>
#include <random>
#include <sstream>
#include <utility>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Milliseconds = std::chrono::duration<double, std::milli>;
using Address = std::uint32_t;

[[noreturn]] void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

Time after(Time from, double milliseconds) {
  return from + std::chrono::duration_cast<Clock::duration>(Milliseconds(milliseconds));
}

struct Path {
  double loss = 0, delay_ms = 0, rate_bps = 0, queue_ms = 0;
  Time busy_until{};  ///< of the bottleneck
  double queue_max_ms = 0;
  std::uint64_t packets = 0, lost = 0, dropped = 0, bytes = 0;
};

struct Waiting {
  Time due;
  std::uint64_t order;
  Address to;
  std::vector<char> bytes;
  bool operator<(const Waiting& other) const {  // the earliest first out of a priority_queue
    return std::pair(due, order) > std::pair(other.due, other.order);
  }
};

/// An interface in a namespace that leads here.
int open_tun(const std::string& name, const std::string& address) {
  int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int there = ::open(("/var/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (there < 0 || ::setns(there, CLONE_NEWNET) != 0) give_up("namespace " + name);
  int tun = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strcpy(request.ifr_name, "path0");
  if (tun < 0 || ::ioctl(tun, TUNSETIFF, &request) != 0) give_up("tun in " + name);
  auto set = "ip link set lo up && ip address add " + address + "/24 dev path0 && ip link set path0 mtu 1500 txqueuelen 4096 up && "
             "ip route add default dev path0";
  if (std::system(set.c_str()) != 0) give_up("address of " + name);
  if (::setns(home, CLONE_NEWNET) != 0) give_up("the way home");
  ::close(home);
  ::close(there);
  return tun;
}

class Network {
 public:
  void add(const std::string& name, const std::string& address) {
    tuns_[parse(address)] = open_tun(name, address);
    names_[parse(address)] = address;
  }

  void run() {
    std::string input;
    for (bool open = true; open;) {
      std::vector<pollfd> polled{{0, POLLIN, 0}};
      for (auto& [address, tun] : tuns_) polled.push_back({tun, POLLIN, 0});
      timespec patience{1, 0};
      if (!waiting_.empty()) {
        auto left = std::max(Clock::duration(0), waiting_.top().due - Clock::now());
        patience = {left / std::chrono::seconds(1), left % std::chrono::seconds(1) / std::chrono::nanoseconds(1)};
      }
      ::ppoll(polled.data(), polled.size(), &patience, nullptr);
      for (std::size_t i = 1; i < polled.size(); ++i)
        if (polled[i].revents) take(polled[i].fd);
      deliver();
      if (polled[0].revents) open = hear(input);
    }
  }

 private:
  static Address parse(const std::string& text) {
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1) give_up("address " + text);
    return address.s_addr;
  }

  void take(int tun) {
    std::vector<char> bytes(2048);
    for (ssize_t size; (size = ::read(tun, bytes.data(), bytes.size())) > 0; bytes.resize(2048)) {
      Address from, to;
      if (size < 20 || (bytes[0] & 0xf0) != 0x40) continue;  // IPv4 alone
      std::memcpy(&from, bytes.data() + 12, 4);
      std::memcpy(&to, bytes.data() + 16, 4);
      auto path = paths_.find({from, to});
      if (path == paths_.end()) continue;
      bytes.resize(static_cast<std::size_t>(size));
      send(path->second, to, bytes);
    }
  }

  void send(Path& path, Address to, std::vector<char>& bytes) {
    auto now = Clock::now();
    ++path.packets;
    path.bytes += bytes.size();
    auto leaves = now;
    if (path.rate_bps > 0) {
      auto start = std::max(now, path.busy_until);
      auto queue = Milliseconds(start - now).count();
      if (queue > path.queue_ms) {
        ++path.dropped;
        return;
      }
      path.queue_max_ms = std::max(path.queue_max_ms, queue);
      leaves = path.busy_until = after(start, static_cast<double>(bytes.size()) * 8e3 / path.rate_bps);
    }
    if (std::uniform_real_distribution(0.0, 1.0)(dice_) < path.loss) {
      ++path.lost;
      return;
    }
    waiting_.push({after(leaves, path.delay_ms), ++order_, to, bytes});
  }

  void deliver() {
    for (auto now = Clock::now(); !waiting_.empty() && waiting_.top().due <= now; waiting_.pop()) {
      auto& next = waiting_.top();
      auto tun = tuns_.find(next.to);
      if (tun != tuns_.end()) (void)!::write(tun->second, next.bytes.data(), next.bytes.size());
    }
  }

  /// False at the end of the input.
  bool hear(std::string& input) {
    char some[4096];
    auto size = ::read(0, some, sizeof some);
    if (size <= 0) return false;
    input.append(some, static_cast<std::size_t>(size));
    for (std::size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1))
      obey(input.substr(0, end));
    return true;
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string word, from, to;
    words >> word;
    if (word == "stats") return tell();
    if (word != "path" || !(words >> from >> to)) give_up("not understood: " + line);
    auto& path = paths_[{parse(from), parse(to)}];
    path.loss = path.delay_ms = path.rate_bps = path.queue_ms = 0;
    for (double value; words >> word >> value;) {
      if (word == "loss") path.loss = value;
      else if (word == "delay") path.delay_ms = value;
      else if (word == "rate") path.rate_bps = value;
      else if (word == "queue") path.queue_ms = value;
      else give_up("not understood: " + line);
    }
  }

  void tell() {
    std::printf("[");
    const char* comma = "";
    for (auto& [pair, path] : paths_) {
      std::printf("%s{\"from\":\"%s\",\"to\":\"%s\",\"packets\":%llu,\"lost\":%llu,\"dropped\":%llu,\"bytes\":%llu,\"queue_max_ms\":%.1f}",
                  comma, names_[pair.first].c_str(), names_[pair.second].c_str(),
                  static_cast<unsigned long long>(path.packets), static_cast<unsigned long long>(path.lost),
                  static_cast<unsigned long long>(path.dropped), static_cast<unsigned long long>(path.bytes),
                  std::exchange(path.queue_max_ms, 0));
      comma = ",";
    }
    std::printf("]\n");
    std::fflush(stdout);
  }

  std::map<Address, int> tuns_;
  std::map<Address, std::string> names_;
  std::map<std::pair<Address, Address>, Path> paths_;
  std::priority_queue<Waiting> waiting_;
  std::uint64_t order_ = 0;
  std::mt19937_64 dice_{std::random_device{}()};
};

}  // namespace

int main(int argc, char** argv) {
  Network network;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    auto equals = word.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "usage: lab_path NAMESPACE=ADDRESS ...\n");
      return 2;
    }
    network.add(word.substr(0, equals), word.substr(equals + 1));
  }
  std::printf("ready\n");
  std::fflush(stdout);
  network.run();
}
