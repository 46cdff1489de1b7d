#pragma once
/// A Python program that a test runs, and has ended when the test is over.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lagoon::test {

/// The directory of the scripts beside this file.
inline std::string remote_scripts() {
  return std::filesystem::path(__FILE__).parent_path().string();
}

class PythonProgram {
 public:
  explicit PythonProgram(std::vector<std::string> arguments,
                         const std::string& python = "python3") {
    int out[2];
    if (::pipe(out) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      ::close(out[0]);
      ::close(out[1]);
      ::setenv("PYTHONUTF8", "1", 1);
      std::vector<char*> pointers{const_cast<char*>(python.c_str()), const_cast<char*>("-B")};
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execvp(python.c_str(), pointers.data());
      ::_exit(127);
    }
    ::close(out[1]);
    out_ = ::fdopen(out[0], "r");
  }
  PythonProgram(const PythonProgram&) = delete;
  PythonProgram& operator=(const PythonProgram&) = delete;
  ~PythonProgram() {
    kill();
    std::fclose(out_);
  }

  /// What it says next; nothing at its end.
  std::string line() {
    char text[4096];
    if (std::fgets(text, sizeof text, out_) == nullptr) return "";
    std::string line = text;
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }
  std::string rest() {
    std::string all;
    for (int c = 0; (c = std::fgetc(out_)) != EOF;) all += static_cast<char>(c);
    return all;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  std::FILE* out_ = nullptr;
};

/// Waits for what another process does; the watchdog sees to its end.
template <class F>
void wait_until_it_holds(F&& f) {
  while (!f()) std::this_thread::yield();
}

}  // namespace lagoon::test
