/// The program cam as a process: its report, its pictures, its errors.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "io/temporary_folder.hpp"
#include "programs/process.hpp"

TEST_CASE("cam shows where a small network looks on drawn digits") {
  const TemporaryFolder folder;
  const Ending ending = run_program("cam", {"--quick", "--threads", "1", "--methods", "grad-cam,shap-cam,eigen-cam",
                                            "--out", (folder / "out").string()});
  CAPTURE(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Catch::Matchers::Contains("no --weights given"));
  CHECK_THAT(lines_of(ending.output).back(), Catch::Matchers::Contains("report.html"));
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report["images"] == 4);
  CHECK(report["methods"] == nlohmann::json({"grad-cam", "shap-cam", "eigen-cam"}));
  CHECK(report["seconds_per_map"].contains("shap-cam"));
  CHECK(report["classes"].size() == 4);
  CHECK(std::filesystem::exists(folder / "out" / "sheet.png"));
}

TEST_CASE("cam refuses what it can't use, and says what there is") {
  const TemporaryFolder folder;
  const auto out = (folder / "out").string();
  const Ending method = run_program("cam", {"--quick", "--methods", "gradcam", "--out", out});
  CHECK(method.exit_code == 1);
  CHECK_THAT(method.errors, Catch::Matchers::Contains("grad-cam++"));
  const Ending target = run_program("cam", {"--quick", "--target", "flamingo", "--out", out});
  CHECK(target.exit_code == 1);
  CHECK_THAT(target.errors, Catch::Matchers::Contains("no class 'flamingo'"));
  const Ending missing = run_program("cam", {(folder / "none.jpg").string(), "--quick", "--out", out});
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.errors, Catch::Matchers::Contains("none.jpg"));
}
