// The one place that includes xtensor (xtensor-blas: core/kernels/gemm.cpp): flat headers up to
// 0.25, folders from 0.26. XTENSOR_USE_XSIMD and the like are set on the CMake target, one value
// for the whole program.
#pragma once

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#include <xtensor/views/xbroadcast.hpp>
#include <xtensor/views/xstrided_view.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xbroadcast.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xstrided_view.hpp>
#endif
