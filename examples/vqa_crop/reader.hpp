/// The small network that answers: it sees 32x32 pixels, a whole scene or a crop of it, and the question.
#pragma once

#include <kashi/data/dataset.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/ops/pool.hpp>

#include "vqa_crop/matcher.hpp"
#include "vqa_crop/region.hpp"

namespace vqa {

inline constexpr Index reader_size = 32;
/// Colours, then the place in the scene of each pixel, then the question's words, the same everywhere.
inline constexpr Index reader_channels = 3 + 2 + words;

class Reader : public kashi::nn::Module<float> {
 public:
  Reader() {
    using namespace kashi;
    eye_ = nn::Sequential{unit(3, 16), nn::MaxPool2d(2), unit(16, 32), nn::MaxPool2d(2)};
    mind_ = nn::Sequential{unit(32 + reader_channels - 3, 64), unit(64, 64), nn::MaxPool2d(8), nn::Flatten(),
                           nn::Linear({.in = 64, .out = marks})};
  }

  /// [N,32,32,reader_channels] to the marks' logits [N,marks].
  Variable<float> forward(const Variable<float>& x) const override {
    using namespace kashi;
    const Variable<float> seen = eye_(narrow(x, 3, 0, 3)),
                          told = avg_pool2d(narrow(x, 3, 3, reader_channels), {.kernel = 4});
    return mind_(concat({seen, told}, 3));
  }
  void members(kashi::nn::Members<float>& m) override {
    m("eye", eye_);
    m("mind", mind_);
  }

 private:
  kashi::nn::Sequential<float> eye_, mind_;
};

/// What the reader is shown: a part of a scene, and the question.
inline Tensor<float> reader_input(const Puzzle& puzzle, const Crop& crop) {
  const Tensor<float> picture = cut(puzzle.picture, crop, reader_size);
  const auto bag = puzzle.question.bag();
  Tensor<float> out = Tensor<float>::empty({reader_size, reader_size, reader_channels});
  float* to = out.mutable_data();
  const auto place = [&](Index begin, Index i) {
    const float pixel =
        static_cast<float>(begin) + (static_cast<float>(i) + 0.5f) * static_cast<float>(crop.side) / reader_size;
    return 2 * pixel / scene_size - 1;
  };
  for (Index i = 0; i < reader_size * reader_size; ++i) {
    to = std::copy_n(picture.data() + 3 * i, 3, to);
    *to++ = place(crop.y, i / reader_size);
    *to++ = place(crop.x, i % reader_size);
    to = std::copy(bag.begin(), bag.end(), to);
  }
  return out;
}

inline Crop whole_scene() { return {0, 0, scene_size}; }

/// Puzzles, each seen through a crop: example i is puzzle i / kinds through its crop i % kinds.
inline kashi::data::Dataset reading_examples(std::vector<Puzzle> puzzles, std::vector<std::vector<Crop>> crops) {
  const auto kinds = static_cast<Index>(crops.front().size());
  const auto held = std::make_shared<std::pair<std::vector<Puzzle>, std::vector<std::vector<Crop>>>>(std::move(puzzles),
                                                                                                     std::move(crops));
  const auto label = [=](Index i) { return held->first[static_cast<std::size_t>(i / kinds)].asked().mark; };
  const auto get = [=](Index i) {
    const auto at = static_cast<std::size_t>(i / kinds);
    return kashi::data::Example{
        .image = reader_input(held->first[at], held->second[at][static_cast<std::size_t>(i % kinds)]),
        .label = label(i)};
  };
  return kashi::data::Dataset(static_cast<Index>(held->first.size()) * kinds, get, label,
                              {mark_names.begin(), mark_names.end()});
}

}  // namespace vqa
