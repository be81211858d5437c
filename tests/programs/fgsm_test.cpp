/// The program fgsm as a process: its report, its errors.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "io/temporary_folder.hpp"
#include "programs/process.hpp"

TEST_CASE("fgsm fools a small network on drawn digits and reports it") {
  const TemporaryFolder folder;
  const Ending ending =
      run_program("fgsm", {"--quick", "--threads", "1", "--epsilon", "16", "--out", (folder / "out").string()});
  CAPTURE(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Catch::Matchers::Contains("no --weights given"));
  CHECK_THAT(lines_of(ending.output).back(), Catch::Matchers::Contains("report.html"));
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report["images"] == 12);
  CHECK(report["correct"] >= 4);
  CHECK(report["fooled_at"]["16"] >= report["noise_fooled_at"]["16"]);
  CHECK(report["pgd_fooled_at"].contains("16"));
  CHECK(report.contains("median_smallest_epsilon"));
  CHECK(std::filesystem::exists(folder / "out" / "sheet.png"));
  CHECK(std::filesystem::exists(folder / "out" / "curve.png"));
}

TEST_CASE("fgsm refuses what it can't use") {
  const TemporaryFolder folder;
  CHECK(run_program("fgsm", {"--epsilon", "-1"}).exit_code == 2);
  const Ending missing = run_program("fgsm", {"--weights", (folder / "none.safetensors").string()});
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.errors, Catch::Matchers::Contains("none.safetensors"));
}
