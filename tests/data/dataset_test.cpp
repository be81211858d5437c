#include <catch2/catch.hpp>

#include <kashi/data/dataset.hpp>
#include <kashi/data/tensor_dataset.hpp>

using namespace kashi;

namespace {

data::Example numbered(Index i) {
  return {.image = Tensor<float>::full({2, 2, 1}, static_cast<float>(i)), .label = i % 3, .name = text("n", i)};
}

}  // namespace

TEST_CASE("a dataset made of two lambdas", "[dataset]") {
  int made = 0;
  const data::Dataset dataset(
      5,
      [&](Index i) {
        ++made;
        return numbered(i);
      },
      [](Index i) { return i % 3; }, {"a", "b", "c"});
  CHECK(dataset.size() == 5);
  CHECK(dataset.labels().to_vector() == std::vector<Index>{0, 1, 2, 0, 1});
  CHECK(made == 0);
  CHECK(dataset.get(4).image(1, 1, 0) == 4.0f);
  CHECK(dataset.name(3) == "n3");
  CHECK(dataset.class_names() == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("an empty dataset", "[dataset]") {
  const data::Dataset dataset;
  CHECK(dataset.size() == 0);
  CHECK(dataset.labels().numel() == 0);
  CHECK_THROWS_WITH(dataset.get(0), "Dataset: index 0 is not one of the 0 examples");
}

TEST_CASE("subsets keep order, repeat, and nest", "[dataset]") {
  const data::Dataset dataset(6, numbered);
  const data::Dataset part = dataset.subset({5, 0, 5, 2});
  CHECK(part.size() == 4);
  CHECK(part.name(2) == "n5");
  CHECK(part.subset({3}).get(0).name == "n2");
  CHECK_THROWS_WITH(dataset.subset({0, 6}), "Dataset: index 6 is not one of the 6 examples");
  CHECK_THROWS_AS(part.get(4), ValueError);
  CHECK_THROWS_AS(part.get(-1), ValueError);
}

TEST_CASE("map applies a transform and repeats its random numbers", "[dataset]") {
  const data::Dataset dataset = data::Dataset(3, numbered).map([](data::Example& example, data::RandomStream& random) {
    example.image = Tensor<float>::full({1}, static_cast<float>(random.uniform()));
  });
  CHECK(dataset.get(1).image.item() == dataset.get(1).image.item());
  CHECK(dataset.get(1).image.item() != dataset.get(2).image.item());
  CHECK(dataset.label(2) == 2);
  CHECK_THROWS_WITH(dataset.map(nullptr), "Dataset: map needs a transform; got an empty one");
}

TEST_CASE("cached reads every example once", "[dataset]") {
  int made = 0;
  const data::Dataset dataset = data::Dataset(2, [&](Index i) {
                                  ++made;
                                  return numbered(i);
                                }).cached();
  dataset.get(0);
  dataset.get(1);
  CHECK(dataset.get(0).image(0, 0, 0) == 0.0f);
  CHECK(made == 2);
}

TEST_CASE("images in memory", "[dataset]") {
  const Tensor<std::uint8_t> images({2, 1, 2, 1}, {0, 255, 51, 102});
  const data::Dataset dataset = data::tensor_dataset(images, Tensor<Index>({2}, {1, 0}));
  CHECK(dataset.get(0).image.shape() == Shape{1, 2, 1});
  CHECK(dataset.get(0).image(0, 1, 0) == 1.0f);
  CHECK(dataset.get(1).image(0, 0, 0) == 0.2f);
  CHECK(dataset.label(0) == 1);
  CHECK_THROWS_WITH(data::tensor_dataset(images, Tensor<Index>::zeros({3})),
                    "tensor_dataset: images must be [N,H,W,C] and labels [N]; got [2,1,2,1] and [3]");
}

TEST_CASE("a random stream depends on seed, epoch and index alone", "[dataset]") {
  const auto draw = [](std::uint64_t seed, Index epoch, Index index) {
    return data::RandomStream(seed, epoch, index).uniform();
  };
  CHECK(draw(1, 2, 3) == draw(1, 2, 3));
  CHECK(draw(1, 2, 3) != draw(2, 2, 3));
  CHECK(draw(1, 2, 3) != draw(1, 3, 3));
  CHECK(draw(1, 2, 3) != draw(1, 2, 4));
  CHECK(draw(1, 2, 3) != draw(1, 3, 2));

  data::RandomStream random(7, 0, 0);
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < 4000; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  CHECK(sum / 4000 == Approx(0.0).margin(0.06));
  CHECK(squares / 4000 == Approx(1.0).margin(0.08));
}

TEST_CASE("compose runs its transforms in order", "[dataset]") {
  const auto append = [](std::string word) {
    return [word](data::Example& example, data::RandomStream&) { example.name += word; };
  };
  const data::Compose both({append("b"), append("c")});
  data::Example example{.name = "a"};
  data::RandomStream random(0, 0, 0);
  both(example, random);
  CHECK(example.name == "abc");
}
