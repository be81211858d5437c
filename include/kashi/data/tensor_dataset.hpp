/// Datasets of images that are already in memory.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kashi/data/dataset.hpp>

namespace kashi::inline v0::data {

namespace detail {

/// Bytes 0..255 as floats 0..1.
inline Tensor<float> to_unit_floats(const Tensor<std::uint8_t>& bytes) {
  Tensor<float> out = Tensor<float>::empty(bytes.shape());
  const std::uint8_t* from = bytes.data();
  float* to = out.mutable_data();
  const Index count = bytes.numel();
  for (Index i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
  return out;
}
inline Tensor<float> to_unit_floats(const Tensor<float>& values) { return values; }

template <class T>
class TensorSource final : public Source {
 public:
  TensorSource(Tensor<T> images, Tensor<Index> labels, std::vector<std::string> class_names)
      : images_(std::move(images)), labels_(std::move(labels)), class_names_(std::move(class_names)) {}
  Index size() const override { return labels_.numel(); }
  Example get(Index i) const override {
    return {.image = to_unit_floats(images_[i]), .label = label(i), .name = name(i)};
  }
  Index label(Index i) const override { return labels_.data()[i]; }
  std::string name(Index i) const override { return std::to_string(i); }
  std::vector<std::string> class_names() const override { return class_names_; }

 private:
  Tensor<T> images_;
  Tensor<Index> labels_;
  std::vector<std::string> class_names_;
};

}  // namespace detail

/// A dataset of images [N,H,W,C] with labels [N], both shared and not copied. T: float as they are, or std::uint8_t
/// 0..255, given out as floats 0..1. An example's name is its number. Throws ShapeError for other shapes.
template <class T>
Dataset tensor_dataset(Tensor<T> images, Tensor<Index> labels, std::vector<std::string> class_names = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::uint8_t>, "images are float or std::uint8_t");
  require<ShapeError>(images.rank() == 4 && labels.rank() == 1 && images.size(0) == labels.size(0),
                      "tensor_dataset: images must be [N,H,W,C] and labels [N]; got ", images.shape(), " and ",
                      labels.shape());
  return Dataset(
      std::make_shared<detail::TensorSource<T>>(std::move(images), std::move(labels), std::move(class_names)));
}

}  // namespace kashi::inline v0::data
