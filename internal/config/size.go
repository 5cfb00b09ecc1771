package config

// Size is a number of bytes, written as 4194304, 4096KiB or 4MiB.
type Size int
