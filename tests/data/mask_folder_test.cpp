#include <catch2/catch.hpp>

#include "pictures.hpp"

#include <kashi/data/mask_folder.hpp>

using namespace kashi;
using kashi_tests::Folder;

TEST_CASE("pictures and their masks are paired by name", "[mask_folder]") {
  const Folder images("images"), masks("masks");
  images.bmp("b.bmp", 3, 2, {255, 255, 255});
  images.bmp("a.bmp", 3, 2, {51, 51, 51});
  masks.bmp("a.BMP", 3, 2, {128, 128, 128});
  masks.bmp("b.bmp", 3, 2, {127, 127, 127});
  masks.bmp("unused.bmp", 9, 9, {0, 0, 0});
  const data::Dataset dataset = data::mask_folder(images.path(), masks.path());
  REQUIRE(dataset.size() == 2);
  CHECK(dataset.labels().to_vector() == std::vector<Index>{1, 0});
  CHECK(dataset.class_names() == std::vector<std::string>{"empty", "marked"});
  const data::Example example = dataset.get(0);
  CHECK(example.name == images.path() + "/a.bmp");
  CHECK(example.image.shape() == Shape{2, 3, 1});
  CHECK(example.image(0, 0, 0) == 0.2f);
  CHECK(example.target.to_vector() == std::vector<float>(6, 1.0f));
  CHECK(dataset.get(1).target.to_vector() == std::vector<float>(6, 0.0f));
  CHECK(data::mask_folder(images.path(), masks.path(), {.channels = 3, .threshold = 100}).get(1).label == 1);
}

TEST_CASE("pictures without a mask of their size", "[mask_folder]") {
  const Folder images("images"), masks("masks");
  images.bmp("a.bmp", 3, 2, {0, 0, 0});
  CHECK_THROWS_AS(data::mask_folder(images.path(), masks.path()), IoError);
  masks.bmp("c.bmp", 3, 2, {0, 0, 0});
  CHECK_THROWS_WITH(data::mask_folder(images.path(), masks.path()),
                    "mask_folder: the picture has no mask of the same name in \"" + masks.path() + "\"; got \"" +
                        images.path() + "/a.bmp\"");
  masks.bmp("a.bmp", 2, 3, {0, 0, 0});
  CHECK_THROWS_WITH(data::mask_folder(images.path(), masks.path()).get(0),
                    "mask_folder: picture and mask must have one size; picture [2,3,1], mask [3,2,1] (\"" +
                        masks.path() + "/a.bmp\")");
  CHECK_THROWS_AS(data::mask_folder(images.path(), masks.path(), {.threshold = 255}), ValueError);
}
