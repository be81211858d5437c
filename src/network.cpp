// The library kashi::compiled: tensors, gradients, layers and optimizers of float.
#define KASHI_COMPILED_SOURCE
#include <kashi/autograd/engine.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/clip.hpp>
#include <kashi/optim/lion.hpp>
#include <kashi/optim/rmsprop.hpp>
#include <kashi/optim/sgd.hpp>
