/// The program class_visualization as a process: its pictures, its report, its errors.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "io/temporary_folder.hpp"
#include "programs/process.hpp"

TEST_CASE("class_visualization makes a picture that a small network takes for the class, by every method") {
  const TemporaryFolder folder;
  const Ending ending = run_program("class_visualization", {"--quick", "--threads", "1", "--class", "3", "--method",
                                                            "all", "--out", (folder / "out").string()});
  CAPTURE(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(ending.errors, Catch::Matchers::Contains("no --weights given"));
  CHECK_THAT(lines_of(ending.output).back(), Catch::Matchers::Contains("report.html"));
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report["class"] == 2);
  CHECK(report["method"] == "spectrum");
  CHECK(report["rank"] == 1);
  CHECK(report["probability"] > 0.6);
  for (const char* method : {"plain", "regularised", "octaves", "spectrum"}) {
    CAPTURE(method);
    CHECK(report["methods"][method]["rank"] == 1);
  }
  CHECK(report["methods"]["plain"]["high_frequency_share"] > report["methods"]["spectrum"]["high_frequency_share"]);
  for (const char* file : {"final.png", "final_plain.png", "steps.png", "animation.png", "logit.png", "all.png"}) {
    CAPTURE(file);
    CHECK(std::filesystem::exists(folder / "out" / file));
  }
}

TEST_CASE("class_visualization refuses what it can't use") {
  const TemporaryFolder folder;
  const std::string out = (folder / "out").string();
  CHECK(run_program("class_visualization", {"--steps", "0", "--out", out}).exit_code == 2);
  const Ending missing =
      run_program("class_visualization", {"--weights", (folder / "none.safetensors").string(), "--out", out});
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.errors, Catch::Matchers::Contains("none.safetensors"));
  const Ending alone = run_program("class_visualization", {"--quick", "--method", "magic", "--out", out});
  CHECK(alone.exit_code == 1);
  CHECK_THAT(alone.errors, Catch::Matchers::Contains("there is no method \"magic\"; there are: plain"));
}
