/// All differentiable losses: of class scores, binary scores, regions and numbers.
#pragma once

#include <kashi/ops/binary_loss.hpp>
#include <kashi/ops/cross_entropy.hpp>
#include <kashi/ops/lovasz_loss.hpp>
#include <kashi/ops/noisy_loss.hpp>
#include <kashi/ops/region_loss.hpp>
#include <kashi/ops/regression_loss.hpp>
