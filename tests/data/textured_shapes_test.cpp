#include <set>
#include <string>

#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/data/textured_shapes.hpp>

using namespace kashi;

TEST_CASE("textured shapes take turns, have names, and follow from the seed for any number of threads") {
  const data::Dataset shapes = data::textured_shapes({.count = 205, .size = 16, .seed = 3});
  CHECK(shapes.size() == 205);
  CHECK(shapes.get(0).image.shape() == Shape{16, 16, 3});
  CHECK(shapes.label(104) == 4);
  REQUIRE(shapes.class_names().size() == 100);
  CHECK(shapes.class_names()[23] == "triangle, slanted");
  const ThreadLimit one(1);
  const data::Dataset again = data::textured_shapes({.count = 205, .size = 16, .seed = 3}),
                      other = data::textured_shapes({.count = 205, .size = 16, .seed = 4});
  CHECK(equal(shapes.get(150).image, again.get(150).image));
  CHECK_FALSE(equal(shapes.get(150).image, other.get(150).image));
}

TEST_CASE("every shape and every texture differs from the others") {
  std::set<std::string> shapes, textures;
  for (Index kind = 0; kind < 10; ++kind) {
    std::string shape, texture;
    for (int k = 0; k < 400; ++k) {
      const double x = k % 20 * 0.1 - 0.95, y = k / 20 * 0.1 - 0.95;
      shape += data::detail::in_shape(kind, x, y) ? '#' : '.';
      texture += data::detail::texture_at(kind, x, y, 0.4, (k * 37 % 100) / 100.0) > 0.5 ? '#' : '.';
    }
    CHECK(shape.find('#') != std::string::npos);
    CHECK(shape.find('.') != std::string::npos);
    shapes.insert(shape);
    textures.insert(texture);
  }
  CHECK(shapes.size() == 10);
  CHECK(textures.size() == 10);
}

TEST_CASE("shapes of no size are refused") {
  CHECK_THROWS_WITH(data::textured_shapes({.size = 7}),
                    "textured_shapes: images must have at least 8 pixels a side; got 7");
  CHECK_THROWS_WITH(data::textured_shapes({.count = -1}), "textured_shapes: count can't be negative; got -1");
}
