#include "machine.hpp"

#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <boost/version.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace contention {
namespace {

std::string cpuinfo(const std::string& field) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string text; std::getline(file, text);) {
    if (text.rfind(field, 0) == 0) {
      const auto value = text.find(": ");
      return value == std::string::npos ? std::string() : text.substr(value + 2);
    }
  }
  return {};
}

std::string commit() {
  const std::string here = std::filesystem::path(__FILE__).parent_path().string();
  return first_line_of("git -C '" + here + "' describe --always --dirty 2>&-");
}

/// By which the kernel chooses the processors' frequency; of a virtual machine the host may do it.
std::string governor() {
  std::string name;
  std::ifstream("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") >> name;
  return name.empty() ? "none that the kernel tells of" : name;
}

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("g++ ") + __VERSION__;
#endif
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return text;
}

}  // namespace

std::string first_line_of(const std::string& command) {
  std::string text;
  if (std::FILE* pipe = ::popen(command.c_str(), "re")) {
    for (int c = 0; (c = std::fgetc(pipe)) != EOF && c != '\n';) text += static_cast<char>(c);
    if (::pclose(pipe) != 0) text.clear();
  }
  return text;
}

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void pin(int i) {
  cpu_set_t set, one;
  CPU_ZERO(&set);
  CPU_ZERO(&one);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return;
  int left = i % CPU_COUNT(&set);
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &set) || left-- != 0) continue;
    CPU_SET(processor, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

std::vector<int> descendants() {
  std::vector<int> all;
  const auto add_children_of = [&](const std::string& process) {
    std::error_code error;
    for (const auto& thread :
         std::filesystem::directory_iterator("/proc/" + process + "/task", error)) {
      std::ifstream children(thread.path() / "children");
      for (int child = 0; children >> child;) all.push_back(child);
    }
  };
  add_children_of("self");
  for (std::size_t i = 0; i < all.size(); ++i) add_children_of(std::to_string(all[i]));
  return all;
}

Others::Seconds Others::Seconds::now() {
  std::ifstream file("/proc/stat");
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, steal = 0;
  file >> word >> user >> nice >> system >> idle >> waiting >> irq >> softirq >> steal;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double busy = user + nice + system + irq + softirq + steal;

  double ours = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime}) {
      ours += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  return {busy / ticks, (busy + idle + waiting) / ticks, ours};
}

double Others::share() const {
  const Seconds end = Seconds::now();
  const double all = end.all - begin_.all;
  const double theirs = (end.busy - begin_.busy) - (end.ours - begin_.ours);
  return all > 0 ? std::clamp(theirs / all, 0.0, 1.0) : 0;
}

std::vector<std::pair<std::string, std::string>> machine_facts() {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto tell = [&](const char* what, const std::string& value) {
    facts.emplace_back(what, value.empty() ? "unknown" : value);
  };
  utsname kernel{};
  ::uname(&kernel);
  const bool is_virtual = cpuinfo("flags").find(" hypervisor") != std::string::npos;

  tell("processor", cpuinfo("model name"));
  tell("processors usable", std::to_string(usable_processors()));
  tell("virtual machine", is_virtual ? "yes" : "no");
  tell("frequency governor", governor());
  tell("kernel", std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine);
  tell("C library", std::string("glibc ") + ::gnu_get_libc_version());
  tell("compiler", compiler());
  tell("Boost",
       std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000));
  tell("commit", commit());
  tell("measured", now());
  return facts;
}

}  // namespace contention
