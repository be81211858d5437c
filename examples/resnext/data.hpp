/// The resnext program's data: CIFAR-100 or drawn shapes, cut into parts, and what augmentation does to them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <kashi/data/cifar.hpp>
#include <kashi/data/mix.hpp>
#include <kashi/data/split.hpp>
#include <kashi/data/textured_shapes.hpp>
#include <kashi/data/transforms.hpp>
#include <kashi/ops/cross_entropy.hpp>

namespace resnext {

/// `of_class[c]` is the superclass of class c.
struct Superclasses {
  std::vector<kashi::Index> of_class;
  std::vector<std::string> names;
};

/// The parts of the data; labels are classes.
struct Parts {
  kashi::data::Dataset learning;
  kashi::data::Dataset validation;  ///< decides which epoch is kept
  kashi::data::Dataset test;        ///< only the end sees it
  Superclasses superclasses;
};

/// Values about 0: the mean and standard deviation of CIFAR-100's training images.
inline kashi::data::Transform normalize() {
  return kashi::data::Normalize({.mean = {0.5071f, 0.4867f, 0.4408f}, .std = {0.2675f, 0.2565f, 0.2761f}});
}

/// Shifts by up to 4 pixels, mirror images, and an erased square (Cutout, DeVries & Taylor 2017). `strong` adds turns
/// and colours, as RandAugment does with a small magnitude (Cubuk et al. 2019).
inline kashi::data::Transform training_transform(bool strong) {
  using namespace kashi;
  std::vector<data::Transform> steps{
      data::RandomCrop({.size = {32, 32}, .padding = 4, .fill = {.border = data::Border::reflect}}),
      data::RandomHorizontalFlip()};
  if (strong) {
    steps.push_back(data::RandomAffine(
        {.degrees = 15, .scale = {0.85, 1.15}, .shear = 8, .fill = {.border = data::Border::reflect}}));
    steps.push_back(data::ColorJitter({.brightness = 0.3, .contrast = 0.3, .saturation = 0.3}));
  }
  steps.push_back(normalize());
  steps.push_back(data::RandomErasing({.p = 0.5, .scale = {0.05, 0.1}, .ratio = {0.8, 1.25}}));
  return data::Compose(std::move(steps));
}

namespace detail {

inline std::vector<std::string> numbered(const std::string& what, kashi::Index count) {
  std::vector<std::string> out;
  for (kashi::Index i = 0; i < count; ++i) out.push_back(what + " " + std::to_string(i));
  return out;
}

}  // namespace detail

/// The test part of a CIFAR-100 folder, or drawn shapes of another seed than the training's.
inline kashi::data::Dataset load_test(const std::string& folder, bool quick, std::uint64_t seed) {
  using namespace kashi;
  const data::Dataset test = folder.empty() ? data::textured_shapes({.count = quick ? 400 : 2000, .seed = seed + 1})
                                            : data::cifar100(folder, {.train = false});
  return test.map(normalize());
}

/// Which superclass each class belongs to: the shape of a drawn picture, or what both labels of the folder's training
/// (or test) images tell.
inline Superclasses load_superclasses(const std::string& folder, bool train) {
  using namespace kashi;
  Superclasses out{.of_class = std::vector<Index>(100, 0), .names = {}};
  if (folder.empty()) {
    for (Index c = 0; c < 100; ++c) out.of_class[static_cast<std::size_t>(c)] = c / 10;
    out.names.assign(data::detail::shape_names.begin(), data::detail::shape_names.end());
    return out;
  }
  const data::Dataset fine = data::cifar100(folder, {.train = train}),
                      coarse = data::cifar100(folder, {.train = train, .coarse = true});
  for (Index i = 0; i < fine.size(); ++i) out.of_class[static_cast<std::size_t>(fine.label(i))] = coarse.label(i);
  out.names = coarse.class_names().empty() ? detail::numbered("superclass", 20) : coarse.class_names();
  return out;
}

/// `validation` images of the training part, spread evenly over the classes, are not learnt from.
inline Parts load_parts(const std::string& folder, bool quick, kashi::Index validation, std::uint64_t seed) {
  using namespace kashi;
  Parts parts;
  const data::Dataset all =
      folder.empty() ? data::textured_shapes({.count = quick ? 1600 : 8000, .seed = seed}) : data::cifar100(folder);
  require(validation >= 100 && validation < all.size(), "resnext: the validation part must have 100 to ",
          all.size() - 1, " images; got ", validation);
  const double share = 1.0 - static_cast<double>(validation) / static_cast<double>(all.size());
  auto [learning, held_out] = data::split(all, {.train = share, .seed = seed});
  parts.learning = learning;
  parts.validation = held_out.map(normalize()).cached();
  parts.test = load_test(folder, quick, seed);
  parts.superclasses = load_superclasses(folder, true);
  return parts;
}

/// The names of the 100 classes, or numbers where the folder has none.
inline std::vector<std::string> class_names(const kashi::data::Dataset& dataset) {
  return dataset.class_names().empty() ? detail::numbered("class", 100) : dataset.class_names();
}

}  // namespace resnext
