#include <catch2/catch.hpp>

#include <chrono>

#include <kashi/data/loader.hpp>

using namespace kashi;

namespace {

/// Example i is an image filled with i; some take longer than others, so that workers overtake each other.
data::Dataset numbers(Index size) {
  return data::Dataset(size, [](Index i) {
    if (i % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    return data::Example{
        .image = Tensor<float>::full({2, 3, 1}, static_cast<float>(i)), .label = i % 4, .name = text("n", i)};
  });
}

void add_noise(data::Example& example, data::RandomStream& random) {
  example.image = example.image.clone();
  for (float& value : example.image.mutable_span()) value += static_cast<float>(random.normal());
}

/// Every number of an epoch, batch after batch.
std::vector<double> contents(const data::Loader& loader, Index epoch, Index first_batch = 0) {
  std::vector<double> out;
  for (const data::Batch& batch : loader.epoch(epoch, first_batch)) {
    out.push_back(static_cast<double>(batch.size()));
    for (const float value : batch.images.span()) out.push_back(value);
    for (const Index value : batch.labels.span()) out.push_back(static_cast<double>(value));
    for (const Index value : batch.indices.span()) out.push_back(static_cast<double>(value));
  }
  return out;
}

}  // namespace

TEST_CASE("batches hold every example once", "[loader]") {
  const data::Loader loader(numbers(23), {.batch = 5, .shuffle = true, .workers = 2});
  CHECK(loader.batches() == 5);
  std::vector<Index> seen;
  Index batches = 0;
  for (const data::Batch& batch : loader.epoch(0)) {
    ++batches;
    CHECK(batch.images.shape() == Shape{batch.size(), 2, 3, 1});
    CHECK(batch.targets.numel() == 0);
    for (Index k = 0; k < batch.size(); ++k) {
      const Index i = batch.indices(k);
      CHECK(batch.images(k, 1, 2, 0) == static_cast<float>(i));
      CHECK(batch.labels(k) == i % 4);
      seen.push_back(i);
    }
  }
  CHECK(batches == 5);
  CHECK_FALSE(std::is_sorted(seen.begin(), seen.end()));
  std::sort(seen.begin(), seen.end());
  CHECK(seen == Tensor<Index>::arange(23).to_vector());
}

TEST_CASE("batches are the same for any number of workers", "[loader]") {
  const auto with = [](int workers, Index prefetch = 4) {
    return data::Loader(
        numbers(41),
        {.batch = 4, .shuffle = true, .seed = 3, .workers = workers, .transform = add_noise, .prefetch = prefetch});
  };
  const std::vector<double> expected = contents(with(0), 5);
  CHECK(expected.size() == 11 + 41 * 8);
  for (const int workers : {1, 2, 3, 8}) CHECK(contents(with(workers), 5) == expected);
  CHECK(contents(with(3, 1), 5) == expected);
  CHECK(contents(with(2), 6) != expected);
}

TEST_CASE("epochs differ when shuffled and repeat when asked again", "[loader]") {
  const data::Loader shuffled(numbers(30), {.batch = 30, .shuffle = true});
  CHECK(shuffled.order(0) != shuffled.order(1));
  CHECK(shuffled.order(1) == shuffled.order(1));
  const data::Loader plain(numbers(30), {.batch = 30});
  CHECK(plain.order(3) == Tensor<Index>::arange(30).to_vector());
}

TEST_CASE("an epoch goes on at any batch", "[loader]") {
  for (const int workers : {0, 2}) {
    const data::Loader loader(numbers(20), {.batch = 3, .shuffle = true, .workers = workers, .transform = add_noise});
    const std::vector<double> whole = contents(loader, 2);
    const std::vector<double> rest = contents(loader, 2, 4);
    REQUIRE(rest.size() == 3 + 8 * 8);
    CHECK(std::equal(rest.begin(), rest.end(), whole.end() - static_cast<std::ptrdiff_t>(rest.size())));

    data::Epoch epoch = loader.epoch(2);
    data::Batch batch;
    for (int i = 0; i < 3; ++i) epoch.next(batch);
    CHECK(epoch.position() == 3);
    CHECK(epoch.size() == 7);
    CHECK(contents(loader, 2, 7).empty());
    CHECK_THROWS_WITH(loader.epoch(2, 8), "Loader: the first batch must be one of the 7 of the epoch; got 8");
  }
}

TEST_CASE("the last batch may be left out", "[loader]") {
  const data::Loader loader(numbers(11), {.batch = 4, .drop_last = true});
  CHECK(loader.batches() == 2);
  Index examples = 0;
  for (const data::Batch& batch : loader.epoch(0)) examples += batch.size();
  CHECK(examples == 8);
  CHECK(data::Loader(numbers(3), {.batch = 4, .drop_last = true}).batches() == 0);
  CHECK(contents(data::Loader(data::Dataset(), {.workers = 2}), 0).empty());
}

TEST_CASE("an error arrives at its batch, for any number of workers", "[loader]") {
  const data::Dataset broken = numbers(20).map(
      [](data::Example& example, data::RandomStream&) { require<IoError>(example.name != "n9", "can't read n9"); });
  for (const int workers : {0, 1, 3}) {
    const data::Loader loader(broken, {.batch = 4, .workers = workers});
    Index batches = 0;
    const auto run = [&] {
      for (const data::Batch& batch : loader.epoch(0)) batches += batch.size() / 4;
    };
    CHECK_THROWS_WITH(run(), "can't read n9");
    CHECK(batches == 2);
  }
}

TEST_CASE("leaving a loop early stops the workers", "[loader]") {
  std::atomic<int> made = 0;
  const data::Dataset dataset(100000, [&](Index) {
    ++made;
    return data::Example{.image = Tensor<float>::zeros({1, 1, 1})};
  });
  for (int round = 0; round < 20; ++round) {
    for (const data::Batch& batch : data::Loader(dataset, {.batch = 2, .workers = 3, .prefetch = 2}).epoch(0)) {
      if (batch.indices(0) >= round) break;
    }
  }
  CHECK(made < 20 * (20 + 2 * 6));
  { const data::Epoch untouched = data::Loader(dataset, {.workers = 2}).epoch(0); }
}

TEST_CASE("images of different sizes are refused with a hint", "[loader]") {
  const data::Dataset mixed(2, [](Index i) {
    return data::Example{.image = Tensor<float>::zeros({4 + i, 4, 3}), .name = i == 0 ? "a.png" : "b.png"};
  });
  const data::Loader loader(mixed, {.batch = 2});
  CHECK_THROWS_WITH(
      contents(loader, 0),
      "Loader: images of one batch must have one shape; got [4,4,3] (\"a.png\") and [5,4,3] (\"b.png\") (hint: "
      "transform with data::Resize)");
  CHECK(contents(data::Loader(mixed, {.batch = 1}), 0).size() == 2 * 3 + 48 + 60);
}

TEST_CASE("masks are stacked beside the images", "[loader]") {
  const auto make = [](bool all) {
    return data::Dataset(3, [all](Index i) {
      data::Example example{.image = Tensor<float>::zeros({2, 2, 3})};
      if (all || i == 1) example.target = Tensor<float>::full({2, 2, 1}, static_cast<float>(i));
      return example;
    });
  };
  for (const data::Batch& batch : data::Loader(make(true), {}).epoch(0)) {
    CHECK(batch.targets.shape() == Shape{3, 2, 2, 1});
    CHECK(batch.targets(2, 1, 1, 0) == 2.0f);
  }
  CHECK_THROWS_AS(contents(data::Loader(make(false), {}), 0), ShapeError);
}

TEST_CASE("a sampler chooses the examples of an epoch", "[loader]") {
  const data::Loader loader(numbers(10), {.batch = 2, .sampler = [](Index epoch) {
                                            return std::vector<Index>{epoch, 9, 9};
                                          }});
  CHECK(loader.batches() == 2);
  std::vector<Index> seen;
  for (const data::Batch& batch : loader.epoch(4))
    for (const Index i : batch.indices.span()) seen.push_back(i);
  CHECK(seen == std::vector<Index>{4, 9, 9});
}

TEST_CASE("options out of range", "[loader]") {
  CHECK_THROWS_WITH(data::Loader(numbers(1), {.batch = 0}), "Loader: batch must be at least 1; got 0");
  CHECK_THROWS_WITH(data::Loader(numbers(1), {.workers = -1}), "Loader: workers can't be negative; got -1");
  CHECK_THROWS_WITH(data::Loader(numbers(1), {.prefetch = 0}), "Loader: prefetch must be at least 1; got 0");
  CHECK_THROWS_WITH(data::Loader(numbers(1), {}).epoch(-1), "Loader: the epoch can't be negative; got -1");
}
