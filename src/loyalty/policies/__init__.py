"""Choices a shop may replace. Pure: values in, values out."""
