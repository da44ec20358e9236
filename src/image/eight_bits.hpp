#pragma once

#include "raster.hpp"

namespace res2clip {

/// A raster's samples as bytes. Samples of 8 bits stay what they are, wide opacity keeps its high byte, and
/// wide colours follow the rule. Throws an ImageFault, which names the setting, where the rule rejects them.
Raster to_eight_bits(Raster raster, const WideSamples& rule);

/// The same for a mask, in which what is not zero must not become zero: grey is clipped at 255, as Pillow
/// does it; colours keep their high byte, or are clipped too where none is as large as that.
Raster mask_to_eight_bits(Raster raster);

}  // namespace res2clip
