#include <catch2/catch.hpp>

#include "pictures.hpp"

#include <kashi/data/mask_folder.hpp>
#include <kashi/io/image.hpp>

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

TEST_CASE("masks as other tools write them", "[mask_folder]") {
  const Folder images("images"), masks("masks");
  const auto add = [&](const std::string& name, Index channels, std::vector<std::uint8_t> mask) {
    images.bmp(name + ".bmp", 2, 1, {9, 9, 9});
    io::save_png(masks.path() + "/" + name + ".png", Tensor<std::uint8_t>({1, 2, channels}, std::move(mask)));
  };
  add("a", 1, {0, 1});                              // classes instead of light
  add("b", 1, {0, 2});                              // nearly black
  add("c", 3, {0, 0, 0, 255, 0, 0});                // red on black
  add("d", 4, {255, 255, 255, 0, 0, 0, 255, 255});  // blue on nothing
  add("e", 2, {255, 0, 255, 255});                  // white on nothing
  const data::Dataset dataset = data::mask_folder(images.path(), masks.path());
  for (const Index i : {0, 2, 3, 4}) {
    INFO(i);
    CHECK(dataset.get(i).target.to_vector() == std::vector<float>{0, 1});
    CHECK(dataset.label(i) == 1);
  }
  CHECK(dataset.get(1).target.to_vector() == std::vector<float>{0, 0});
  CHECK(dataset.label(1) == 0);
}

TEST_CASE("a 1 in a JPEG mask is noise", "[mask_folder]") {
  const Folder images("images"), masks("masks");
  images.bmp("a.bmp", 8, 8, {9, 9, 9});
  io::save_jpeg(masks.path() + "/a.jpg", Tensor<std::uint8_t>::full({8, 8, 1}, 1));
  REQUIRE(io::load_image(masks.path() + "/a.jpg", {.channels = 1})(0, 0, 0) == 1);
  CHECK(data::mask_folder(images.path(), masks.path()).label(0) == 0);
}

TEST_CASE("folders in folders keep their pairs apart, and two masks of one name are refused", "[mask_folder]") {
  const Folder images("images"), masks("masks");
  images.bmp("1/a.bmp", 2, 2, {9, 9, 9});
  images.bmp("2/a.bmp", 2, 2, {9, 9, 9});
  masks.bmp("1/a.bmp", 2, 2, {255, 255, 255});
  masks.bmp("2/a.bmp", 2, 2, {0, 0, 0});
  const data::Dataset dataset = data::mask_folder(images.path() + "/", masks.path());
  CHECK(dataset.labels().to_vector() == std::vector<Index>{1, 0});
  masks.bmp("2/a.BMP", 2, 2, {0, 0, 0});
  CHECK_THROWS_WITH(data::mask_folder(images.path(), masks.path()),
                    "mask_folder: two masks have the same name; got \"" + masks.path() + "/2/a.BMP\" and \"" +
                        masks.path() + "/2/a.bmp\"");
}
