//go:build !linux

package main

import "syscall"

// alone is empty: elsewhere a program ends when this command ends it.
func alone() *syscall.SysProcAttr { return nil }
