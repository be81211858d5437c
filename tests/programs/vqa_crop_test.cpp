/// The program vqa_crop: its scenes and questions, the way from a map to a crop, and its report.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/reduce.hpp>

#include "../../examples/vqa_crop/region.hpp"
#include "../../examples/vqa_crop/scene.hpp"
#include "programs/process.hpp"

using namespace kashi;
using namespace vqa;

TEST_CASE("a question describes exactly one object, a mismatch none") {
  for (Index i = 0; i < 200; ++i) {
    data::RandomStream random(7, 0, i);
    const Scene scene = random_scene(random);
    const Asked asked = random_question(scene, random);
    CHECK(scene.count(asked.question) == 1);
    CHECK(asked.question.describes(scene.objects[static_cast<std::size_t>(asked.object)]));
    const Pair pair = random_pair(scene, random);
    CHECK(scene.count(pair.fits) >= 1);
    CHECK(scene.count(pair.fits_nothing) == 0);
    const auto fitting = pair.fits.bag(), other = pair.fits_nothing.bag();
    CHECK(std::count(fitting.begin(), fitting.end(), 1.0f) == std::count(other.begin(), other.end(), 1.0f));
    for (const Object& object : scene.objects) {
      CHECK(std::min(object.x, object.y) > object.radius);
      CHECK(std::max(object.x, object.y) < static_cast<double>(scene_size) - object.radius);
    }
  }
}

TEST_CASE("a question in words") {
  Question question{.values = {0, 0, 3, 1}};
  CHECK(question.text() == "What is on the small red diamond at the top right?");
  const auto bag = question.bag();
  CHECK(std::count(bag.begin(), bag.end(), 1.0f) == 4);
  question.values = {Question::any, 5, Question::any, Question::any};
  CHECK(question.text() == "What is on the cyan object?");
}

TEST_CASE("the same number gives the same picture; the mark shows") {
  const Puzzle one = make_puzzle(3, 2, 5), two = make_puzzle(3, 2, 5);
  CHECK(equal(one.picture, two.picture));
  CHECK_FALSE(equal(one.picture, make_puzzle(3, 2, 6).picture));
  Scene scene{.objects = {{.values = {1, 0, 0, 0}, .mark = 0, .x = 30, .y = 30, .radius = 8}}};
  data::RandomStream first(1, 0, 0), second(1, 0, 0);
  const Tensor<float> bar = draw(scene, first);
  scene.objects[0].mark = 1;
  const Tensor<float> upright = draw(scene, second);
  CHECK(bar(30, 27, 1) > 0.8f);  // white on red
  CHECK(upright(30, 27, 1) < 0.4f);
  CHECK(upright(27, 30, 1) > 0.8f);
}

TEST_CASE("the region of the largest evidence becomes a square crop") {
  Tensor<float> map = Tensor<float>::zeros({24, 24});
  map.at(3, 20) = 0.9f;  // a rival
  for (const Index x : {6, 7, 8}) map.at(18, x) = 0.7f;
  map.at(17, 7) = 1;
  map.at(18, 9) = 0.4f;  // too little to count
  const MapGeometry geometry{.first = 0.5, .step = 4};
  const Crop crop = find_region(map, geometry);
  CHECK(crop.side == least_side);
  CHECK(crop.centre_x() == Approx(28.5).margin(0.6));
  CHECK(crop.centre_y() == Approx(70.5).margin(0.6));
  CHECK(crop.holds({.x = 29, .y = 70, .radius = 8}));
  CHECK_FALSE(crop.holds({.x = 80, .y = 12, .radius = 5}));
  CHECK_FALSE(crop.holds({.x = 40, .y = 70, .radius = 8}));  // its centre is inside, a third of it is not
  map.at(0, 0) = 5;
  const Crop corner = find_region(map, geometry);
  CHECK((corner.x == 0 && corner.y == 0));
  for (Index x = 0; x < 24; ++x) map.at(0, x) = 5;
  CHECK(find_region(map, geometry).side == scene_size / 2);
  CHECK(find_region(Tensor<float>::zeros({24, 24}), geometry).centre_x() == Approx(scene_size / 2.0));
}

TEST_CASE("a crop is cut and brought to the wanted size") {
  Tensor<float> picture = Tensor<float>::zeros({scene_size, scene_size, 3});
  picture.at(40, 50, 2) = 1;
  const Tensor<float> same = cut(picture, {.x = 30, .y = 20, .side = 32}, 32);
  REQUIRE(same.shape() == Shape{32, 32, 3});
  CHECK(same(20, 20, 2) == 1);
  CHECK(sum(same).item() == 1);
}

TEST_CASE("vqa_crop reports hits and answers of all crops") {
  const TemporaryFolder folder;
  const std::vector<std::string> arguments{"--quick", "--threads", "1", "--out", (folder / "out").string()};
  const Ending ending = run_program("vqa_crop", arguments);
  INFO(ending.errors);
  REQUIRE(ending.exit_code == 0);
  CHECK_THAT(lines_of(ending.output).back(), Catch::Matchers::Contains("report.html"));
  const nlohmann::json report = nlohmann::json::parse(read_whole(folder / "out" / "report.json"));
  CHECK(report.at("hit").at("true crop") == 1.0);
  CHECK(report.at("hit").size() == 6);
  CHECK(report.at("answer_accuracy").size() == 6);
  CHECK(report.at("hit_by_method").size() == 10);
  CHECK(report.at("match_accuracy").get<double>() > 0.4);
  for (const char* picture : {"sheet.png", "questions.png", "answers.png"})
    CHECK(std::filesystem::exists(folder / "out" / picture));
  CHECK(run_program("vqa_crop", {"--method", "guess", "--out", (folder / "other").string()}).exit_code == 1);
}
