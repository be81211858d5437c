#include <catch2/catch.hpp>

#include <set>

#include <kashi/data/split.hpp>

using namespace kashi;

namespace {

/// Examples named by their number, with the given numbers of members in classes 0, 1, ..., interleaved.
data::Dataset with_classes(std::vector<Index> counts) {
  std::vector<Index> labels;
  for (bool any = true; any;) {
    any = false;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      if (counts[k]-- <= 0) continue;
      labels.push_back(static_cast<Index>(k));
      any = true;
    }
  }
  const auto size = static_cast<Index>(labels.size());
  const auto label = [labels](Index i) { return labels[static_cast<std::size_t>(i)]; };
  return data::Dataset(
      size, [label](Index i) { return data::Example{.label = label(i), .name = text(i)}; }, label);
}

std::vector<std::string> names(const data::Dataset& dataset) {
  std::vector<std::string> out;
  for (Index i = 0; i < dataset.size(); ++i) out.push_back(dataset.name(i));
  return out;
}

Index count_of(const data::Dataset& dataset, Index label) {
  const Tensor<Index> labels = dataset.labels();
  return std::count(labels.span().begin(), labels.span().end(), label);
}

}  // namespace

TEST_CASE("a split is a partition with ceil(test share) examples", "[split]") {
  for (const Index size : {2, 3, 5, 10, 101, 1611}) {
    const data::Dataset whole = with_classes({size});
    const auto [train, test] = data::split(whole, {.train = 0.8});
    CHECK(test.size() == (size + 4) / 5);
    std::multiset<std::string> together;
    for (const auto& part : {names(train), names(test)}) together.insert(part.begin(), part.end());
    const auto all = names(whole);
    CHECK(together == std::multiset<std::string>(all.begin(), all.end()));
  }
  // 1 - 0.7 is 0.30000000000000004 in binary
  CHECK(data::split(with_classes({10}), {.train = 0.7}).test.size() == 3);
}

TEST_CASE("a split keeps the share of every class", "[split]") {
  const auto [train, test] = data::split(with_classes({404, 402, 402, 403}), {.train = 0.8, .seed = 42});
  CHECK(test.size() == 323);
  for (Index label = 0; label < 4; ++label) {
    CHECK(count_of(test, label) >= 80);
    CHECK(count_of(test, label) <= 81);
  }
  const auto uneven = data::split(with_classes({90, 9, 1}), {.train = 0.5});
  CHECK(uneven.test.size() == 50);
  CHECK(count_of(uneven.train, 2) == 1);  // a class of one is trained on
}

TEST_CASE("a split depends on its seed and nothing else", "[split]") {
  const data::Dataset whole = with_classes({30, 30});
  CHECK(names(data::split(whole, {.seed = 1}).test) == names(data::split(whole, {.seed = 1}).test));
  CHECK(names(data::split(whole, {.seed = 1}).test) != names(data::split(whole, {.seed = 2}).test));
  CHECK(names(data::split(whole, {.seed = 1}).test) !=
        names(data::split(whole, {.seed = 1, .stratified = false}).test));
}

TEST_CASE("three parts by splitting twice", "[split]") {
  const auto [rest, test] = data::split(with_classes({50, 50}), {.train = 0.8});
  const auto [train, validation] = data::split(rest, {.train = 0.75, .seed = 7});
  CHECK(train.size() == 60);
  CHECK(validation.size() == 20);
  CHECK(test.size() == 20);
  CHECK(count_of(validation, 1) == 10);
}

TEST_CASE("impossible splits", "[split]") {
  const data::Dataset whole = with_classes({4, 4});
  CHECK_THROWS_WITH(data::split(whole, {.train = 1.0}), "split: train must lie between 0 and 1; got 1");
  CHECK_THROWS_WITH(data::split(whole, {.train = 0.0}), "split: train must lie between 0 and 1; got 0");
  CHECK_THROWS_AS(data::split(whole, {.train = -3.0}), ValueError);
  CHECK_THROWS_AS(data::split(whole, {.train = std::nan("")}), ValueError);
  CHECK_THROWS_WITH(data::split(whole, {.train = 0.05}),
                    "split: both parts need an example; 0.05 of 8 examples leaves one empty");
  CHECK_THROWS_AS(data::split(data::Dataset(), {}), ValueError);
  CHECK_THROWS_AS(data::split(with_classes({1}), {}), ValueError);
  CHECK_THROWS_WITH(
      data::split(with_classes({1, 1, 1}), {.train = 0.5}),
      "split: the train part must keep one example of each of the 3 classes; 2 of 3 examples were to be tested (hint: "
      ".stratified = false)");
}

TEST_CASE("folds are disjoint, equally large and stratified", "[split]") {
  const data::Dataset whole = with_classes({20, 11, 3});
  const std::vector<data::Split> folds = data::k_fold(whole, {.folds = 4});
  REQUIRE(folds.size() == 4);
  std::set<std::string> tested;
  for (const auto& [train, test] : folds) {
    CHECK(train.size() + test.size() == 34);
    CHECK((test.size() == 8 || test.size() == 9));
    CHECK(count_of(test, 0) == 5);
    for (const std::string& name : names(test)) CHECK(tested.insert(name).second);
  }
  CHECK(tested.size() == 34);
  CHECK_THROWS_WITH(data::k_fold(whole, {.folds = 35}),
                    "k_fold: folds must lie between 2 and the number of examples; got 35 folds of 34 examples");
  CHECK_THROWS_AS(data::k_fold(whole, {.folds = 1}), ValueError);
}
