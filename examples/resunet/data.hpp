/// The resunet program's pictures: a folder with images/ and masks/, or generated teeth.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/data/mask_folder.hpp>
#include <kashi/data/split.hpp>
#include <kashi/data/synthetic_teeth.hpp>
#include <kashi/data/transforms.hpp>

namespace resunet {

/// Makes pictures (and masks) smaller until the longer side is `side` pixels; smaller ones stay. 0: all stay.
inline kashi::data::Transform fit_side(kashi::Index side) {
  using namespace kashi;
  return [side](data::Example& example, data::RandomStream& random) {
    const Index height = example.image.size(0), width = example.image.size(1), longer = std::max(height, width);
    if (side == 0 || longer <= side) return;
    const auto scaled = [&](Index size) { return std::max<Index>(1, (2 * size * side + longer) / (2 * longer)); };
    data::Resize({.size = {scaled(height), scaled(width)}})(example, random);
  };
}

inline kashi::data::Transform normalize() { return kashi::data::Normalize({.mean = {0.45f}, .std = {0.25f}}); }

/// Blurs the masks, so that the pixels along a hand-drawn outline ask for less certainty. 0: they stay.
inline kashi::data::Transform softened_borders(double sigma) {
  using namespace kashi;
  return [sigma](data::Example& example, data::RandomStream& random) {
    if (sigma < 0.1) return;
    data::Example mask{.image = example.target.clone()};
    data::GaussianBlur({.sigma = {sigma, sigma}})(mask, random);
    example.target = mask.image;
  };
}

/// Crops that favour marked pixels, then what another X-ray of the same mouth might look like. Mirrored left and right,
/// never upside down: jaws differ.
inline kashi::data::Transform training_transform(kashi::Index crop, double soften) {
  using namespace kashi;
  const data::Fill mirrored{.border = data::Border::reflect};
  return data::Compose(
      {data::RandomCrop({.size = {crop, crop}, .padding = crop / 4, .fill = mirrored, .foreground = 0.6}),
       data::RandomHorizontalFlip(), data::RandomAffine({.degrees = 10, .scale = {0.85, 1.2}, .fill = mirrored}),
       data::RandomGamma({.gamma = {0.75, 1.35}}), data::ColorJitter({.brightness = 0.15, .contrast = 0.2}),
       data::GaussianNoise({.sigma = {0.0, 0.02}}), normalize(), softened_borders(soften)});
}

/// Every example `times` times over, so that an epoch takes several crops of each picture.
inline kashi::data::Dataset repeated(const kashi::data::Dataset& dataset, kashi::Index times) {
  std::vector<kashi::Index> indices;
  for (kashi::Index k = 0; k < times; ++k)
    for (kashi::Index i = 0; i < dataset.size(); ++i) indices.push_back(i);
  return dataset.subset(indices);
}

/// The parts of the data in their full size; 20 % are for the test, and a seventh of the rest chooses epoch and
/// threshold.
struct Parts {
  kashi::data::Dataset train;  ///< learning and validation together
  kashi::data::Dataset learning;
  kashi::data::Dataset validation;
  kashi::data::Dataset test;
};

/// Everything is read once, so that what is wrong with a folder is told before the work and not in its middle.
inline kashi::data::Dataset load_folder(const std::string& folder) {
  const kashi::data::Dataset pictures = kashi::data::mask_folder(folder + "/images", folder + "/masks");
  kashi::Index marked = 0;
  for (kashi::Index i = 0; i < pictures.size(); ++i) marked += pictures.get(i).label;
  kashi::require(marked > 0, "all masks in \"", folder,
                 "/masks\" are empty: no pixel is above 127, nor 1 in a mask of 0 and 1");
  return pictures;
}

/// Takes the validation part from the pictures to learn from.
inline Parts split_training(const kashi::data::Dataset& train, const kashi::data::Dataset& test, std::uint64_t seed) {
  const auto [learning, validation] = kashi::data::split(train, {.train = 6.0 / 7.0, .seed = seed});
  return {train, learning, validation, test};
}

inline Parts split_parts(const kashi::data::Dataset& all, std::uint64_t seed) {
  using namespace kashi;
  require(all.size() >= 10, "resunet: at least 10 pictures are needed to learn, choose and test; got ", all.size());
  const auto [train, test] = data::split(all, {.train = 0.8, .seed = seed});
  return split_training(train, test, seed);
}

}  // namespace resunet
