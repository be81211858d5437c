/// What every example program that trains must keep to; a program's own test describes it and calls these checks.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <kashi/io/image.hpp>
#include <kashi/io/safetensors.hpp>
#include <kashi/train/report_page.hpp>

#include "programs/process.hpp"

/// A program with a run of a few seconds that trains for several epochs of several steps.
struct TrainingProgram {
  std::string name;
  std::vector<std::string> arguments;  ///< of the short run; --out is added
  std::vector<std::string> figures;    ///< what its report.json must hold beside what every report does
  std::vector<std::string> pictures;   ///< PNG files that it writes
};

inline std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

inline Ending run_into(const TrainingProgram& program, const std::filesystem::path& out,
                       const std::vector<std::string>& more = {}) {
  return run_program(program.name, with(with(program.arguments, {"--out", out.string()}), more));
}

/// The content of every file in a folder, by its path in it.
inline std::map<std::string, std::string> content_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[std::filesystem::relative(entry.path(), folder).string()] = read_whole(entry.path());
  return out;
}

/// Exit code 1 and one line that begins with "error: "; returns the line.
inline std::string error_line(const Ending& ending) {
  INFO(ending.errors);
  CHECK(ending.exit_code == 1);
  std::vector<std::string> found;
  for (const std::string& line : lines_of(ending.errors))
    if (line.starts_with("error: ")) found.push_back(line);
  REQUIRE(found.size() == 1);
  CHECK(lines_of(ending.errors).back() == found.front());
  CHECK(ending.output.empty());
  return found.front();
}

/// report.json without what may differ between equal runs.
inline nlohmann::json comparable_report(const std::filesystem::path& out) {
  nlohmann::json report = nlohmann::json::parse(read_whole(out / "report.json"));
  for (const char* name : {"seconds", "images_per_second", "threads"}) report.erase(name);
  return report;
}

/// The same weights file byte for byte, the same report, the same state to go on from.
inline void check_same_results(const std::filesystem::path& found, const std::filesystem::path& expected) {
  CHECK(read_whole(found / "best.safetensors") == read_whole(expected / "best.safetensors"));
  CHECK(comparable_report(found) == comparable_report(expected));
  const auto a = kashi::io::load_safetensors(found / "checkpoint.safetensors"),
             b = kashi::io::load_safetensors(expected / "checkpoint.safetensors");
  CHECK(a.size() == b.size());
  for (const auto& entry : b.entries()) {
    if (entry.name == "history.seconds" || entry.name == "history.images_per_second") continue;
    INFO(entry.name);
    const auto x = kashi::io::detail::bytes_of(a.at(entry.name)), y = kashi::io::detail::bytes_of(entry.value);
    CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end()));
  }
}

/// The files of a finished run, and what it says at the end.
inline void check_outputs(const TrainingProgram& program, const Ending& ending, const std::filesystem::path& out) {
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  REQUIRE_FALSE(ending.output.empty());
  CHECK(lines_of(ending.output).back().find(out.string()) != std::string::npos);

  const nlohmann::json report = nlohmann::json::parse(read_whole(out / "report.json"));
  for (const auto& name : with(program.figures, {"seed", "threads", "seconds", "isa", "version"})) {
    INFO(name);
    CHECK(report.contains(name));
  }
  for (const auto& item : report.items()) {
    INFO(item.key());
    const bool is_flat =
        !item.value().is_structured() ||
        std::none_of(item.value().begin(), item.value().end(), [](const auto& part) { return part.is_structured(); });
    CHECK(is_flat);
  }

  const std::string page = read_whole(out / "report.html");
  CHECK(page.find("</html>") != std::string::npos);
  for (const char* outside : {"src=\"http", "src='http", "href=\"http", "url(http", "<script src", "<link "})
    CHECK(page.find(outside) == std::string::npos);
  std::size_t inside = 0;
  for (auto at = page.find("src=\"data:image/png;base64,"); at != std::string::npos;
       at = page.find("src=\"data:", at + 1))
    ++inside;
  CHECK(inside == program.pictures.size());

  for (const auto& picture : program.pictures) {
    INFO(picture);
    CHECK(kashi::io::load_image(out / picture).numel() > 1000);
  }
  CHECK(kashi::io::load_safetensors(out / "best.safetensors").size() > 0);
  for (const auto& [file, bytes] : content_of(out)) CHECK_FALSE(file.starts_with("."));
}

/// Waits, at most a minute, until `holds()`; false if the process ended before.
template <class Condition>
bool wait_until(Process& process, Condition&& holds) {
  for (int i = 0; i < 60'000 && process.is_running(); ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

/// Kills the run when its checkpoint is written for the n-th time, resumes it, and compares with the whole run.
inline void check_kill_and_resume(const TrainingProgram& program, const std::filesystem::path& whole, int writes,
                                  int milliseconds) {
  INFO("killed " << milliseconds << " ms after the checkpoint was written for time " << writes);
  const TemporaryFolder folder;
  const auto out = folder / "out", checkpoint = out / "checkpoint.safetensors";
  {
    Process process(program.name, with(program.arguments, {"--out", out.string()}));
    std::filesystem::file_time_type last{};
    int seen = 0;
    wait_until(process, [&] {
      std::error_code none;
      const auto time = std::filesystem::last_write_time(checkpoint, none);
      if (!none && time != last) {
        last = time;
        ++seen;
      }
      return seen >= writes;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    process.send(SIGKILL);
    process.wait();
  }
  const Ending resumed = run_into(program, out, {"--resume"});
  INFO(resumed.errors);
  REQUIRE(resumed.exit_code == 0);
  check_same_results(out, whole);
  for (const auto& [file, bytes] : content_of(out)) CHECK_FALSE(file.starts_with("."));
}

/// Ctrl-C once the training runs: exit code 130, and --resume ends where the whole run ended.
inline void check_interrupt_and_resume(const TrainingProgram& program, const std::filesystem::path& whole, int signal) {
  const TemporaryFolder folder;
  const auto out = folder / "out";
  Process process(program.name, with(program.arguments, {"--out", out.string()}));
  REQUIRE(wait_until(process, [&] { return std::filesystem::exists(out / "checkpoint.safetensors"); }));
  process.send(signal);
  const Ending stopped = process.wait();
  CHECK(stopped.exit_code == 130);
  CHECK(stopped.errors.find("--resume") != std::string::npos);
  const bool has_page = std::filesystem::exists(out / "report.html");
  CHECK((!has_page || kashi::train::is_live_page(read_whole(out / "report.html"))));
  const Ending resumed = run_into(program, out, {"--resume"});
  CHECK(resumed.exit_code == 0);
  CHECK(resumed.errors.find("afresh") == std::string::npos);
  check_same_results(out, whole);
}

/// --resume on a finished run: exit code 0, and no file is touched.
inline void check_finished_run_stays(const TrainingProgram& program, const std::filesystem::path& out) {
  const auto stamps = [&] {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(out))
      times[entry.path()] = entry.last_write_time();
    return times;
  };
  const auto content = content_of(out);
  const auto before = stamps();
  const Ending again = run_into(program, out, {"--resume"});
  CHECK(again.exit_code == 0);
  CHECK(lines_of(again.output).back().find(out.string()) != std::string::npos);
  CHECK(stamps() == before);
  CHECK(content_of(out) == content);
}
