"""The tests of the conformance kit, by subject. Each file holds one class; ``StorageConformance`` is all of them."""
