/// The two ways to change an image for a network, side by side for one class: a picture of the class made from noise,
/// and a photo of the class that FGSM turns into something else.
#pragma once

#include <filesystem>
#include <optional>

#include <kashi/train/report.hpp>

#include "common/photo_network.hpp"

namespace fgsm {

/// What is compared. Pixels are [crop,crop,3] in [0,1], as 8-bit files hold them.
struct Pair {
  kashi::Tensor<float> photo;
  kashi::Tensor<float> fooling;   ///< the photo after FGSM
  double epsilon = 0;             ///< in 1/255
  kashi::Tensor<float> portrait;  ///< the picture of the class
  kashi::Index class_index = 0;
};

/// The picture of a class in the file, or, if there is no such file, one that is made now and saved there. Throws
/// ValueError if the network takes it for another class.
kashi::Tensor<float> portrait_of(const std::filesystem::path& file, const examples::PhotoNetwork& network,
                                 kashi::Index class_index, const examples::Flags& flags);

/// Adds pictures, the table and the figures "comparison" to the report.
void compare(const Pair& pair, const examples::PhotoNetwork& network,
             const std::optional<examples::PhotoNetwork>& second, kashi::train::Report& report);

}  // namespace fgsm
