package main

import (
	"slices"
	"sync/atomic"

	"tidings/httpapi"
	"tidings/internal/config"
)

// inEffect is what the settings of the server are now, for people who ask it.
type inEffect struct{ rows atomic.Pointer[[]config.Row] }

// begin takes the settings that the server has started with.
func (e *inEffect) begin(src config.Sources) {
	if rows, err := config.Show(src); err == nil { // else it would not have started
		e.rows.Store(&rows)
	}
}

// reload takes other settings of these names. What waits for the next start stays as it was.
func (e *inEffect) reload(src config.Sources, taken []string) {
	rows, err := config.Show(src)
	before := e.rows.Load()
	if err != nil || before == nil {
		return
	}
	for i := range rows {
		if !slices.Contains(taken, rows[i].Name) {
			rows[i] = (*before)[i]
		}
	}
	e.rows.Store(&rows)
}

// list returns the settings, with secrets hidden.
func (e *inEffect) list() (list []httpapi.Setting) {
	if rows := e.rows.Load(); rows != nil {
		for _, r := range *rows {
			list = append(list, httpapi.Setting(r))
		}
	}
	return list
}
