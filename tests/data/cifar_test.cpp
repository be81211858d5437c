#include <catch2/catch.hpp>

#include "pictures.hpp"

#include <kashi/data/cifar.hpp>

using namespace kashi;
using kashi_tests::Folder;

namespace {

/// A record whose planes are red, green and blue, but for the pixel (2, 5).
std::string record(std::vector<int> labels, int red, int green, int blue) {
  std::string out;
  for (const int label : labels) out += static_cast<char>(label);
  for (const int value : {red, green, blue}) {
    std::string plane(1024, static_cast<char>(value));
    plane[2 * 32 + 5] = static_cast<char>(value + 1);
    out += plane;
  }
  return out;
}

}  // namespace

TEST_CASE("CIFAR-100 records: planes become pixels, fine and coarse labels", "[cifar]") {
  const Folder folder("cifar100");
  folder.file("train.bin", record({3, 99}, 10, 20, 30) + record({19, 0}, 255, 0, 7));
  folder.file("test.bin", record({0, 1}, 0, 0, 0));
  const data::Dataset train = data::cifar100(folder.path());
  REQUIRE(train.size() == 2);
  CHECK(train.labels().to_vector() == std::vector<Index>{99, 0});
  CHECK(train.class_names().empty());
  const Tensor<float> image = train.get(0).image;
  CHECK(image.shape() == Shape{32, 32, 3});
  CHECK(image(0, 0, 0) == 10.0f / 255.0f);
  CHECK(image(31, 31, 2) == 30.0f / 255.0f);
  CHECK(image(2, 5, 1) == 21.0f / 255.0f);
  CHECK(image(5, 2, 1) == 20.0f / 255.0f);
  CHECK(data::cifar100(folder.path(), {.coarse = true}).labels().to_vector() == std::vector<Index>{3, 19});
  CHECK(data::cifar100(folder.path(), {.train = false}).size() == 1);
}

TEST_CASE("CIFAR class names", "[cifar]") {
  const Folder folder("cifar_names");
  folder.file("train.bin", record({3, 99}, 10, 20, 30));
  std::string names;
  for (int i = 0; i < 20; ++i) names += "class" + std::to_string(i) + "\r\n";
  folder.file("coarse_label_names.txt", names + "\n");
  CHECK(data::cifar100(folder.path(), {.coarse = true}).class_names()[19] == "class19");
  folder.file("fine_label_names.txt", "one\ntwo");
  CHECK_THROWS_WITH(data::cifar100(folder.path()),
                    "cannot read class names '" + folder.path() + "/fine_label_names.txt': it has 2 names, not 100");
}

TEST_CASE("CIFAR-10 is five files, or the test batch", "[cifar]") {
  const Folder folder("cifar10");
  for (int i = 1; i <= 4; ++i) folder.file("data_batch_" + std::to_string(i) + ".bin", record({i}, i, i, i));
  folder.file("test_batch.bin", record({9}, 1, 2, 3));
  CHECK(data::cifar10(folder.path(), {.train = false}).label(0) == 9);
  CHECK_THROWS_WITH(data::cifar10(folder.path()), Catch::Contains("data_batch_5.bin"));
  folder.file("data_batch_5.bin", record({5}, 5, 5, 5));
  const data::Dataset train = data::cifar10(folder.path());
  CHECK(train.labels().to_vector() == std::vector<Index>{1, 2, 3, 4, 5});
  CHECK(train.get(4).image(0, 0, 0) == 5.0f / 255.0f);
}

TEST_CASE("CIFAR files that lie", "[cifar]") {
  const Folder folder("cifar_wrong");
  CHECK_THROWS_AS(data::cifar100(folder.path()), IoError);
  folder.file("train.bin", "");
  CHECK_THROWS_WITH(data::cifar100(folder.path()), "cannot read CIFAR file '" + folder.path() +
                                                       "/train.bin': its 0 bytes are not whole records of 3074 bytes");
  folder.file("train.bin", record({0, 0}, 1, 1, 1) + "x");
  CHECK_THROWS_AS(data::cifar100(folder.path()), FormatError);
  folder.file("train.bin", record({0, 0}, 1, 1, 1) + record({0, 100}, 1, 1, 1));
  CHECK_THROWS_WITH(data::cifar100(folder.path()),
                    "cannot read CIFAR file '" + folder.path() + "/train.bin': label 100 of record 1 is not below 100");
  CHECK(data::cifar100(folder.path(), {.coarse = true}).size() == 2);
}
