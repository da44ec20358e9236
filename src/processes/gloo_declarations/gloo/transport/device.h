// Stands in for Gloo's own header: see README.md in the folder above.
#pragma once

namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
