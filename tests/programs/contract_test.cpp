#include <catch2/catch.hpp>

#include "programs/process.hpp"

namespace {

/// Every example program that was built.
std::vector<std::string> programs() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(program_path("")))
    if (entry.is_regular_file() && ::access(entry.path().c_str(), X_OK) == 0 && entry.path().extension().empty())
      out.push_back(entry.path().filename().string());
  return out;
}

/// Exit code 2 and a single line on standard error.
void check_wrong_flag(const std::string& program, std::vector<std::string> arguments) {
  // A program that takes the flag all the same ends at once, since it can't write there.
  arguments.insert(arguments.begin(), {"--out", "/proc/kashi"});
  const Ending ending = run_program(program, arguments);
  INFO(program << " ... " << arguments.back() << ": " << ending.errors);
  CHECK(ending.exit_code == 2);
  CHECK(ending.output.empty());
  REQUIRE(lines_of(ending.errors).size() == 1);
  CHECK(ending.errors.starts_with("error: "));
  CHECK(ending.errors.find("--help") != std::string::npos);
}

}  // namespace

TEST_CASE("there are programs to test") { REQUIRE_FALSE(programs().empty()); }

TEST_CASE("--help lists the flags that every program has") {
  for (const auto& program : programs()) {
    const Ending ending = run_program(program, {"--help"});
    INFO(program);
    CHECK(ending.exit_code == 0);
    CHECK(ending.errors.empty());
    for (const char* flag : {"--data", "--weights", "--out", "--epochs", "--batch", "--seed", "--threads", "--quick",
                             "--resume", "--help"}) {
      INFO(flag);
      CHECK(ending.output.find(flag) != std::string::npos);
    }
    CHECK(ending.output.find("out/" + program) != std::string::npos);
  }
}

TEST_CASE("--version prints the version") {
  for (const auto& program : programs()) {
    const Ending ending = run_program(program, {"--version"});
    CHECK(ending.exit_code == 0);
    CHECK(lines_of(ending.output).size() == 1);
  }
}

TEST_CASE("wrong flags end with code 2 and one line") {
  for (const auto& program : programs()) {
    check_wrong_flag(program, {"--no-such-flag"});
    const bool takes_files = run_program(program, {"--help"}).output.find("Positionals:") != std::string::npos;
    if (!takes_files) check_wrong_flag(program, {"surplus"});
    check_wrong_flag(program, {"--epochs", "many"});
    check_wrong_flag(program, {"--epochs", "0"});
    check_wrong_flag(program, {"--batch", "-3"});
    check_wrong_flag(program, {"--threads", "0"});
    check_wrong_flag(program, {"--threads", "99999999"});
    check_wrong_flag(program, {"--seed", "-1"});
    check_wrong_flag(program, {"--data"});
  }
}

TEST_CASE("an output folder that can't be written is told at once") {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "kept";
  for (const auto& program : programs()) {
    if (program == "playground") continue;  // it serves and writes nothing
    for (const auto& out : {(folder / "file").string(), (folder / "file/below").string(), std::string("/proc/kashi")}) {
      const Ending ending = run_program(program, {"--quick", "--out", out});
      INFO(program << " --out " << out << ": " << ending.errors);
      CHECK(ending.exit_code == 1);
      REQUIRE(lines_of(ending.errors).size() == 1);
      CHECK(ending.errors.starts_with("error: cannot "));
      CHECK(ending.errors.find(out) != std::string::npos);
    }
  }
  CHECK(read_whole(folder / "file") == "kept");
}
