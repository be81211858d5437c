/// The program template_matching as a process: its report, its errors.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "io/temporary_folder.hpp"
#include "programs/process.hpp"

TEST_CASE("template_matching finds drawn digits and reports every method") {
  const TemporaryFolder folder;
  const Ending ending = run_program("template_matching", {"--threads", "1", "--out", (folder / "out").string()});
  CAPTURE(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report["pairs"] == 12);
  CHECK(report["auc"] > 0.8);
  CHECK(report["methods"].size() == 14);
  for (const char* key : {"method", "mean_iou", "auc_pixel_ncc", "seconds_per_pair"}) CHECK(report.contains(key));
  CHECK(std::filesystem::exists(folder / "out" / "pairs.png"));
}

TEST_CASE("template_matching tells what is wrong with a file of pairs") {
  const TemporaryFolder folder;
  std::ofstream(folder / "pairs.csv") << "template_image,tx\na.png,1\n";
  const Ending ending = run_program("template_matching", {"--pairs", (folder / "pairs.csv").string()});
  CHECK(ending.exit_code == 1);
  CHECK_THAT(ending.errors, Catch::Matchers::Contains("has no column \"ty\""));
}
