/// The whole library in one include.
#pragma once

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/core/version.hpp>
