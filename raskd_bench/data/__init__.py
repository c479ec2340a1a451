"""Data sets, one function each, and how their images reach the device."""
