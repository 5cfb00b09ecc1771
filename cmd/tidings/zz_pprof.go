//go:build zzpprof

package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
)

func init() {
	if a := os.Getenv("ZZPPROF"); a != "" {
		go http.ListenAndServe(a, nil)
	}
}
