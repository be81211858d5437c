#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "programs/process.hpp"

using Catch::Matchers::Contains;

TEST_CASE("fold_batchnorm: the same outputs with fewer numbers") {
  const TemporaryFolder folder;
  const Ending ending = run_program("fold_batchnorm", {"--quick", "--model", "resnet18", "mobilenet_v2", "--size", "32",
                                                       "--rounds", "1", "--out", (folder / "out").string()});
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  const auto report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  const auto& resnet = report.at("models").at("resnet18");
  CHECK(resnet.at("norms_folded") == 20);
  CHECK(resnet.at("norms_refused") == 0);
  // Of four numbers a channel and a counter, one stays: the bias.
  CHECK(resnet.at("before").at("numbers").get<long>() - resnet.at("after").at("numbers").get<long>() == 3 * 4800 + 20);
  CHECK(report.at("models").at("mobilenet_v2").at("norms_folded") == 52);
  CHECK(report.at("largest_relative_difference").get<double>() < 1e-5);
  CHECK(std::filesystem::exists(folder / "out" / "time.png"));
  const Ending wrong = run_program("fold_batchnorm", {"--model", "resnet0", "--out", (folder / "other").string()});
  CHECK(wrong.exit_code == 1);
  CHECK_THAT(wrong.errors, Contains("there is no network \"resnet0\""));
}
