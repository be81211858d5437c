/// A small network that learns drawn digits in seconds: what programs use when nobody gives them weights.
#pragma once

#include <cstdint>

#include <kashi/data/example.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/nn/container.hpp>

namespace examples {

/// Its name, as models::make has for other networks.
inline constexpr const char* small_network_name = "small";

/// Three convolutions, 3 -> 16 -> 32 -> 64 channels, each with a stride of 2, and the mean over all pixels: children
/// "features", "pool", "fc"; [N,H,W,3] -> [N,classes].
kashi::nn::Sequential<float> small_network(kashi::Index classes = 4);

/// How it wants its pictures: 64x64 pixels about 0.
kashi::models::Preset small_preset();

/// The network with weights that it learns on the spot from 800 drawn digits, classes "1" to "4"; `change` is done to
/// each picture (pixels in [0,1]) first. In training mode.
kashi::nn::Sequential<float> learnt_small_network(std::uint64_t seed, const kashi::data::Transform& change = {});

}  // namespace examples
