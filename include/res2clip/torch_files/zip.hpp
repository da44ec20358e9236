#pragma once

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Reads a whole zip file as PyTorch writes them (entries stored as they are) and compares every entry with
/// its CRC-32, which LibTorch's own reader does not. An entry whose CRC is 0 was written without one
/// (`torch.serialization.set_crc32_options(False)`) and is taken as it is. Throws a data error that names the
/// file and the entry.
void expect_undamaged_zip(const Path& path);

}  // namespace res2clip
