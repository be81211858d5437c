/// The pictures of the experiment: ink on an empty ground, in the middle or moved.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/data/image_folder.hpp>
#include <kashi/data/resize.hpp>
#include <kashi/data/synthetic.hpp>

#include "parameter_sharing/networks.hpp"

namespace sharing {

/// Height and width of a digit's picture; round it lies an empty margin, so that it can move.
inline constexpr Index ink_size = 14, margin = (image_size - ink_size) / 2;
/// How far pictures are moved: so far the convolutions still see all of the ink.
inline constexpr Index furthest = 8;
/// Digits are drawn larger, then shrunk: thin lines keep their shape.
inline constexpr Index drawn_size = 42;

/// [ink_size,ink_size,1] of a colour picture: how far each pixel is from the paper, which is the median; times 3, which
/// makes the deviation of all numbers about one.
inline kashi::Tensor<float> ink_of(const kashi::Tensor<float>& picture) {
  const Index pixels = ink_size * ink_size, channels = picture.size(2);
  std::vector<float> light(static_cast<std::size_t>(pixels));
  for (Index i = 0; i < picture.numel(); ++i)
    light[static_cast<std::size_t>(i / channels)] += picture.data()[i] / static_cast<float>(channels);
  std::vector<float> sorted = light;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  for (float& value : light) value = 3 * std::abs(value - *middle);
  return kashi::Tensor<float>({ink_size, ink_size, 1}, light);
}

/// The user's labelled pictures, or drawn digits, as ink.
inline kashi::data::Dataset load_ink(const std::string& folder, Index count, std::uint64_t seed) {
  using namespace kashi;
  const data::Dataset pictures = folder.empty()
                                     ? data::handwritten_digits({.count = count, .size = drawn_size, .seed = seed})
                                     : data::image_folder(folder, data::label_from_name);
  const data::Resize resize({.size = {ink_size, ink_size}});
  return pictures
      .map([=](data::Example& example, data::RandomStream& random) {
        resize(example, random);
        example.image = ink_of(example.image);
      })
      .cached();
}

/// A picture moved by whole pixels, on the empty ground [image_size,image_size,1].
inline kashi::Tensor<float> placed(const kashi::Tensor<float>& ink, Index down, Index right) {
  kashi::Tensor<float> out = kashi::Tensor<float>::zeros({image_size, image_size, 1});
  float* row = out.mutable_data() + (margin + down) * image_size + margin + right;
  for (Index y = 0; y < ink_size; ++y, row += image_size) std::copy_n(ink.data() + y * ink_size, ink_size, row);
  return out;
}

/// All pictures of a dataset moved by as many pixels; (0, 0): in the middle.
inline kashi::data::Dataset moved(const kashi::data::Dataset& ink, Index down, Index right) {
  return ink.map([=](kashi::data::Example& example, kashi::data::RandomStream&) {
    example.image = placed(example.image, down, right);
  });
}

/// Each picture at a random place of its own, the same whenever it is read.
inline kashi::data::Dataset scattered(const kashi::data::Dataset& ink, std::uint64_t seed) {
  const auto scatter = [](kashi::data::Example& example, kashi::data::RandomStream& random) {
    const Index down = random.below(2 * furthest + 1) - furthest, right = random.below(2 * furthest + 1) - furthest;
    example.image = placed(example.image, down, right);
  };
  return ink.map(scatter, seed);
}

/// `count` examples in random order, as many of each class as of any other.
inline kashi::data::Dataset balanced_part(const kashi::data::Dataset& whole, Index count, Index classes,
                                          std::uint64_t seed) {
  using namespace kashi;
  std::vector<Index> taken(static_cast<std::size_t>(classes)), out;
  const Index of_each = std::max<Index>(1, count / classes);
  for (const Index i : random::Generator(seed).permutation(whole.size()).span())
    if (taken[static_cast<std::size_t>(whole.label(i))]++ < of_each) out.push_back(i);
  return whole.subset(out);
}

}  // namespace sharing
