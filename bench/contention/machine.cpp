#include "machine.hpp"

#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/utsname.h>

#include <boost/version.hpp>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "cpython.hpp"

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

std::string output_of(const std::string& command) {
  std::string text;
  if (std::FILE* pipe = ::popen(command.c_str(), "re")) {
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    ::pclose(pipe);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string commit() {
  const std::string here = std::filesystem::path(__FILE__).parent_path().string();
  return output_of("git -C '" + here + "' describe --always --dirty 2>&-");
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

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::vector<std::pair<std::string, std::string>> machine_facts() {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto tell = [&](const char* what, const std::string& value) {
    facts.emplace_back(what, value.empty() ? "unknown" : value);
  };
  utsname kernel{};
  ::uname(&kernel);
  const bool is_virtual = cpuinfo("flags").find(" hypervisor") != std::string::npos;
  double load[1] = {0};
  ::getloadavg(load, 1);
  char load_text[32];
  std::snprintf(load_text, sizeof load_text, "%.2f", load[0]);

  tell("processor", cpuinfo("model name"));
  tell("processors usable", std::to_string(usable_processors()));
  tell("virtual machine", is_virtual ? "yes" : "no");
  tell("kernel", std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine);
  tell("C library", std::string("glibc ") + ::gnu_get_libc_version());
  tell("compiler", compiler());
#if !defined(__OPTIMIZE__)
  tell("warning", "built without optimisation: these figures are not worth reading");
#endif
  tell("Boost",
       std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000));
  tell("CPython", cpython().unavailable.empty() ? cpython().version : cpython().unavailable);
  tell("commit", commit());
  tell("load before", load_text);
  tell("measured", now());
  return facts;
}

}  // namespace contention
