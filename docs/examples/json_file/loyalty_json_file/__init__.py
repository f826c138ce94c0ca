"""The books of a shop in one JSON file: a storage for `loyalty`, as somebody outside of that package writes one."""

from loyalty_json_file.storage import JsonFileStorage

__all__ = ["JsonFileStorage"]
