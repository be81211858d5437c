#include <catch2/catch.hpp>

#include <kashi/data/label_rules.hpp>

using namespace kashi;

TEST_CASE("labels from file names", "[labels]") {
  CHECK(data::label_from_name("3_0012.png") == "3");
  CHECK(data::label_from_name("digits/train/3_0012.png") == "3");
  CHECK(data::label_from_name("7_x/12 (3).png") == "12");
  CHECK(data::label_from_name("cat_7_b.png") == "cat");
  CHECK(data::label_from_name("4.png") == "4");
  CHECK(data::label_from_name("2-0001.jpg") == "2");
  CHECK(data::label_from_name("photo.png").empty());
  CHECK(data::label_from_name("_12.png").empty());
  CHECK(data::label_from_name("").empty());
}

TEST_CASE("labels from folders", "[labels]") {
  CHECK(data::label_from_folder("train/cat/7.png") == "cat");
  CHECK(data::label_from_folder("cat/7.png") == "cat");
  CHECK(data::label_from_folder("/7.png").empty());
  CHECK(data::label_from_folder("7.png").empty());
}

TEST_CASE("class names in order", "[labels]") {
  std::vector<std::string> names{"b", "10", "9", "a", "010", "0", "10b"};
  std::sort(names.begin(), names.end(), data::detail::class_name_less);
  CHECK(names == std::vector<std::string>{"0", "9", "010", "10", "10b", "a", "b"});
}
