/// Runs an example program as a process: its exit code, what it wrote, signals on the way.
#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/temporary_folder.hpp"

extern char** environ;

/// How a process ended and what it wrote.
struct Ending {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream out;
  out << stream.rdbuf();
  return std::move(out).str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

inline std::filesystem::path program_path(const std::string& name) {
  return std::filesystem::path(KASHI_BINARY_DIR) / "examples" / name;
}

/// A running example program. Killed when the object goes away before wait().
class Process {
 public:
  Process(const std::string& program, std::vector<std::string> arguments) {
    const std::string path = program_path(program).string();
    std::vector<char*> words{const_cast<char*>(path.c_str())};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    open_for(actions, STDIN_FILENO, "/dev/null", O_RDONLY);
    open_for(actions, STDOUT_FILENO, (folder_ / "out").string(), O_WRONLY | O_CREAT);
    open_for(actions, STDERR_FILENO, (folder_ / "err").string(), O_WRONLY | O_CREAT);
    const int failure = posix_spawn(&id_, path.c_str(), &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) throw std::runtime_error("can't start " + path);
  }
  ~Process() {
    if (is_running_) {
      ::kill(id_, SIGKILL);
      ::waitpid(id_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Whether it still runs.
  bool is_running() {
    if (is_running_ && ::waitpid(id_, &status_, WNOHANG) == id_) is_running_ = false;
    return is_running_;
  }
  /// What it wrote on standard output so far.
  std::string output() const { return read_whole(folder_ / "out"); }
  void send(int signal) {
    if (is_running()) ::kill(id_, signal);
  }
  Ending wait() {
    if (is_running_) ::waitpid(id_, &status_, 0);
    is_running_ = false;
    return {.exit_code = WIFEXITED(status_) ? WEXITSTATUS(status_) : -1,
            .signal = WIFSIGNALED(status_) ? WTERMSIG(status_) : 0,
            .output = read_whole(folder_ / "out"),
            .errors = read_whole(folder_ / "err")};
  }

 private:
  static void open_for(posix_spawn_file_actions_t& actions, int number, const std::string& path, int flags) {
    posix_spawn_file_actions_addopen(&actions, number, path.c_str(), flags, 0600);
  }

  TemporaryFolder folder_;
  pid_t id_ = 0;
  int status_ = 0;
  bool is_running_ = true;
};

inline Ending run_program(const std::string& program, std::vector<std::string> arguments) {
  return Process(program, std::move(arguments)).wait();
}
