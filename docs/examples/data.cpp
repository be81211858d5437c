/// Data: pictures in a folder, labels, parts, transforms, batches, and a dataset of one's own.
#include <kashi/kashi.hpp>

#include <cstdio>
#include <filesystem>

using namespace kashi;

int main() {
  // Sixteen pictures as files, two sizes: 1_0.png, 2_1.png, ...
  std::filesystem::create_directories("data_pictures");
  for (const Index size : {40, 48}) {
    const data::Dataset drawn = data::handwritten_digits({.count = 8, .size = size});
    for (Index i = 0; i < drawn.size(); ++i) {
      const data::Example example = drawn.get(i);
      const std::string name = text("data_pictures/", example.label + 1, "_", size, "_", i, ".png");
      io::save_png(name, io::to_bytes(example.image));
    }
  }

  // A folder as a dataset. The label is the name's beginning; label_from_folder takes the folder's name instead.
  const data::Dataset files = data::image_folder("data_pictures", data::label_from_name);
  std::printf("%ld pictures, classes", static_cast<long>(files.size()));
  for (const std::string& name : files.class_names()) std::printf(" \"%s\"", name.c_str());
  const data::Example example = files.get(0);
  std::printf("\n%s: image %s, label %ld\n", example.name.c_str(), example.image.shape().to_string().c_str(),
              static_cast<long>(example.label));

  // One size for all, done once and kept; then two parts with equal shares of each class.
  const data::Dataset pictures = files.map(data::Resize({.size = {32, 32}})).cached();
  const auto [train_set, test_set] = data::split(pictures, {.train = 0.75, .seed = 42});
  std::printf("%ld to learn from, %ld to test\n", static_cast<long>(train_set.size()),
              static_cast<long>(test_set.size()));

  // Batches, made ahead by worker threads, with new random changes in each epoch.
  const data::Compose augment({data::RandomAffine({.degrees = 10, .translate = {0.1, 0.1}}), data::GaussianNoise(),
                               data::Normalize({.mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}})});
  const data::Loader loader(train_set, {.batch = 5, .shuffle = true, .seed = 42, .workers = 2, .transform = augment});
  for (const data::Batch& batch : loader.epoch(0))
    std::printf("images %s, labels %s\n", batch.images.shape().to_string().c_str(),
                batch.labels.shape().to_string().c_str());

  // The same seed and epoch give the same batches for any number of workers.
  const data::Loader alone(train_set, {.batch = 5, .shuffle = true, .seed = 42, .workers = 0, .transform = augment});
  data::Epoch a = loader.epoch(7), b = alone.epoch(7);
  data::Batch x, y;
  bool same = true;
  while (a.next(x) && b.next(y)) same = same && equal(x.images, y.images) && equal(x.labels, y.labels);
  std::printf("two workers and none give %s batches\n", same ? "the same" : "different");

  // A dataset of one's own: how many, and how to make one. Here: is the left half of the picture the brighter one?
  const data::Dataset halves(100, [](Index i) {
    random::Generator generator(static_cast<std::uint64_t>(i));
    data::Example made{.image = generator.uniform<float>({8, 8, 1})};
    made.label = mean(narrow(made.image, 1, 0, 4)).item() > mean(narrow(made.image, 1, 4, 8)).item() ? 1 : 0;
    return made;
  });
  std::printf("a dataset of one's own: %ld examples of %s\n", static_cast<long>(halves.size()),
              halves.get(0).image.shape().to_string().c_str());
}
