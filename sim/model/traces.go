package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Traces makes the golden traces: the scripts, then clients of simulated worlds, each of which shows something that
// those before it did not.
func Traces() ([]*Trace, error) {
	var out []*Trace
	shown := map[string]bool{}
	for _, s := range scripts {
		steps, err := s.steps()
		if err != nil {
			return nil, err
		}
		t, err := Play(s.name, steps)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for seed := uint64(0); seed < 400 && len(out) < len(scripts)+20; seed++ {
		for _, profile := range []Profile{Calm, Storm} {
			p := tracePlan(seed, profile)
			t := Run(p, Options{Trace: 1}).Trace
			if size := len(t.JSON()); size > 9000 || len(t.Steps) < 8 {
				continue
			}
			t.Name = fmt.Sprintf("client 0 of seed %d, %s", seed, profile)
			news := 0
			for _, f := range t.features() {
				if !shown[f] {
					shown[f] = true
					news++
				}
			}
			if news > 0 {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

// tracePlan is a plan with little traffic, and nothing done from within callbacks, which a trace cannot tell.
func tracePlan(seed uint64, profile Profile) Plan {
	p := NewPlan(seed, profile)
	p.Codec, p.Flood, p.Heavy = true, false, false
	p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool { return s.Kind == doInCallback || s.Kind == doReload })
	for i := range p.Steps {
		p.Steps[i].N = min(p.Steps[i].N, 90)
		if p.Steps[i].Kind == doBurst {
			p.Steps[i].N = min(p.Steps[i].N, 2)
		}
	}
	return p
}

// features names what a trace shows: which call follows which kind of input.
func (t *Trace) features() []string {
	set := map[string]bool{}
	for _, s := range t.Steps {
		kind := s.Op
		if s.Frame != nil && s.Op == "frame" {
			var f struct {
				Type    string
				Resumed bool
				Code    string
				Room    string
				Prev    *uint64
			}
			_ = json.Unmarshal(s.Frame, &f)
			kind = fmt.Sprint(f.Type, f.Resumed, f.Code, f.Room != "", f.Prev != nil)
		}
		var calls []string
		for _, c := range s.Calls {
			calls = append(calls, c.Call+c.Reason+c.Code+fmt.Sprint(c.Recovered, c.Resumed, min(len(c.Frames), 3)))
		}
		set[kind+" → "+strings.Join(slices.Compact(calls), " ")] = true
	}
	var out []string
	for f := range set {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// JSON returns the trace as its file holds it: one step per line.
func (t *Trace) JSON() []byte {
	name, _ := json.Marshal(t.Name)
	b := fmt.Appendf(nil, "{\"name\":%s,\"steps\":[\n", name)
	for i, s := range t.Steps {
		line, _ := json.Marshal(s)
		b = append(b, line...)
		if i < len(t.Steps)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	return append(b, "]}\n"...)
}

// File is the trace's file name.
func (t *Trace) File() string {
	var b strings.Builder
	for _, r := range t.Name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-") + ".json"
}
