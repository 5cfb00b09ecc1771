package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Case is one of the things that Compare compares. Run does it for about so long and returns how many a second.
type Case struct {
	Name string
	Run  func(time.Duration) float64
}

// Compare runs all cases in turn, so many times, and logs the median of each, its least and its most, and what that is
// of the first two cases in the same turn. What else the machine does is then the same for all.
func Compare(b *testing.B, turns int, each time.Duration, cases ...Case) {
	b.Helper()
	rates := make([][]float64, len(cases))
	for range turns {
		for i, c := range cases {
			rates[i] = append(rates[i], c.Run(each))
		}
	}
	for i, c := range cases {
		line := fmt.Sprintf("%-44s %s", c.Name, spread("%.0f/s", rates[i]))
		for base := range min(i, 2) {
			shares := make([]float64, turns)
			for n := range turns {
				shares[n] = rates[i][n] / rates[base][n]
			}
			line += spread("; %.2f", shares) + " of " + cases[base].Name
		}
		b.Log(line)
	}
	b.ReportMetric(0, "ns/op") // that of all turns together says nothing
}

// spread returns the median, and the least and the most in brackets.
func spread(format string, values []float64) string {
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf(format+" [%.4g..%.4g]", sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1])
}

// Rate calls do from so many goroutines for about so long, with numbers from 0 on, and returns the calls a second.
func Rate(b *testing.B, writers int, each time.Duration, do func(n int64) error) float64 {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range writers {
		group.Go(func() {
			for time.Since(began) < each {
				if err := do(next.Add(1) - 1); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(next.Load()) / time.Since(began).Seconds()
}
