//go:build !race

package scenario

const herd = 1000
