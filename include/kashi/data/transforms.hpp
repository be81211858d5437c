/// All transforms. Each is a class with options, called with an example and a stream of random numbers; several make
/// one by data::Compose. Transforms of geometry move the mask (`Example::target`) with the image, all others leave it
/// alone.
#pragma once

#include <kashi/data/affine.hpp>
#include <kashi/data/blur.hpp>
#include <kashi/data/colour.hpp>
#include <kashi/data/crop.hpp>
#include <kashi/data/elastic.hpp>
#include <kashi/data/noise.hpp>
#include <kashi/data/resize.hpp>
