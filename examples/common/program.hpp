/// What all example programs share: their flags, their exit codes, and the report's common figures.
///
///     int main(int argc, char** argv) {
///       examples::Program program("digits", "Learns handwritten digits.");
///       program.app().add_option("--lr", learning_rate, "largest learning rate");
///       return program.run(argc, argv, [&] { ...; return 0; });
///     }
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include <kashi/core/random.hpp>
#include <kashi/train/report.hpp>

namespace examples {

/// Flags that every program has.
struct Flags {
  std::string data;     ///< folder of the user's data; empty: the embedded default
  std::string weights;  ///< file of weights
  std::string out;      ///< folder for everything that is written
  kashi::Index epochs = 0;
  kashi::Index batch = 0;
  std::uint64_t seed = 42;
  int threads = 0;  ///< 0: all
  bool quick = false;
  bool resume = false;
};

/// A program's command line and life: parses flags, runs the body, turns errors into one line and an exit code.
class Program {
 public:
  Program(std::string name, const std::string& description);

  CLI::App& app() { return app_; }
  Flags& flags() { return flags_; }
  std::filesystem::path out() const { return flags_.out; }
  std::filesystem::path checkpoint() const { return out() / "checkpoint.safetensors"; }

  /// Parses and runs. Exit codes: the body's; 1 after an error, told as `error: ...`; 2 for wrong flags.
  int run(int argc, char** argv, const std::function<int()>& body);

  /// Call it before the training, once the data are known to be good. Unless --resume finds a checkpoint to go on from,
  /// says that it starts afresh, and removes an earlier run's report, which would not be of the new weights.
  void begin_run() const;
  /// Whether the report's page, which is written last of all, is there and not older than the checkpoint.
  bool is_finished() const;

  /// seed, threads, isa, version, seconds: what every report.json holds.
  void add_common_figures(kashi::train::Report& report) const;

  /// Counts the time of earlier sittings of a resumed run.
  void add_earlier_seconds(double seconds) { earlier_seconds_ += seconds; }
  /// Since the start, and in earlier sittings.
  double seconds() const {
    return earlier_seconds_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::string name_;
  CLI::App app_;
  Flags flags_;
  double earlier_seconds_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace examples
