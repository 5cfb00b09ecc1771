//go:build race

package scenario

// herd is smaller where the race detector makes each page ten times as dear.
const herd = 200
