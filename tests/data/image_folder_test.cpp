#include <catch2/catch.hpp>

#include "pictures.hpp"

#include <kashi/data/image_folder.hpp>
#include <kashi/data/loader.hpp>

using namespace kashi;
using kashi_tests::Folder;

TEST_CASE("a folder of digits, sorted, with labels from the names", "[image_folder]") {
  const Folder folder("digits");
  folder.bmp("4_0002.bmp", 3, 2, {10, 20, 30});
  folder.bmp("1_0001.BMP", 3, 2, {255, 0, 51});
  folder.bmp("more/2_0009.bmp", 3, 2, {0, 0, 0});
  folder.file("SOURCE.txt", "no picture");
  folder.file(".hidden.png", "no picture either");
  folder.file(".thumbs/3_1.png", "nor this");
  const data::Dataset dataset = data::image_folder(folder.path(), data::label_from_name);
  REQUIRE(dataset.size() == 3);
  CHECK(dataset.class_names() == std::vector<std::string>{"1", "2", "4"});
  CHECK(dataset.labels().to_vector() == std::vector<Index>{0, 2, 1});
  CHECK(dataset.name(1) == folder.path() + "/4_0002.bmp");
  const data::Example example = dataset.get(0);
  CHECK(example.image.shape() == Shape{2, 3, 3});
  CHECK(example.image(1, 2, 0) == 1.0f);
  CHECK(example.image(0, 0, 2) == 0.2f);
  CHECK(example.label == 0);
}

TEST_CASE("labels from folders, and classes that are given", "[image_folder]") {
  const Folder folder("animals");
  folder.bmp("dog/1.bmp", 1, 1, {1, 1, 1});
  folder.bmp("cat/1.bmp", 1, 1, {2, 2, 2});
  CHECK(data::image_folder(folder.path()).class_names() == std::vector<std::string>{"cat", "dog"});
  const data::Dataset given =
      data::image_folder(folder.path(), data::label_from_folder, {.class_names = {"bird", "dog", "cat"}});
  CHECK(given.labels().to_vector() == std::vector<Index>{2, 1});
  CHECK_THROWS_WITH(
      data::image_folder(folder.path(), data::label_from_folder, {.class_names = {"cat"}}),
      "image_folder: the label \"dog\" is not one of the 1 class names; got \"" + folder.path() + "/dog/1.bmp\"");
  const auto one = [](const std::string&) { return std::string("all"); };
  CHECK(data::image_folder(folder.path(), one, {.channels = 1}).get(0).image.shape() == Shape{1, 1, 1});
}

TEST_CASE("decoded pictures are kept", "[image_folder]") {
  const Folder folder("kept");
  folder.bmp("1_1.bmp", 2, 2, {9, 9, 9});
  const data::Dataset keeps = data::image_folder(folder.path(), data::label_from_name);
  const data::Dataset forgets = data::image_folder(folder.path(), data::label_from_name, {.cache_bytes = 0});
  keeps.get(0);
  forgets.get(0);
  folder.bmp("1_1.bmp", 2, 2, {99, 99, 99});
  CHECK(keeps.get(0).image(0, 0, 0) == 9.0f / 255.0f);
  CHECK(forgets.get(0).image(0, 0, 0) == 99.0f / 255.0f);
}

TEST_CASE("folders that are no dataset", "[image_folder]") {
  const Folder folder("wrong");
  CHECK_THROWS_WITH(data::image_folder(folder.path() + "/none", data::label_from_name),
                    "image_folder: no such folder; got \"" + folder.path() + "/none\"");
  CHECK_THROWS_AS(data::image_folder(folder.path(), data::label_from_name), IoError);
  folder.file("notes.txt", "text");
  CHECK_THROWS_WITH(data::image_folder(folder.path(), data::label_from_name),
                    "image_folder: the folder holds no PNG, JPEG or BMP image; got \"" + folder.path() + "\"");
  folder.bmp("photo.bmp", 1, 1, {0, 0, 0});
  CHECK_THROWS_WITH(data::image_folder(folder.path(), data::label_from_name),
                    "image_folder: the file has no label; got \"" + folder.path() +
                        "/photo.bmp\" (hint: label_from_name wants names such as 3_0012.png)");
  CHECK_THROWS_AS(data::image_folder(folder.path(), data::label_from_name, {.channels = 2}), ValueError);
}

TEST_CASE("an unreadable picture stops with its name, or is skipped and counted", "[image_folder]") {
  const Folder folder("unreadable");
  folder.bmp("1_1.bmp", 2, 2, {7, 7, 7});
  folder.file("2_2.png", "this is no PNG");
  folder.bmp("3_3.bmp", 2, 2, {8, 8, 8});
  const data::Dataset stops = data::image_folder(folder.path(), data::label_from_name);
  CHECK(stops.size() == 3);
  CHECK(stops.skipped().empty());
  CHECK_THROWS_WITH(stops.get(1), Catch::Contains(folder.path() + "/2_2.png"));
  const auto read_all = [&] {
    for (const data::Batch& batch : data::Loader(stops, {.workers = 2}).epoch(0)) static_cast<void>(batch);
  };
  CHECK_THROWS_WITH(read_all(), Catch::Contains("2_2.png"));

  const data::Dataset skips = data::image_folder(folder.path(), data::label_from_name, {.skip_unreadable = true});
  CHECK(skips.size() == 2);
  REQUIRE(skips.skipped().size() == 1);
  CHECK_THAT(skips.skipped()[0], Catch::Contains("2_2.png"));
  CHECK(skips.get(1).label == 2);
  CHECK(skips.subset({0}).skipped().size() == 1);
  CHECK(skips.class_names().size() == 3);

  const Folder nothing("nothing");
  nothing.file("1_1.png", "broken");
  CHECK_THROWS_WITH(data::image_folder(nothing.path(), data::label_from_name, {.skip_unreadable = true}),
                    Catch::Contains("none of the 1 images can be read"));
}

TEST_CASE("pictures of different sizes make no batch", "[image_folder]") {
  const Folder folder("sizes");
  folder.bmp("1_1.bmp", 2, 2, {7, 7, 7});
  folder.bmp("1_2.bmp", 3, 2, {7, 7, 7});
  const data::Loader loader(data::image_folder(folder.path(), data::label_from_name), {.workers = 0});
  CHECK_THROWS_WITH(loader.epoch(0).begin(),
                    Catch::Contains("[2,2,3]") && Catch::Contains("[2,3,3]") && Catch::Contains("Resize"));
}
