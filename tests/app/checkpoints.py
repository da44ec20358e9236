"""Reads a PyTorch checkpoint as `torch.load(weights_only=True)` would, with Python's standard library alone: names that it does
not allow are refused, so what is read here is what it reads."""
import array
import collections
import io
import pickle
import zipfile

ELEMENTS = {"FloatStorage": "f", "DoubleStorage": "d", "LongStorage": "q", "IntStorage": "i", "ByteStorage": "B"}


def rebuild_tensor(storage, offset, size, stride, requires_grad, backward_hooks):
    """torch._utils._rebuild_tensor_v2, of contiguous tensors: (shape, values)."""
    count, expected = 1, []
    for length in reversed(size):
        expected.insert(0, count)
        count *= length
    assert tuple(stride) == tuple(expected), f"not contiguous: {size} {stride}"
    assert requires_grad is False and not backward_hooks
    return tuple(size), storage[offset:offset + count]


class WeightsOnly(pickle.Unpickler):
    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if module == "torch" and name in ELEMENTS:
            return name
        raise pickle.UnpicklingError(f"torch.load(weights_only=True) refuses {module}.{name}")

    def persistent_load(self, identity):
        kind, storage, key, location, count = identity
        assert kind == "storage" and location == "cpu", identity
        values = array.array(ELEMENTS[storage])
        values.frombytes(self.archive.read(f"{self.root}/data/{key}"))
        assert len(values) == count, f"storage {key} has {len(values)} of {count} numbers"
        return values


def load(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix("/data.pkl")
        return WeightsOnly(archive, root).load()


def weights(path):
    """{"group.key": (shape, values)} of a checkpoint of adapters."""
    return {f"{group}.{key}": tensor for group, state in load(path).items() for key, tensor in state.items()}
