#pragma once

/// What a program that inspects images needs. The headers that this includes are stable: within a minor
/// version nothing of them is taken away or changes its meaning. The other headers are installed because
/// these include them, or for programs that evaluate and train; they may change in any version.

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/weights.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/image/image_view.hpp"
#include "res2clip/image/overlay.hpp"
#include "res2clip/image/region.hpp"
#include "res2clip/image/region_mask.hpp"
#include "res2clip/image/tiles.hpp"
#include "res2clip/image/write.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/reference_bank.hpp"
#include "res2clip/pipeline/detect_each.hpp"
#include "res2clip/pipeline/judging.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/product.hpp"
#include "res2clip/settings/settings.hpp"
#include "res2clip/version.h"
